"""Perceptual path lengths in closed form: of linear networks, on straight and round ways."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from stylegan2_jax.metrics import perceptual_path_length as lib
from stylegan2_jax.metrics.perceptual_path_length import PerceptualPathLength
from tests.helpers import networks, random_params
from tests.metrics import paths

CLASSES = 3
LABELS = np.eye(CLASSES, dtype=np.float32)[[0, 2, 1, 1]]
NUMBERS = np.array([3, 0, 2**32 - 1, 7], np.uint32)


@pytest.mark.parametrize('space', ['w', 'z'])
def test_it_is_a_derivative(space, x64):
  """In float64 the distance is the squared speed of the images, but for O(ε)."""
  form = {'size': (16, 24), 'c_dim': CLASSES, 'channel_max': 4, 'mapping_layers': 1}
  pair = networks(dtype=jnp.float64, **form)
  generator, params = pair[0], random_params(*pair)[0]
  path = PerceptualPathLength(generator, space, 'full')
  t, z, noise = path.draw(NUMBERS)

  @jax.jit
  def speed(params):
    def images(t):
      ws = path.ends(params['mapping'], t, z, LABELS.astype(float))[0]
      return generator.apply({'params': params}, ws, noise, method='synthesize')

    return (jax.jvp(images, (t,), (jnp.ones_like(t),))[1] ** 2).sum((1, 2, 3))

  expected, found = speed(params), paths.distances(path, NUMBERS, LABELS, params)
  assert found.dtype == np.float64
  np.testing.assert_allclose(found, expected, rtol=2e-2)
  half = dataclasses.replace(path, epsilon=5e-5)
  half = paths.distances(half, NUMBERS, LABELS, params)
  np.testing.assert_allclose(half, expected, rtol=1e-2)
  np.testing.assert_allclose(half, found, rtol=1e-2)


@dataclasses.dataclass(frozen=True)
class Plain:
  """A mapping that does nothing, or a synthesis that lays w out as pixels."""

  size: tuple[int, int] = (16, 16)
  z_dim: int = 768  # 16·16·3
  dtype: Any = jnp.float32

  def clone(self, **_):
    return self

  def apply(self, variables, x, label_or_noise):
    return x[:, None] if x.ndim == 2 else x.reshape(len(x), *self.size, 3)


@dataclasses.dataclass(frozen=True)
class PlainGenerator:
  mapping: Any = Plain()
  synthesis: Any = Plain()


@pytest.mark.parametrize('sampling', ['full', 'end'])
def test_closed_forms(sampling):
  """Straight ways have the speed |z1 − z0|, round ones their angle, wherever one is on them."""
  numbers = np.arange(50, dtype=np.uint32)
  params = {'mapping': {}, 'synthesis': {}}
  both = [PerceptualPathLength(PlainGenerator(), space, sampling) for space in 'wz']
  z = np.asarray(both[0].draw(numbers)[1], np.float64)
  straight, round_ = (paths.distances(path, numbers, None, params) for path in both)
  np.testing.assert_allclose(straight, ((z[:, 1] - z[:, 0]) ** 2).sum(1), rtol=1e-3)
  unit = z / np.linalg.norm(z, axis=2, keepdims=True)
  angles = np.arccos((unit[:, 0] * unit[:, 1]).sum(1))
  np.testing.assert_allclose(round_, angles**2, rtol=1e-3)
  assert abs(straight.mean() - 2 * 768) < 4 * np.sqrt(8 * 768 / 50)
  assert abs(round_.mean() - (np.pi / 2) ** 2) < 4 * np.pi / np.sqrt(768 * 50)


def test_round_ways():
  """From one direction to the other at an even speed, whatever the lengths."""
  z0, z1 = jnp.array([[3.0, 0, 0]]), jnp.array([[0, 0.2, 0]])
  for t, step in ((0, 1), (0.25, 0.5), (0.5, 0.5), (1, 1e-3)):
    here, there = lib.spherical_step(z0, z1, jnp.array([t]), step)[:, 0]
    for found, at in ((here, t), (there, t + step)):
      angle = at * np.pi / 2
      np.testing.assert_allclose(found, [np.cos(angle), np.sin(angle), 0], atol=2e-7)
  obtuse = jnp.array([[-1.0, 0, 1e-3]])
  middle = lib.spherical_step(z0, obtuse, jnp.array([0.5]), 0.5)
  np.testing.assert_allclose(middle[0, 0], [5e-4, 0, 1], atol=1e-6)
  np.testing.assert_allclose(middle[1, 0], [-1, 0, 1e-3], atol=1e-6)


def test_the_window_of_a_face():
  rows, columns = np.meshgrid(np.arange(32), np.arange(64), indexing='ij')
  found = np.asarray(lib.crop(np.stack([rows, columns], 2)[None]))[0]
  np.testing.assert_array_equal(found[:, 0, 0], range(12, 28))
  np.testing.assert_array_equal(found[0, :, 1], range(16, 48))
  assert found.shape == (*lib.cropped_size((32, 64)), 2)


def test_large_images_are_cropped_first():
  """Of 1024 px the distance is taken of 512, which it halves."""
  seen = []

  @struct.dataclass
  class Recording(paths.Squares):
    def features(self, img):
      seen.append(img.shape)
      return super().features(img)

  large = Plain((1024, 1024), 1024 * 1024 * 3)
  for crop in (True, False):
    path = PerceptualPathLength(PlainGenerator(large, large), crop=crop)
    weights = {'mapping': {}, 'synthesis': {}}, Recording()
    jax.eval_shape(path.apply, weights, jax.ShapeDtypeStruct((2,), jnp.uint32))
  assert seen == [(2, 512, 512, 3), (2, 1024, 1024, 3)]
