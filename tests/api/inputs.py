"""Latents and labels for the models of conftest.py."""

import numpy as np

CLASSES = ('ant', 'bee', '0')


def latents(n=3, width=8):
  return np.random.default_rng(5).standard_normal((n, width)).astype(np.float32)


def one_hot(*numbers):
  return np.eye(len(CLASSES), dtype=np.float32)[list(numbers)]
