"""Runs without real training or measuring."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.metrics import evaluation
from stylegan2_jax.settings import MetricSettings, SampleSettings
from stylegan2_jax.training import loop, session
from tests import helpers
from tests.training.measuring.stand_ins import BATCH, Engine, Evaluation

EVERY = 2  # steps from snapshot to snapshot


@pytest.fixture
def told(monkeypatch):
  """What to measure; training is replaced as well."""
  told = Evaluation()
  monkeypatch.setattr(evaluation, 'check', told.check)
  monkeypatch.setattr(evaluation, 'evaluate', told.evaluate)
  monkeypatch.setattr(loop, 'Engine', Engine)
  monkeypatch.setattr(Engine, 'steps', [])
  return told


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
  folder = tmp_path_factory.mktemp('pictures')
  rng = np.random.default_rng(0)
  for i in range(11):
    Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).save(folder / f'{i}.png')
  return folder


@pytest.fixture
def train(pictures, run_dir):
  """A function that trains the run up to a number of steps."""

  def train(steps, names='swd', stop=None, data=(), **fields):
    metrics = {name: fields.pop(name) for name in ('kimg', 'best') if name in fields}
    kimg = BATCH / 1000
    settings = helpers.settings(
      4,
      data={'source': str(pictures), **dict(data)},
      total_kimg=steps * kimg,
      snapshot_kimg=EVERY * kimg,
      micro_batch=2,
      **fields,
    )
    metrics, sample = MetricSettings(names, **metrics), SampleSettings(1, 2)
    session.train(dataclasses.replace(settings, metrics=metrics, sample=sample), run_dir, stop)

  return train
