import hashlib

import numpy as np
import pytest

from stylegan2_jax.data import distances, shapes


def _one_of_each(size=0.7):
  """Each kind once, white on black, upright, in the middle."""
  n = len(shapes.KINDS)
  return shapes.Factors(
    kind=np.arange(n, dtype=np.int32),
    colour=np.tile([0.0, 0.0, 1.0], (n, 1)),
    size=np.full(n, size),
    angle=np.zeros(n),
    centre=np.zeros((n, 2)),
    background=np.zeros((n, 2, 3)),
    direction=np.zeros(n),
  )


def test_golden_pictures():
  images = shapes.draw(shapes.sample_factors(range(8)), 32)
  assert images.shape == (8, 32, 32, 3)
  assert images.dtype == np.uint8
  digest = hashlib.sha256(images.tobytes()).hexdigest()
  assert digest == 'f98781cba92f7874b0ab50031d1b8948e72a7655fbdc9a80b6248854497619f8'


def test_each_picture_depends_on_its_index_alone():
  together = shapes.draw(shapes.sample_factors(range(20)), 16)
  alone = shapes.draw(shapes.sample_factors([13]), 16)
  np.testing.assert_array_equal(alone[0], together[13])
  other = shapes.draw(shapes.sample_factors([13], seed=1), 16)
  assert np.any(other != alone)


def test_the_same_scene_at_every_resolution():
  factors = shapes.sample_factors(range(16))
  small = shapes.draw(factors, 16).astype(float)
  large = shapes.draw(factors, 128).astype(float)
  means = large.reshape(16, 16, 8, 16, 8, 3).mean((2, 4))
  assert np.abs(means - small).mean() < 1.5  # of 255


@pytest.mark.parametrize('kind', range(len(shapes.KINDS)), ids=shapes.KINDS)
def test_coverage_is_anti_aliased(kind):
  """The ramp at the edge is close to the true coverage: compared with 16x16 samples a pixel."""
  factors = shapes.Factors(*[field[kind : kind + 1] for field in _one_of_each()])
  smooth = shapes.draw(factors, 32)[0, :, :, 0] / 255
  fine = shapes.draw(factors, 512)[0, :, :, 0] > 127
  truth = fine.reshape(32, 16, 32, 16).mean((1, 3))
  grey = (smooth > 0.02) & (smooth < 0.98)
  assert grey.sum() >= 20
  assert np.abs(smooth - truth).mean() < 0.01
  assert np.abs(smooth - truth).max() < 0.45  # sharp corners


def test_kinds_are_distinct():
  pictures = shapes.draw(_one_of_each(), 32).reshape(len(shapes.KINDS), -1) / 255.0
  assert len(shapes.KINDS) >= 6
  for i in range(len(pictures)):
    for j in range(i):
      overlap = np.minimum(pictures[i], pictures[j]).sum()
      union = np.maximum(pictures[i], pictures[j]).sum()
      assert overlap / union < 0.88, (shapes.KINDS[i], shapes.KINDS[j])


@pytest.mark.parametrize('name', shapes.KINDS)
def test_distances_have_unit_slope(name):
  """Near the outline, so that the ramp is one pixel wide everywhere."""
  step = 1e-3
  centres = (np.arange(-1100, 1100) * step)[None, :]
  x, y = np.broadcast_arrays(centres, centres.T)
  d = distances.SHAPES[name](x, y)
  slope = np.hypot(*np.gradient(d, step))
  near = np.abs(d) < 0.02
  assert np.mean(np.abs(slope[near] - 1) < 0.02) > 0.97
  assert np.hypot(x, y)[d < 0].max() < 1.1
  assert np.any(d < -0.1)


def test_kinds_are_uniform():
  counts = np.bincount(shapes.sample_factors(range(10_000)).kind, minlength=len(shapes.KINDS))
  expected = 10_000 / len(shapes.KINDS)
  chi_squared = np.sum((counts - expected) ** 2 / expected)
  assert chi_squared < 24.3  # 7 degrees of freedom, p = 0.001


def test_factors_show_in_the_picture():
  """Centre and colour of what stands out are those of the factors."""
  factors = shapes.sample_factors(range(200))
  factors = factors._replace(kind=np.zeros(200, np.int32))  # discs: their centroid is the centre
  plain = factors._replace(size=np.full(200, 1e-6))
  images = shapes.draw(factors, 64).astype(float)
  weight = np.abs(images - shapes.draw(plain, 64)).sum(-1) > 30
  at = (np.arange(64) + 0.5) / 32 - 1
  x = (weight * at).sum((1, 2)) / weight.sum((1, 2))
  y = (weight * at[:, None]).sum((1, 2)) / weight.sum((1, 2))
  np.testing.assert_allclose(np.stack([x, y], -1), factors.centre, atol=0.04)
  pixel = np.floor((factors.centre + 1) * 32).astype(int)
  middle = images[np.arange(200), pixel[:, 1], pixel[:, 0]]
  np.testing.assert_allclose(middle, 255 * shapes.hsv_to_rgb(factors.colour), atol=0.6)


def test_shapes_stay_inside():
  factors = shapes.sample_factors(range(2000))
  assert np.all(np.abs(factors.centre) + factors.size[:, None] < 1)


@pytest.mark.parametrize(
  ('hsv', 'rgb'),
  [
    ((0, 1, 1), (1, 0, 0)),
    ((1 / 3, 1, 1), (0, 1, 0)),
    ((2 / 3, 1, 0.5), (0, 0, 0.5)),
    ((1 / 6, 0.5, 1), (1, 1, 0.5)),
    ((0.4, 0, 0.3), (0.3, 0.3, 0.3)),
  ],
)
def test_hsv_to_rgb(hsv, rgb):
  np.testing.assert_allclose(shapes.hsv_to_rgb(hsv), rgb, atol=1e-12)
