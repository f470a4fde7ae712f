"""Pictures of a run: grids of the data set and of the generator's progress."""

import pathlib

import numpy as np

from stylegan2_jax.config import SampleSettings
from stylegan2_jax.data.base import Source
from stylegan2_jax.data.decoding import decode
from stylegan2_jax.images import grid, save_png
from stylegan2_jax.sampler import Sampler


def draw_reals(path: pathlib.Path, source: Source, sample: SampleSettings) -> None:
  """A grid of the first pictures of the data set."""
  count = min(sample.grid_rows * sample.grid_cols, len(source))
  examples = [source.read(i) for i in range(count)]
  pictures = np.stack([decode(source.data, e.image, e.name) for e in examples])
  save_png(path, grid(pictures, sample.grid_rows, sample.grid_cols))


def draw_fakes(path: pathlib.Path, sampler: Sampler, sample: SampleSettings, c_dim: int) -> None:
  """A grid of the pictures of seeds 0, 1, 2, …, as `launch.py sample` draws them.

  A conditional generator shows a class per column, in turn.
  """
  count = sample.grid_rows * sample.grid_cols
  labels = None
  if c_dim:
    labels = np.eye(c_dim, dtype=np.float32)[np.arange(count) % sample.grid_cols % c_dim]
  pictures = sampler.sample(range(count), sample.truncation_psi, labels)
  save_png(path, grid(pictures, sample.grid_rows, sample.grid_cols))
