"""Precision, recall, density and coverage of manifolds whose answers are known."""

import math

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.formulas import manifolds
from stylegan2_jax.metrics.formulas.manifolds import density_coverage, precision_recall
from tests.metrics.formulas.plain_manifolds import found, normal, plain


@pytest.mark.parametrize('k', [1, 3, 5])
@pytest.mark.parametrize(('num_reals', 'num_fakes'), [(60, 60), (6, 50), (73, 41)])
def test_plain(num_reals, num_fakes, k):
  real, fake = normal(num_reals), 0.8 * normal(num_fakes, seed=1) + np.float32(0.3)
  expected = plain(real, fake, k)
  assert 0 < expected[0] < 1 or num_reals == 6
  np.testing.assert_allclose(found(real, fake, k), expected, rtol=1e-12)


@pytest.mark.parametrize('block', [7, 32, 50, 99, 100])
def test_blocks(block, monkeypatch):
  """Of sizes that do not divide the numbers of rows, and around them."""
  real, fake = normal(100), 0.8 * normal(50, seed=1)
  expected = plain(real, fake, 3)
  monkeypatch.setattr(manifolds, '_BLOCK', block)
  np.testing.assert_allclose(found(real, fake, 3), expected, rtol=1e-12)


def test_wide_rows():
  """More features than are summed at a time, in a number that does not divide."""
  real, fake = normal(50, 700), 0.97 * normal(40, 700, seed=1)
  expected = plain(real, fake, 3)
  assert 0 < expected[0] < 1
  np.testing.assert_allclose(found(real, fake, 3), expected, rtol=1e-12)


def test_memory_mapped(tmp_path):
  real, fake = normal(90), 0.8 * normal(70, seed=1)
  for name, rows in (('real', real), ('fake', fake)):
    rows.tofile(tmp_path / name)
  mapped = (
    np.memmap(tmp_path / name, np.float32, 'r', shape=(count, 8))
    for name, count in (('real', 90), ('fake', 70))
  )
  assert found(*mapped, 3) == found(real, fake, 3)


@pytest.mark.parametrize('dtype', [np.float16, np.float64])
def test_other_types(dtype):
  real, fake = normal(60).astype(dtype), normal(60, seed=1).astype(dtype)
  np.testing.assert_allclose(found(real, fake, 3), plain(real, fake, 3), rtol=1e-12)


def test_far_apart():
  real, fake = normal(60), normal(50, seed=1) + 100
  assert found(real, fake, 3) == (0, 0, 0, 0)


def test_the_same_set():
  """Each row is in its own ball, and each ball holds k others."""
  rows = normal(80)
  assert found(rows, rows, 4) == (1, 1, (4 + 1) / 4, 1)


def modes(number, each=20, width=6, seed=0):
  """Clusters of spread 0.01, far apart."""
  rng = np.random.default_rng(seed)
  centres = 10 * np.random.default_rng(99).standard_normal((10, width))[:number]
  rows = np.repeat(centres, each, axis=0) + 0.01 * rng.standard_normal((number * each, width))
  return rows.astype(np.float32)


def test_missing_modes():
  """Fakes that are copies of 4 of 10 modes: all good, and they reach 4 of 10."""
  precision, recall, density, coverage = found(modes(10), modes(10)[:80], 3)
  assert (precision, recall, coverage) == (1, 0.4, 0.4)
  assert density == pytest.approx((3 + 1) / 3)


def test_modes_that_are_none():
  """The reverse: reals are 4 of the 10 modes of the fakes."""
  precision, recall, density, coverage = found(modes(10)[:80], modes(10), 3)
  assert (precision, recall, coverage) == (0.4, 1, 1)
  assert density == pytest.approx(0.4 * (3 + 1) / 3)


def test_new_samples_of_some_modes():
  """Of fresh fakes in 4 of 10 modes nothing reaches the other 6."""
  real, fake = modes(10), modes(4, seed=1)
  assert not np.isin(fake, real).any()
  precision, recall, _, coverage = found(real, fake, 5)
  assert precision > 0.7
  assert 0.7 * 0.4 < recall <= 0.4
  assert 0.7 * 0.4 < coverage <= 0.4


@pytest.mark.parametrize(('spread', 'narrower'), [(0.3, True), (3.0, False)])
def test_narrower_and_broader(spread, narrower):
  precision, recall = precision_recall(normal(300, 4), spread * normal(300, 4, seed=1), 3)
  assert (precision > 0.95, recall < 0.5) == (narrower, narrower)
  assert (precision < 0.5, recall > 0.95) == (not narrower, not narrower)


def line(count, shift=0.0):
  return np.stack([np.arange(count) + shift, np.zeros(count)], 1).astype(np.float32)


def test_points_on_a_line():
  """Integers and halves: ±1 and ±2 make the radius 2 for k = 4, beside the ends 3, at the ends 4.

  The ball of 3, say, holds 1.5, 2.5, 3.5 and 4.5; that of 9 holds 5.5 to 9.5.
  """
  real, fake = line(10), line(10, shift=0.5)
  inner, ends = 6 * 4, (4 + 4) + (5 + 5)  # of balls 2 to 7, and of 0 and 1, 8 and 9
  precision, recall, density, coverage = found(real, fake, 4)
  assert (precision, recall, coverage) == (1, 1, 1)
  assert density == pytest.approx((inner + ends) / 40)
  assert density == pytest.approx(plain(real, fake, 4)[2])


def test_density_where_reals_are_dense():
  """All fakes in one spot with k + 1 of the reals: the balls of the other 50 reach there too."""
  k, others = 5, 50
  real = np.concatenate([np.zeros((k + 1, others)), 10 * np.eye(others)]).astype(np.float32)
  density, coverage = density_coverage(real, np.zeros((20, others), np.float32), k)
  assert density == pytest.approx((k + 1 + others) / k)
  assert coverage == 1


def test_an_outlier_among_the_reals():
  """One real far out makes a ball over all fakes: precision falls for it, density by 1/k."""
  k = 5
  real, fake = normal(200), 0.1 * normal(100, seed=1)
  fake[:, 0] += 25
  assert found(real, fake, k) == (0, 0, 0, 0)
  outlier = np.zeros((1, 8), np.float32)
  outlier[0, 0] = 50
  precision, _, density, coverage = found(np.concatenate([real, outlier]), fake, k)
  assert precision == 1
  assert density == pytest.approx(1 / k)
  assert coverage == pytest.approx(1 / 201)


@pytest.mark.parametrize(('n', 'm', 'k'), [(60, 60, 5), (40, 90, 3)])
def test_one_distribution(n, m, k):
  """Of n reals and m fakes: which of them are nearest is a matter of chance alone.

  A fake is among the k nearest of a real's n − 1 others with the chance k/n: density 1. That none
  of m fakes is nearer than the k-th of n − 1 others is that the k nearest of all are reals.
  """
  draws = 150
  values = [density_coverage(normal(n, 4, 2 * i), normal(m, 4, 2 * i + 1), k) for i in range(draws)]
  density, coverage = np.transpose(values)
  missed = math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
  assert abs(density.mean() - 1) < 4 * density.std() / np.sqrt(draws)
  assert abs(coverage.mean() - (1 - missed)) < 4 * coverage.std() / np.sqrt(draws)
  assert density.std() / np.sqrt(draws) < 0.02
  assert coverage.std() / np.sqrt(draws) < 0.01


def test_too_few_rows():
  rows = normal(20)
  for few, whose in (((rows[:3], rows), 'reals'), ((rows, rows[:3]), 'fakes')):
    for formula in (precision_recall, density_coverage):
      with pytest.raises(UserError, match=f'at least 4 {whose}, not 3'):
        formula(*few, 3)
  precision_recall(rows[:4], rows[:4], 3)


@pytest.mark.parametrize('side', [0, 1])
def test_rows_that_are_not_finite(side, monkeypatch):
  monkeypatch.setattr(manifolds, '_BLOCK', 8)
  sides = [normal(20), normal(20, seed=1)]
  sides[side][13, 1] = np.nan
  with pytest.raises(UserError, match='features of image 13 are not finite'):
    density_coverage(*sides, 3)


def test_mistakes():
  rows = normal(20)
  for wrong in ((rows, rows[:, :4], 3), (rows[0], rows, 3), (rows, rows, 0)):
    with pytest.raises(ValueError, match='one network'):
      precision_recall(*wrong)
