"""Pictures of a run: grids of the data set and of the generator's progress.

Both grids have the same cells. Unconditional: pictures spread over the data set, and seeds 0, 1,
2, ... Classes: one to a column, in turn; the two grids show the same class in the same place. Label
vectors: pictures spread over the data set, and fakes of the very labels that those have.
"""

import pathlib
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.base import Source
from stylegan2_jax.data.decoding import decode
from stylegan2_jax.images import grid, save_png
from stylegan2_jax.sampler import Sampler
from stylegan2_jax.settings import SampleSettings


class Cells(NamedTuple):
  """What is in the cells of the grids, row by row."""

  pictures: np.ndarray  # int [cells], numbers of pictures of the data set; -1 for none
  labels: np.ndarray | None  # float32 [cells, c_dim], of the fakes; None unconditional


def choose_cells(
  sample: SampleSettings, num_pictures: int, labels: np.ndarray | None, c_dim: int
) -> Cells:
  """Chooses pictures and labels for the grids.

  Args:
    sample: with the number of rows and columns.
    num_pictures: in the data set.
    labels: of all pictures, int32 [num_pictures] or float32 [num_pictures, c_dim], or None.
    c_dim: the width of the label vectors; of classes, how many there are.
  """
  cells = np.arange(sample.grid_rows * sample.grid_cols)
  pictures = np.full(len(cells), -1)
  if labels is None or labels.ndim == 2:
    found = _spread(np.arange(num_pictures), len(cells))
    pictures[: len(found)] = found
    shown = None if labels is None else labels[np.resize(found, len(cells))]
    return Cells(pictures, shown)
  classes = cells % sample.grid_cols % c_dim
  for number in np.unique(classes):
    places = np.flatnonzero(classes == number)
    found = _spread(np.flatnonzero(labels == number), len(places))
    pictures[places[: len(found)]] = found
  return Cells(pictures, np.eye(c_dim, dtype=np.float32)[classes])


def _spread(numbers, count):
  """At most so many of them, evenly spaced: sets are often sorted."""
  if len(numbers) <= count:
    return numbers
  return numbers[np.linspace(0, len(numbers) - 1, count).round().astype(int)]


def draw_reals(path: pathlib.Path, source: Source, sample: SampleSettings, cells: Cells) -> None:
  """A grid of pictures of the data set; cells without one stay empty."""
  pictures = np.zeros((len(cells.pictures), *source.data.size, source.data.channels), np.uint8)
  for place, number in enumerate(cells.pictures):
    if number >= 0:
      example = source.read(int(number))
      pictures[place] = decode(source.data, example.image, example.name)
  save_png(path, grid(pictures, sample.grid_rows, sample.grid_cols))


def draw_fakes(path: pathlib.Path, sampler: Sampler, sample: SampleSettings, cells: Cells) -> None:
  """A grid of the pictures of seeds 0, 1, 2, …, as `launch.py sample` draws them."""
  seeds = range(len(cells.pictures))
  pictures = sampler.sample(seeds, sample.truncation_psi, cells.labels)
  save_png(path, grid(pictures, sample.grid_rows, sample.grid_cols))
