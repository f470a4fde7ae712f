"""The kernel distance: against plain loops, closed forms, and that it is unbiased."""

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.formulas.kernel_distance import kernel_distance, mmd2


def features(count, width=6, seed=0):
  return np.random.default_rng(seed).standard_normal((count, width))


def plain(x, y):
  """The sums of the definition, one kernel at a time."""

  def k(a, b):
    return (float(np.dot(a, b)) / len(a) + 1) ** 3

  def pairs(rows):
    values = [k(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
    return sum(values) / len(values)

  return pairs(x) + pairs(y) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


@pytest.mark.parametrize(('m', 'n'), [(2, 2), (9, 9), (13, 8), (2, 17)])
def test_plain(m, n):
  x, y = features(m), 1.5 * features(n, seed=1) + 0.3
  assert mmd2(x, y) == pytest.approx(plain(x, y), rel=1e-12, abs=1e-12)
  assert mmd2(y, x) == pytest.approx(mmd2(x, y), rel=1e-12, abs=1e-12)


def test_unbiased():
  """The mean over draws from one distribution is 0, where that of the biased form is not.

  The latter keeps the pairs of a row with itself: it adds (E k(x, x) − E k(x, x'))(1/m + 1/n).
  """
  m, n, width, draws = 30, 20, 8, 600
  unbiased, biased = [], []
  for seed in range(draws):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((m, width)) + 0.5, rng.standard_normal((n, width)) + 0.5
    unbiased.append(mmd2(x, y))
    both = np.concatenate([x, y])
    signs = np.concatenate([np.full(m, 1 / m), np.full(n, -1 / n)])
    biased.append(signs @ (both @ both.T / width + 1) ** 3 @ signs)
  error = np.std(unbiased) / np.sqrt(draws)
  assert abs(np.mean(unbiased)) < 4 * error
  assert np.mean(biased) > 20 * error
  assert min(unbiased) < 0


@pytest.mark.parametrize('shift', [0.2, 1.0])
def test_closed_form_of_a_shift(shift):
  """Of N(0, 1) and N(c, 1): Σ_p binom(3, p)(E xᵖ − E yᵖ)² = (c³ + 3c)² + 3c⁴ + 3c²."""
  draws, found = 400, []
  for seed in range(draws):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 1))
    found.append(mmd2(x, shift + rng.standard_normal((45, 1))))
  expected = (shift**3 + 3 * shift) ** 2 + 3 * shift**4 + 3 * shift**2
  assert abs(np.mean(found) - expected) < 4 * np.std(found) / np.sqrt(draws)
  assert expected > 4 * np.std(found) / np.sqrt(draws)  # else 0 would do as well


def test_halves_of_one_set_and_another_set():
  """Of halves less than 4 standard deviations of a subset's value; of the other set far more."""
  x = features(1000, 16)
  same = kernel_distance(x[:500], x[500:], subsets=30, size=100)
  other = kernel_distance(x[:500], x[500:] + 0.5, subsets=30, size=100)
  assert abs(same.mean) < 4 * same.std
  assert other.mean > 10 * same.std


def test_subsets():
  """By hand: seeded, without replacement, first the reals and then the fakes of each subset."""
  real, fake = features(40), features(30, seed=1) + 0.2
  rng, values = np.random.default_rng(5), []
  for _ in range(7):
    rows = [x[rng.choice(len(x), 12, replace=False, shuffle=False)] for x in (real, fake)]
    values.append(plain(*rows))
  found = kernel_distance(real, fake, subsets=7, size=12, seed=5)
  assert found.mean == pytest.approx(np.mean(values), rel=1e-12)
  assert found.std == pytest.approx(np.std(values), rel=1e-10)


def test_seed():
  real, fake = features(60), features(50, seed=1)
  first = kernel_distance(real, fake, 5, 20)
  assert kernel_distance(real, fake, 5, 20) == first
  assert kernel_distance(real, fake, 5, 20, seed=1) != first


def test_mean_is_that_of_all_subsets():
  """The mean over many subsets nears the value of whole sets, as fast as its std says."""
  real, fake = features(120), features(100, seed=1) + 0.3
  found = kernel_distance(real, fake, subsets=400, size=20)
  assert abs(found.mean - mmd2(real, fake)) < 4 * found.std / np.sqrt(400)


def test_small_sets():
  """Subsets have as many rows as the smaller set, and are taken once if they are all there is."""
  real, fake = features(50), features(50, seed=1) + 0.2
  whole = kernel_distance(real, fake)
  assert whole.mean == pytest.approx(plain(real, fake), rel=1e-12)
  assert whole.std == 0
  uneven = kernel_distance(real, fake[:10], subsets=6)
  assert uneven.std > 0
  assert kernel_distance(real, fake[:10], subsets=6, size=10) == uneven


def test_a_copy_of_the_reals_is_below_zero():
  """The pairs of a row with itself are left out within the sets but not between them."""
  x = features(100)
  assert kernel_distance(x, x).mean < 0


class _Counting:
  """Rows that know how many of them were read at most at once."""

  def __init__(self, rows):
    self._rows, self.most = rows, 0
    self.shape, self.ndim = rows.shape, rows.ndim

  def __len__(self):
    return len(self._rows)

  def __getitem__(self, chosen):
    found = self._rows[chosen]
    assert np.all(np.diff(chosen) > 0)  # in the order of the file
    self.most = max(self.most, len(found))
    return found


def test_memory_mapped(tmp_path):
  """The same numbers, and no more than a subset is read at a time."""
  x = features(300).astype(np.float32)
  x.tofile(tmp_path / 'rows')
  mapped = np.memmap(tmp_path / 'rows', np.float32, 'r', shape=x.shape)
  watched = _Counting(mapped)
  found = kernel_distance(watched, mapped[:200], subsets=4, size=25)
  assert found == kernel_distance(x, x[:200], subsets=4, size=25)
  assert watched.most == 25


def test_float32_features_are_multiplied_in_float64():
  x, y = (features(20, seed=seed).astype(np.float32) + np.float32(30) for seed in (0, 1))
  assert mmd2(x, y) == pytest.approx(plain(x.astype(float), y.astype(float)), rel=1e-9)


def test_bad_input():
  x = features(20)
  with pytest.raises(UserError, match='at least 2 fakes, not 1'):
    kernel_distance(x, x[:1])
  broken = np.where(np.arange(20)[:, None] == 3, np.inf, x)
  with pytest.raises(UserError, match='not finite'):
    kernel_distance(broken, x)
  with pytest.raises(ValueError, match='one network'):
    kernel_distance(x, x[:, :3])
  with pytest.raises(ValueError, match='subsets'):
    kernel_distance(x, x, subsets=0)
