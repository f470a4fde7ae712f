"""Weights of VGG16 out of the file that torchvision publishes, or one with the same names."""

import pathlib
import re
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from stylegan2_jax.metrics.features.vgg import Vgg, conv_shapes
from stylegan2_jax.metrics.features.vgg_classifier import HIDDEN, LAST_SIDE, VggClassifier
from stylegan2_jax.metrics.features.weight_arrays import checked, read_arrays

_CONV = re.compile(r'(?:^|\.)(?:features|slice[1-5])\.(\d{1,2})\.(weight|bias)$', re.ASCII)
_LAYER = re.compile(r'(?:^|\.)classifier\.([03])\.(weight|bias)$', re.ASCII)
_ADVICE = 'give the VGG16 state dictionary of torchvision'


def convolutions(arrays: Mapping[str, np.ndarray], path: str | pathlib.Path) -> Vgg:
  """The convolutions among the arrays of a file.

  They are called `features.N.weight` and `features.N.bias`, or as in LPIPS's whole model
  `net.slice1.N.weight`, with any prefix that ends in a dot.

  Raises:
    UserError: one is missing or has another shape.
  """
  found = _named(arrays, _CONV, 'features')
  weights = {}
  for number, (height, width, inputs, outputs) in conv_shapes().items():
    shape = (outputs, inputs, height, width)
    kernel = checked(found, f'features.{number}.weight', shape, path, _ADVICE)
    bias = checked(found, f'features.{number}.bias', (outputs,), path, _ADVICE)
    weights[number] = jnp.asarray(kernel.transpose(2, 3, 1, 0)), jnp.asarray(bias)
  return weights


def load_classifier(path: str | pathlib.Path) -> VggClassifier:
  """VGG16 up to its second hidden layer (`classifier.0`, `classifier.3`).

  Raises:
    UserError: the file cannot be read, or something is missing in it or has another shape.
  """
  arrays = read_arrays(path)
  vgg = convolutions(arrays, path)
  found = _named(arrays, _LAYER, 'classifier')
  channels = vgg[max(vgg)][1].shape[0]
  layers = []
  for number, inputs in ((0, channels * LAST_SIDE**2), (3, HIDDEN)):
    weight = checked(found, f'classifier.{number}.weight', (HIDDEN, inputs), path, _ADVICE)
    bias = checked(found, f'classifier.{number}.bias', (HIDDEN,), path, _ADVICE)
    layers.append((weight.T, bias))
  # Rows are in the order of [C, H, W] there and of [H, W, C] here.
  first, bias = layers[0]
  first = first.reshape(channels, LAST_SIDE, LAST_SIDE, HIDDEN).transpose(1, 2, 0, 3)
  layers[0] = first.reshape(-1, HIDDEN), bias
  return VggClassifier(vgg, tuple((np.ascontiguousarray(w), b) for w, b in layers))


def _named(arrays, pattern, part):
  """Those whose names fit, as `PART.N.weight`."""
  matches = ((pattern.search(name), value) for name, value in arrays.items())
  return {f'{part}.{match[1]}.{match[2]}': value for match, value in matches if match}
