"""The mean without the extremes."""

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.formulas.trimmed import trimmed_mean


def plain(distances):
  """By sorting: from place ⌊(n − 1)/100⌋ to ⌈99 (n − 1)/100⌉, and what equals those."""
  values = sorted(float(value) for value in distances)
  last = len(values) - 1
  low, high = values[last // 100], values[-(-99 * last // 100)]
  kept = [value for value in values if low <= value <= high]
  return sum(kept) / len(kept)


@pytest.mark.parametrize('count', [1, 2, 99, 100, 101, 102, 250, 1001])
def test_plain(count):
  distances = np.random.default_rng(count).gamma(0.3, size=count) * 1000  # a long tail
  assert trimmed_mean(distances) == pytest.approx(plain(distances), rel=1e-12)
  assert trimmed_mean(distances[::-1]) == pytest.approx(plain(distances), rel=1e-12)


def test_extremes_do_not_count():
  distances = np.concatenate([np.linspace(1, 2, 1000), [1e9] * 5, [0.0] * 5])
  # Places 10 and 999 of 1010: five of the thousand fall at either end beside the extremes.
  assert trimmed_mean(distances) == pytest.approx(np.linspace(1, 2, 1000)[5:-5].mean(), rel=1e-12)


def test_up_to_a_hundred_all_count():
  distances = np.arange(100.0) ** 3
  assert trimmed_mean(distances) == distances.mean()


def test_equal_distances_at_the_percentiles_all_count():
  distances = np.concatenate([np.full(50, 1.0), np.full(100, 2.0), np.full(50, 6.0)])
  assert trimmed_mean(distances) == pytest.approx((50 + 200 + 300) / 200, rel=1e-12)


def test_float32_is_added_up_in_float64():
  assert trimmed_mean(np.full(300_000, 0.1, np.float32)) == pytest.approx(
    np.float32(0.1), rel=1e-12
  )


def test_bad_distances():
  with pytest.raises(UserError, match='at least 1 distances, not 0'):
    trimmed_mean(np.zeros(0))
  with pytest.raises(UserError, match='distances of image 7 are not finite'):
    trimmed_mean(np.where(np.arange(20) == 7, np.nan, 1.0))
  with pytest.raises(ValueError, match=r'\[n\]'):
    trimmed_mean(np.zeros((5, 1)))
