"""The grids of a run show what they say: the first pictures, and the seeds class by class."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.images import grid
from stylegan2_jax.sampler import Sampler
from stylegan2_jax.settings import DataSettings, SampleSettings
from stylegan2_jax.training.snapshots import choose_cells, draw_fakes, draw_reals
from tests.helpers import networks, noise_pictures, png, random_state, settings

SAMPLE = SampleSettings(grid_rows=2, grid_cols=3, truncation_psi=0.5)


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def source_of(folder, pictures):
  """The pictures as files."""
  folder.mkdir()
  for i, picture in enumerate(pictures):
    (folder / f'{i}.png').write_bytes(png(picture))
  return open_source(DataSettings(source=str(folder), resolution=8))


@pytest.mark.parametrize(('count', 'shown'), [(4, [0, 1, 2, 3]), (9, [0, 2, 3, 5, 6, 8])])
def test_reals(tmp_path, count, shown):
  """Fewer pictures than cells leave black ones; of more, some are shown, from first to last."""
  pictures = np.stack(noise_pictures(count))
  source = source_of(tmp_path / 'data', pictures)
  draw_reals(tmp_path / 'reals.png', source, SAMPLE, choose_cells(SAMPLE, count, None, 0))
  np.testing.assert_array_equal(pixels(tmp_path / 'reals.png'), grid(pictures[shown], 2, 3))


def test_reals_of_classes(tmp_path):
  """Cells without a picture of their class stay black."""
  pictures = np.stack(noise_pictures(5))
  labels = np.array([1, 1, 0, 1, 1], np.int32)
  draw_reals(
    tmp_path / 'reals.png',
    source_of(tmp_path / 'data', pictures),
    SAMPLE,
    choose_cells(SAMPLE, 5, labels, 2),
  )
  cells = np.zeros((6, 8, 8, 3), np.uint8)
  for cell, number in {0: 2, 1: 0, 4: 4}.items():
    cells[cell] = pictures[number]
  np.testing.assert_array_equal(pixels(tmp_path / 'reals.png'), grid(cells, 2, 3))


@pytest.mark.parametrize(
  ('labels', 'c_dim', 'numbers', 'vectors'),
  [
    (None, 0, [0, 1, 2, 3, -1, -1], None),
    # Columns of classes 0, 1, 0: the k-th of a class in its k-th cell.
    ([1, 0, 0, 1], 2, [1, 0, 2, -1, 3, -1], [[1, 0], [0, 1], [1, 0]] * 2),
    # More classes than columns.
    ([3, 2, 2, 1], 4, [-1, 3, 1, -1, -1, 2], np.eye(4)[[0, 1, 2] * 2]),
    # Vectors: those of the pictures, from the beginning again where there are no more.
    (np.eye(4) + 0.5, 4, [0, 1, 2, 3, -1, -1], (np.eye(4) + 0.5)[[0, 1, 2, 3, 0, 1]]),
  ],
)
def test_cells(labels, c_dim, numbers, vectors):
  if labels is not None:
    labels = np.asarray(labels, np.int32 if np.ndim(labels) == 1 else np.float32)
  cells = choose_cells(SAMPLE, 4, labels, c_dim)
  assert cells.pictures.tolist() == numbers
  if vectors is None:
    assert cells.labels is None
  else:
    assert cells.labels.dtype == np.float32
    np.testing.assert_array_equal(cells.labels, np.asarray(vectors, np.float32))


@pytest.mark.parametrize(('c_dim', 'classes'), [(0, None), (2, [0, 1, 0, 0, 1, 0])])
def test_fakes(tmp_path, c_dim, classes):
  """Seeds 0, 1, 2, ... in the cells; a class to each column."""
  generator, discriminator = networks(c_dim=c_dim)
  state = random_state(generator, discriminator, settings().train)
  weights = state.ema_params, jnp.ones_like(state.w_avg), state.noise_maps
  sampler = Sampler(generator, *weights)
  cells = choose_cells(SAMPLE, 9, np.zeros(9, np.int32) if c_dim else None, c_dim)
  draw_fakes(tmp_path / 'fakes.png', sampler, SAMPLE, cells)
  labels = None if classes is None else np.eye(c_dim, dtype=np.float32)[classes]
  expected = sampler.sample(range(6), 0.5, labels)
  np.testing.assert_array_equal(pixels(tmp_path / 'fakes.png'), grid(expected, 2, 3))
  draw_fakes(tmp_path / 'all.png', sampler, dataclasses.replace(SAMPLE, truncation_psi=1.0), cells)
  assert np.any(pixels(tmp_path / 'all.png') != pixels(tmp_path / 'fakes.png'))
