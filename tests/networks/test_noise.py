"""Noise maps: which there are, and that no two share anything."""

import itertools

import jax
import numpy as np
import pytest

from stylegan2_jax.networks.noise import constant_noise, noise_layers, noise_pixels, random_noise
from tests.helpers import names

KEYS = jax.random.split(jax.random.key(0), 3)


def test_one_map_per_convolution():
  assert noise_layers((16, 16)) == [
    ('b4', 'conv1', (4, 4)),
    ('b8', 'conv0', (8, 8)),
    ('b8', 'conv1', (8, 8)),
    ('b16', 'conv0', (16, 16)),
    ('b16', 'conv1', (16, 16)),
  ]
  assert noise_pixels((16, 16)) == 16 + 2 * 64 + 2 * 256
  assert noise_layers((10, 4)) == [
    ('b4', 'conv1', (5, 2)),
    ('b8', 'conv0', (10, 4)),
    ('b8', 'conv1', (10, 4)),
  ]
  assert noise_pixels((10, 4)) == 10 + 2 * 40


def test_shapes_and_distribution():
  maps = names(constant_noise(jax.random.key(0), (64, 64)))
  assert {name: x.shape for name, x in maps.items()} == {
    f'{block}.{layer}': size for block, layer, size in noise_layers((64, 64))
  }
  values = np.concatenate([x.ravel() for x in maps.values()])
  assert abs(values.mean()) < 0.05
  assert abs(values.std() - 1) < 0.05


@pytest.mark.parametrize('kind', ['constant', 'random'])
def test_layers_and_samples_share_nothing(kind):
  if kind == 'constant':
    maps = names(constant_noise(jax.random.key(0), (32, 32)))
  else:
    maps = {
      f'{name}[{i}]': x[i]
      for name, x in names(random_noise(KEYS, (32, 32))).items()
      for i in range(3)
    }
  for (one, a), (other, b) in itertools.combinations(maps.items(), 2):
    assert np.intersect1d(a, b).size <= 2, f'{one}, {other}'  # float32 values meet by chance
    if a.shape == b.shape:
      correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
      assert abs(correlation) < 5 / a.size**0.5, f'{one}, {other}'


def test_a_sample_depends_on_its_own_key_alone():
  together, alone = random_noise(KEYS, (8, 8)), random_noise(KEYS[1:2], (8, 8))
  for name, x in names(alone).items():
    np.testing.assert_array_equal(names(together)[name][1], x[0])


def test_other_keys_other_maps():
  maps, others = (names(constant_noise(key, (8, 8))) for key in KEYS[:2])
  for name, x in maps.items():
    assert np.intersect1d(x, others[name]).size == 0
