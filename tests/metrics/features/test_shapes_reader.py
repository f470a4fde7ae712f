"""The reader of shapes: on pictures whose factors are known, and on what are no shapes."""

import functools

import numpy as np
import pytest

from stylegan2_jax.data import shapes
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import shapes_templates
from stylegan2_jax.metrics.features.shapes_reader import read_shapes, rgb_to_hsv

_COUNTS = {16: 400, 24: 100, 32: 400, 64: 300, 100: 100, 128: 200}


@functools.cache
def known(resolution):
  """Factors and pictures of no other test's, and what was read."""
  factors = shapes.sample_factors(range(_COUNTS[resolution]), seed=5)
  images = shapes.draw(factors, resolution)
  return factors, images, read_shapes(images)


def noise(resolution, blocks, count=100):
  side = resolution // blocks
  pixels = np.random.default_rng(0).integers(0, 256, (count, blocks, blocks, 3)).astype(np.uint8)
  return pixels.repeat(side, 1).repeat(side, 2)


def around(difference, period):
  """How far apart on a circle."""
  return np.abs((difference + period / 2) % period - period / 2)


@pytest.mark.parametrize('resolution', _COUNTS)
def test_kinds_and_backgrounds(resolution):
  factors, _, found = known(resolution)
  assert (found.kind == factors.kind).mean() >= 0.995
  np.testing.assert_array_equal(found.is_dark, factors.background[:, 0, 2] < 0.5)
  assert found.is_valid.all()


@pytest.mark.parametrize('resolution', _COUNTS)
def test_factors(resolution):
  """99 of 100 within these errors, and all within five times as much."""
  factors, _, found = known(resolution)
  turns = np.array([shapes_templates.PERIODS[name] is not None for name in shapes.KINDS])
  turns = turns[factors.kind]
  errors = {
    'hue': (0.002, around(found.colour[:, 0] - factors.colour[:, 0], 1)),
    'saturation and value': (0.03, np.abs(found.colour - factors.colour)[:, 1:].max(1)),
    'size': (0.008, np.abs(found.size - factors.size)),
    'angle': (0.03, np.abs(found.angle - factors.angle)[turns]),
    'centre': (0.008, np.abs(found.centre - factors.centre).max(1)),
  }
  for name, (limit, error) in errors.items():
    assert np.quantile(error, 0.99) < limit, name
    assert error.max() < 5 * limit, name
  np.testing.assert_array_equal(found.angle[~turns], 0)


@pytest.mark.parametrize('resolution', [16, 32, 64])
def test_fits(resolution):
  _, _, found = known(resolution)
  assert found.overlap.min() > 0.88
  assert np.median(found.overlap) > 0.98
  assert found.error.max() < 0.25
  assert found.margin.min() > 0


def test_turned_by_half_a_period():
  """Angles come back within half a turn of symmetry: a square at 70° is one at -20°."""
  factors, _, _ = known(64)
  square = shapes.KINDS.index('square')
  few = shapes.Factors(*(field[:20] for field in factors))._replace(
    kind=np.full(20, square, np.int32), angle=np.deg2rad(np.linspace(64, 80, 20))
  )
  found = read_shapes(shapes.draw(few, 64))
  np.testing.assert_array_equal(found.kind, square)
  np.testing.assert_allclose(found.angle, few.angle - np.pi / 2, atol=0.03)


def test_outside_of_what_the_data_set_has():
  """Smaller, turned and moved more than any picture of the data set."""
  few = shapes.Factors(*(field[:40] for field in known(32)[0]))
  few = few._replace(
    size=np.full(40, 0.5), angle=np.full(40, 0.3), centre=np.tile([0.14, -0.12], (40, 1))
  )
  found = read_shapes(shapes.draw(few, 32))
  assert (found.kind == few.kind).mean() >= 0.95
  assert found.is_valid.mean() >= 0.95
  right = found.kind == few.kind
  np.testing.assert_allclose(np.median(found.size[right]), 0.5, atol=0.005)
  np.testing.assert_allclose(np.median(found.centre[right], 0), [0.14, -0.12], atol=0.005)


@pytest.mark.parametrize('strength', [4, 8])
def test_a_little_noise(strength):
  factors, images, _ = known(32)
  disturbed = images + strength * np.random.default_rng(0).standard_normal(images.shape)
  found = read_shapes(np.clip(disturbed, 0, 255).astype(np.uint8))
  assert (found.kind == factors.kind).mean() >= 0.995
  assert found.is_valid.mean() > 0.97


@pytest.mark.parametrize('resolution', [16, 32, 64])
def test_noise_is_no_shape(resolution):
  for blocks in (resolution, resolution // 4, 4):
    assert not read_shapes(noise(resolution, blocks)).is_valid.any()


def test_no_shape_at_all():
  """Grey, black and white images, and backgrounds alone."""
  flat = np.stack([np.full((32, 32, 3), value, np.uint8) for value in (0, 128, 255)])
  factors = known(32)[0]
  empty = shapes.draw(factors._replace(size=np.full(len(factors.kind), 1e-6)), 32)
  for images in (flat, empty):
    found = read_shapes(images)
    assert not found.is_valid.any()
    for field in found:
      assert np.isfinite(field).all()


def test_mixtures_are_mostly_no_shapes():
  """Pictures half of one and half of another kind of the same scene, blended or side by side."""
  factors, images, _ = known(32)
  other = factors._replace(kind=(factors.kind + 3) % len(shapes.KINDS))
  blended = (images.astype(int) + shapes.draw(other, 32)) // 2
  assert read_shapes(blended.astype(np.uint8)).is_valid.mean() < 0.3
  halves = images.copy()
  halves[:, 16:] = np.roll(images, 1, 0)[:, 16:]
  assert read_shapes(halves).is_valid.mean() < 0.05


def test_one_at_a_time():
  _, images, together = known(32)
  for n in (0, 3, 299):
    alone = read_shapes(images[n : n + 1])
    for one, all_of_them in zip(alone, together, strict=True):
      np.testing.assert_allclose(one[0], all_of_them[n], atol=1e-4)


def test_no_pictures():
  found = read_shapes(np.zeros((0, 32, 32, 3), np.uint8))
  assert found.kind.shape == (0,)
  assert found.colour.shape == (0, 3)


@pytest.mark.parametrize('form', [(8, 8), (32, 48)])
def test_other_forms(form):
  with pytest.raises(UserError, match=f'not {form[0]}x{form[1]}'):
    read_shapes(np.zeros((2, *form, 3), np.uint8))


def test_hsv():
  colours = np.random.default_rng(0).uniform(0, 1, (500, 3))
  np.testing.assert_allclose(shapes.hsv_to_rgb(rgb_to_hsv(colours)), colours, atol=1e-12)
  np.testing.assert_allclose(rgb_to_hsv([[0.3, 0.3, 0.3], [0, 0, 0]]), [[0, 0, 0.3], [0, 0, 0]])


def test_coverage_is_that_of_the_pictures():
  factors = known(32)[0]
  white = factors._replace(
    colour=np.tile([0.0, 0, 1], (len(factors.kind), 1)), background=0 * factors.background
  )
  poses = np.column_stack([factors.size, factors.angle, factors.centre])
  for kind in range(len(shapes.KINDS)):
    of = np.flatnonzero(factors.kind == kind)[:5]
    expected = shapes.draw(shapes.Factors(*(field[of] for field in white)), 32)[..., 0] / 255
    found = shapes_templates.coverage(kind, poses[of], 32).reshape(-1, 32, 32)
    np.testing.assert_allclose(found, expected, atol=0.003)
