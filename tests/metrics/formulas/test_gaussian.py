"""Gaussians built block by block, against numpy in one go."""

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.formulas.gaussian import Gaussian, frechet_distance


def features(count=500, width=12, seed=0):
  """Features that differ in spread and go together."""
  rng = np.random.default_rng(seed)
  return rng.standard_normal((count, width)) @ rng.standard_normal((width, width)) + rng.random(
    width
  )


def streamed(rows, block):
  total = None
  for start in range(0, len(rows), block):
    new = Gaussian.of(rows[start : start + block], start)
    total = new if total is None else total.merged(new)
  return total


def bits(gaussian):
  return [np.asarray(array).tobytes() for array in gaussian.arrays().values()]


def test_numpy():
  x = features()
  found = Gaussian.of(x)
  np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-13)
  np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=1e-11, atol=1e-12)
  np.testing.assert_array_equal(found.scatter, found.scatter.T)


@pytest.mark.parametrize('block', [1, 7, 100, 499, 500, 501])
def test_blocks_are_as_one(block):
  x = features()
  whole, parts = Gaussian.of(x), streamed(x, block)
  assert parts.count == whole.count
  np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12)
  scale = np.abs(whole.scatter).max()
  np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=0, atol=1e-12 * scale)


def test_same_blocks_give_same_bits():
  x = features(1000, 64).astype(np.float32)
  assert bits(streamed(x, 100)) == bits(streamed(x.copy(), 100))
  assert bits(streamed(x, 100)) != bits(streamed(x, 130))  # so the bits do depend on something


def test_arrays_carry_on_to_the_bit(tmp_path):
  """A stream that is saved half way ends with the same bits."""
  x = features(300)
  half = streamed(x[:200], 100)
  np.savez(tmp_path / 'half.npz', **half.arrays())
  with np.load(tmp_path / 'half.npz') as file:
    back = Gaussian.from_arrays(dict(file))
  assert type(back.count) is int
  assert bits(back.merged(Gaussian.of(x[200:]))) == bits(streamed(x, 100))


@pytest.mark.parametrize('block', [50, 500])
def test_a_mean_far_off_spoils_nothing(block):
  """At 1e6 float64 knows a feature to 1e-10, so its covariance of order 1 to 1e-9."""
  x = features(500, 8)
  x /= x.std(0, keepdims=True)
  far = streamed(x + 1e6, block)
  np.testing.assert_allclose(far.mean, x.mean(0) + 1e6, rtol=1e-15 * 8)
  np.testing.assert_allclose(far.covariance, np.cov(x, rowvar=False), rtol=0, atol=1e-9)
  # What the sums of squares would have given:
  squares = (x + 1e6).T @ (x + 1e6) / 499 - np.outer(far.mean, far.mean) * 500 / 499
  assert np.abs(squares - np.cov(x, rowvar=False)).max() > 1e-4


def test_blocks_whose_means_are_far_apart():
  """As of a folder sorted by class: all of the covariance lies between the blocks."""
  x = np.concatenate([features(50) + 100 * shift for shift in (-3, 8, 1, 5)])
  scale = np.cov(x, rowvar=False).max()
  np.testing.assert_allclose(
    streamed(x, 50).covariance, np.cov(x, rowvar=False), rtol=0, atol=1e-13 * scale
  )


def test_rows_are_left_as_they_are():
  x = features()
  before = x.copy()
  Gaussian.of(x)
  np.testing.assert_array_equal(x, before)


def test_one_image_counts_but_has_no_covariance():
  x = features(3)
  assert Gaussian.of(x[:1]).merged(Gaussian.of(x[1:])).count == 3
  with pytest.raises(UserError, match='at least 2 images, not 1'):
    frechet_distance(Gaussian.of(x), Gaussian.of(x[:1]))


def test_rows_that_are_not_finite():
  x = features(20)
  x[13, 2] = np.nan
  x[15, 0] = np.inf
  with pytest.raises(UserError, match='features of image 2013 are not finite'):
    Gaussian.of(x, first=2000)


def test_mistakes():
  x = features(20)
  with pytest.raises(ValueError, match=r'\[n, F\]'):
    Gaussian.of(x[0])
  with pytest.raises(ValueError, match=r'\[n, F\]'):
    Gaussian.of(x[:0])
  narrow = Gaussian.of(x[:, :5])
  with pytest.raises(ValueError, match='one network'):
    Gaussian.of(x).merged(narrow)
  with pytest.raises(ValueError, match='one network'):
    frechet_distance(Gaussian.of(x), narrow)


def test_arrays_of_something_else():
  arrays = Gaussian.of(features(20)).arrays()
  with pytest.raises(KeyError):
    Gaussian.from_arrays({'mean': arrays['mean'], 'count': arrays['count']})
  for wrong in ({'count': np.array([20])}, {'count': 0}, {'mean': arrays['mean'][:-1]}):
    with pytest.raises(ValueError, match='not of a Gaussian'):
      Gaussian.from_arrays(arrays | wrong)
