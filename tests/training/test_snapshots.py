"""The grids of a run show what they say: the first pictures, and the seeds class by class."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.config import DataSettings, SampleSettings
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.images import grid
from stylegan2_jax.sampler import Sampler
from stylegan2_jax.training.snapshots import draw_fakes, draw_reals
from tests.helpers import networks, random_state, settings

SAMPLE = SampleSettings(grid_rows=2, grid_cols=3, truncation_psi=0.5)


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


@pytest.mark.parametrize('count', [4, 9])
def test_reals(tmp_path, count):
  """Fewer pictures than cells leave black ones; more are left out."""
  pictures = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)
  (tmp_path / 'data').mkdir()
  for i, picture in enumerate(pictures):
    Image.fromarray(picture).save(tmp_path / 'data' / f'{i}.png')
  source = open_source(DataSettings(source=str(tmp_path / 'data'), resolution=8))
  draw_reals(tmp_path / 'reals.png', source, SAMPLE)
  np.testing.assert_array_equal(pixels(tmp_path / 'reals.png'), grid(pictures[:6], 2, 3))


@pytest.mark.parametrize(('c_dim', 'classes'), [(0, None), (2, [0, 1, 0, 0, 1, 0])])
def test_fakes(tmp_path, c_dim, classes):
  """Seeds 0, 1, 2, ... in the cells; a class to each column."""
  generator, discriminator = networks(c_dim=c_dim)
  state = random_state(generator, discriminator, settings().train)
  weights = state.ema_params, jnp.ones_like(state.w_avg), state.noise_maps
  sampler = Sampler(generator, *weights)
  draw_fakes(tmp_path / 'fakes.png', sampler, SAMPLE, c_dim)
  labels = None if classes is None else np.eye(c_dim, dtype=np.float32)[classes]
  expected = sampler.sample(range(6), 0.5, labels)
  np.testing.assert_array_equal(pixels(tmp_path / 'fakes.png'), grid(expected, 2, 3))
  draw_fakes(tmp_path / 'all.png', sampler, dataclasses.replace(SAMPLE, truncation_psi=1.0), c_dim)
  assert np.any(pixels(tmp_path / 'all.png') != pixels(tmp_path / 'fakes.png'))
