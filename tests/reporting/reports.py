"""Reports of runs that are made without training."""

import numpy as np

from stylegan2_jax import images
from stylegan2_jax.reporting.report import Report
from tests import helpers


def write_steps(run, steps, **numbers):
  """Records of steps of 8 images and 0.5 s, 0.1 s of which were spent waiting."""
  for step in steps:
    record = {'step': step, 'kimg': step * 8 / 1000, 'loss_g': 0.5 + step, **numbers}
    times = {'seconds': 0.5, 'data_wait_seconds': 0.1, 'elapsed_seconds': step * 1.0}
    run.stats.append({**record, **times})


def write_grid(run, kimg, value, size=(8, 16)):
  images.save_png(run.fakes_path(kimg), np.full((*size, 3), value, np.uint8))


def report_of(run, settings=None, about=None):
  return Report(run, settings or helpers.settings(batch_size=8, total_kimg=1.0), about or {})
