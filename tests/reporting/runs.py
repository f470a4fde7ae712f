"""Folders of runs, made without training."""

import contextlib
import fcntl

import numpy as np

from stylegan2_jax import config
from stylegan2_jax.images import save_png
from stylegan2_jax.run_directory import RunDirectory
from tests.helpers import changed


def make_run(path, steps=0, grids=(), size=(16, 32), clock=True, **fields):
  """A RunDirectory after so many steps of 100 images and 2 seconds each.

  Args:
    path: folder to be.
    steps: records in stats.jsonl.
    grids: kimg of each grid; it is of the colour (kimg, 0, 0).
    size: (height, width) of the grids.
    clock: whether the records have `elapsed_seconds`.
    fields: of the settings, dots written as double underscores.
  """
  path.mkdir()
  run = RunDirectory(path)
  settings = changed(**{'train__batch_size': 100, 'train__total_kimg': 20.0, **fields})
  run.config_path.write_text(config.to_json(settings))
  append(run, *(record(step, clock) for step in range(1, steps + 1)))
  for kimg in grids:
    save_grid(run, kimg, size)
  return run


def append(run, *records):
  for line in records:
    run.stats.append(line)
  run.stats.close()


def record(step, clock=True, **numbers):
  """A line of stats.jsonl; R1 is due every fourth step."""
  line = {'step': step, 'kimg': step / 10, 'loss_g': 1.0 + step, 'loss_d': 0.5, 'seconds': 2.0}
  line |= {'data_wait_seconds': 0.01, 'images_per_second': 50.0, 'memory_gib': 1.25, 'nonfinite': 0}
  if clock:
    line['elapsed_seconds'] = 2.0 * step
  if step % 4 == 0:
    line['r1_penalty'] = 0.25
  return line | numbers


def save_grid(run, kimg, size=(16, 32)):
  pixels = np.zeros((*size, 3), np.uint8)
  pixels[:, :, 0] = round(kimg)
  save_png(run.fakes_path(kimg), pixels)


@contextlib.contextmanager
def locked(run):
  """As if a training held the folder."""
  with (run.path / '.lock').open('a') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    yield
