"""DiffAugment against plain loops and its stated distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.augment.diffaugment import DiffAugment, cut, recolor, translate

RNG = np.random.default_rng(0)


def images(n=3, height=8, width=6, channels=3):
  return jnp.asarray(RNG.uniform(-1, 1, (n, height, width, channels)), jnp.float32)


def test_recolor():
  """In this order: brightness, then away from each pixel's grey, then from the image's mean."""
  img, draws = images(), ([0.1, 0.0, -0.3], [1.0, 0.0, 1.7], [1.0, 1.5, 0.6])
  found = recolor(img, *map(jnp.array, draws))
  for x, y, brightness, saturation, contrast in zip(img, found, *draws, strict=True):
    expected = np.array(x, np.float64) + brightness
    for pixel in expected.reshape(-1, 3):
      pixel[:] = (pixel - pixel.mean()) * saturation + pixel.mean()
    expected = (expected - expected.mean()) * contrast + expected.mean()
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_recolor_leaves_alpha(channels):
  img, half = images(channels=channels), jnp.full(3, 0.5)
  found = recolor(img, half, half, half)
  if channels != 1:
    np.testing.assert_array_equal(found[..., -1], img[..., -1])
  colors = 3 if channels == 4 else 1
  color = np.asarray(img[..., :colors]) + 0.5
  grey = color.mean(axis=3, keepdims=True)
  color = (color + grey) / 2
  mean = color.mean(axis=(1, 2, 3), keepdims=True)
  np.testing.assert_allclose(found[..., :colors], (color + mean) / 2, atol=1e-6)


def test_translate():
  """Down and right; nothing comes in but 0."""
  img = images(2)
  found = translate(img, jnp.array([[2, -1], [0, 3]]))
  expected = np.zeros_like(img)
  expected[0, 2:, :5] = img[0, :6, 1:]
  expected[1, :, 3:] = img[1, :, :3]
  np.testing.assert_array_equal(found, expected)


def test_cut():
  """Of a hole that reaches over the edge, what lies inside."""
  img = images(2)
  expected = np.array(img)
  expected[0, 2:6, 1:4] = 0
  expected[1, :3, 4:] = 0
  found = cut(img, jnp.array([[2, 1], [-1, 4]]), jnp.array([4, 3]))
  np.testing.assert_array_equal(found, expected)


def run(policies, img, seed=0):
  keys = jax.random.split(jax.random.key(seed), len(img))
  return np.asarray(jax.jit(DiffAugment(policies))(keys, jnp.float32(0), img))


def test_shifts_are_uniform():
  """Over -2 to 2 pixels of 16, both ways by themselves."""
  img = np.zeros((5000, 16, 16, 1), np.float32)
  img[:, 8, 8] = 1
  found = run(('translation',), jnp.asarray(img))
  _, rows, columns, _ = np.nonzero(found)
  counts, _, _ = np.histogram2d(rows, columns, bins=(np.arange(5.5, 12), np.arange(5.5, 12)))
  expected = np.zeros((6, 6))
  expected[:5, :5] = 5000 / 25
  np.testing.assert_allclose(counts, expected, atol=4 * (5000 / 25) ** 0.5)


@pytest.mark.parametrize(('side', 'reach', 'hole'), [(4, 1, 2), (7, 1, 4), (20, 3, 10), (12, 2, 6)])
def test_halves_of_pixels_are_rounded_up(side, reach, hole):
  """An eighth of the side to shift by, and half of it to cut."""
  img = np.zeros((2000, side, side, 1), np.float32)
  img[:, side // 2, side // 2] = 1
  rows = np.nonzero(run(('translation',), jnp.asarray(img)))[1]
  assert (rows.min(), rows.max()) == (side // 2 - reach, min(side // 2 + reach, side - 1))
  cut_rows = (run(('cutout',), jnp.ones((2000, side, side, 1)))[..., 0] == 0).any(axis=2)
  assert cut_rows.sum(axis=1).max() == hole


def test_holes_are_half_as_wide():
  """Centred anywhere, so that at the edges less of them is left."""
  found = run(('cutout',), jnp.ones((2000, 16, 16, 1)))[..., 0]
  rows = (found == 0).any(axis=2).sum(axis=1)
  assert set(rows) <= set(range(4, 9))
  assert (rows == 8).mean() == pytest.approx(9 / 17, abs=0.05)  # of 17 centres, 9 are far inside
  assert (
    (found == 0) == (found == 0).any(axis=2)[:, :, None] * (found == 0).any(axis=1)[:, None]
  ).all()


def test_colours_are_in_their_ranges():
  """Brightness within ±1/2; contrast about the mean between 1/2 and 3/2."""
  img = jnp.tile(images(1), (2000, 1, 1, 1))
  found = run(('color',), img)
  means = found.mean(axis=(1, 2, 3)) - np.asarray(img).mean(axis=(1, 2, 3))
  assert -0.5 <= means.min() < -0.48
  assert 0.48 < means.max() <= 0.5
  grey = found.mean(axis=3).std(axis=(1, 2)) / np.asarray(img).mean(axis=3).std(axis=(1, 2))
  assert 0.5 - 1e-5 <= grey.min() < 0.52
  assert 1.48 < grey.max() <= 1.5 + 1e-5


def test_all_of_it_is_differentiable_twice():
  img = images()
  keys = jax.random.split(jax.random.key(1), 3)
  augment = DiffAugment(('color', 'translation', 'cutout'))

  def value(t):
    return jnp.tanh(augment(keys, jnp.float32(1), img * t)).sum()

  slope = jax.grad(value)(1.0)
  assert float(value(1.01) - value(0.99)) / 0.02 == pytest.approx(float(slope), rel=1e-2)
  curvature = jax.grad(jax.grad(value))(1.0)
  assert float(jax.grad(value)(1.01) - jax.grad(value)(0.99)) / 0.02 == pytest.approx(
    float(curvature), rel=2e-2
  )
