"""The random network: the same for ever, a plain form of it, and what it tells apart."""

import functools

import jax
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from stylegan2_jax.data import shapes
from stylegan2_jax.metrics.features import random_network
from stylegan2_jax.metrics.formulas.gaussian import Gaussian, frechet_distance
from stylegan2_jax.metrics.formulas.kernel_distance import kernel_distance

_HASH = 'ba36d5a02427a4e2ef7d57dd18d10dbd597a5805ee23aec1be7cc841e556dc65'
_COUNT = 300


@functools.cache
def network():
  found = random_network.random_network()
  return found, jax.jit(found.apply)


def features(images):
  found, apply = network()
  parts = np.split(images, range(100, len(images), 100))
  numbers = (np.arange(len(part), dtype=np.uint32) for part in parts)
  rows = [apply(found.weights, part, n)['features'] for part, n in zip(parts, numbers, strict=True)]
  return np.concatenate(rows)


def noise_images(*shape):
  return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_weights_never_change():
  """A network of other weights gives other numbers, which would go by the same name."""
  found, _ = network()
  assert found.name == 'random'
  assert found.recipe['sha256'] == random_network.weights_hash(found.weights) == _HASH


def test_filters():
  """Orthogonal, of length √2; half of the first ones blind to colour, and amplified by 4."""
  weights = network()[0].weights
  for part in ('fine', 'coarse'):
    for index, (kernel, bias) in enumerate(weights[part]):
      assert kernel.dtype == bias.dtype == np.float32
      rows = np.float64(kernel).reshape(-1, kernel.shape[-1]).T
      if index:
        np.testing.assert_allclose(rows @ rows.T, 2 * np.eye(len(rows)), atol=4e-3)
        continue
      half = len(rows) // 2
      for these, length in ((rows[:half], 2), (rows[half:], 2 * 16)):
        np.testing.assert_allclose(these @ these.T, length * np.eye(half), atol=0.02)
      np.testing.assert_allclose(kernel[..., half:].sum((0, 1)), 0, atol=0.005)
      np.testing.assert_array_equal(bias[half:], 0)
      assert 0.3 < np.abs(bias[:half]).max() < 0.5


def plain_features(image):
  """Of one image [H, W, 3] in [-1, 1], convolution by convolution."""
  found = []
  weights = network()[0].weights
  coarse = image
  while min(coarse.shape[:2]) >= 64:
    coarse = plain_halved(coarse)
  for part, x in (('fine', image), ('coarse', coarse)):
    for index, (kernel, bias) in enumerate(weights[part]):
      x = plain_halved(x) if index else x
      flipped = np.float64(kernel)[::-1, ::-1]
      channels = [
        sum(
          scipy.signal.convolve2d(x[..., i], flipped[..., i, o], 'same') for i in range(x.shape[2])
        )
        for o in range(kernel.shape[3])
      ]
      x = np.maximum(np.stack(channels, -1) + bias, 0)
      found += [x.mean((0, 1)), x.std((0, 1))]
  return np.concatenate(found)


def plain_halved(x):
  height, width = x.shape[0] // 2, x.shape[1] // 2
  return x[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).mean((1, 3))


@pytest.mark.parametrize('size', [(16, 16), (17, 31), (66, 128)])
def test_features(size):
  image = noise_images(1, *size, 3)
  expected = plain_features(image[0] / 127.5 - 1)
  assert expected.shape == (random_network.WIDTH,)
  np.testing.assert_allclose(features(image)[0], expected, atol=2e-5)


def test_each_row_depends_on_its_image_alone():
  images = noise_images(5, 32, 32, 3)
  together = features(images)
  np.testing.assert_allclose(features(images[3:4])[0], together[3], atol=1e-5)
  assert np.abs(together[3] - together[2]).max() > 0.01


def test_flat_images():
  """Mid grey is 0 nearly: of the first layer there are biases, and little spread."""
  found = features(np.full((1, 32, 32, 3), 128, np.uint8))[0]
  bias = network()[0].weights['fine'][0][1]
  np.testing.assert_allclose(found[:32], np.maximum(bias, 0), atol=0.03)
  assert np.abs(found[32:64]).max() < 0.05


def test_too_small():
  with pytest.raises(ValueError, match='16 pixels'):
    features(noise_images(1, 15, 40, 3))


def scenes():
  return shapes.sample_factors(range(_COUNT))


def other_kinds():
  return np.roll(scenes().kind, 1)


@functools.cache
def fakes():
  """Other shapes in the scenes of the reals: other scenes would need far more pictures."""
  return shapes.draw(scenes()._replace(kind=other_kinds()), 32)


def noise(strength):
  added = np.random.default_rng(0).standard_normal(fakes().shape)
  return np.clip(fakes() + strength * added, 0, 255).astype(np.uint8)


def blur(sigma):
  return scipy.ndimage.gaussian_filter(fakes(), (0, sigma, sigma, 0))


def colour_shift(amount):
  return np.clip(fakes() + np.array([amount, 0, -amount]), 0, 255).astype(np.uint8)


def occlusion(side):
  """A grey square anywhere."""
  images = fakes().copy()
  corners = (np.random.default_rng(0).uniform(size=(_COUNT, 2)) * (33 - side)).astype(int)
  for image, (top, left) in zip(images, corners, strict=True):
    image[top : top + side, left : left + side] = 128
  return images


def missing(count):
  """The last kinds left out, and the first in their place."""
  left = other_kinds() % (len(shapes.KINDS) - count)
  return shapes.draw(scenes()._replace(kind=left), 32)


@functools.cache
def real_features():
  return features(shapes.draw(scenes(), 32))


def distances(images):
  rows = features(images)
  frechet = frechet_distance(Gaussian.of(real_features()), Gaussian.of(rows))
  return frechet, kernel_distance(real_features(), rows).mean


@functools.cache
def undisturbed():
  return distances(fakes())


@pytest.mark.parametrize(
  ('corrupt', 'strengths'),
  [
    (noise, (4, 10, 25)),
    (blur, (0.5, 1, 2)),
    (colour_shift, (8, 20, 50)),
    (occlusion, (4, 7, 12)),
    (missing, (2, 4, 5)),
  ],
)
def test_corruptions_are_ordered(corrupt, strengths):
  """The stronger, the farther, by both distances, and farther than other pictures uncorrupted."""
  found = [undisturbed(), *(distances(corrupt(strength)) for strength in strengths)]
  for name, values in zip(('frechet', 'kernel'), zip(*found, strict=True), strict=True):
    assert (np.diff(values) > 0).all(), (name, values)


def test_other_shapes_are_near():
  frechet, kernel = undisturbed()
  far_frechet, far_kernel = distances(noise(25))
  assert frechet < far_frechet / 10
  assert abs(kernel) < far_kernel / 20
