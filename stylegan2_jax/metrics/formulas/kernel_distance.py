"""The kernel distance, KID on Inception features (arXiv 1801.01401, section 4).

The squared maximum mean discrepancy by the cubic polynomial kernel k(x, y) = (x·y/F + 1)³ in its
unbiased form (Gretton et al. 2012, equation 3), for rows x_1..x_m of one set and y_1..y_n of the
other:

  Σ_{i≠j} k(x_i, x_j) / m(m − 1) + Σ_{i≠j} k(y_i, y_j) / n(n − 1) − 2 Σ_{ij} k(x_i, y_j) / mn

For sets of one distribution it is 0 on average, whatever their sizes, hence sometimes negative.
What is reported is the mean over random subsets of both sets, 100 of at most 1,000 rows without
replacement in the official code. That, like some packages, draws without a seed: such numbers vary
from call to call with a standard deviation of std/√subsets. Here the draws are seeded.
"""

from typing import NamedTuple

import numpy as np

from stylegan2_jax.metrics.formulas import checks


class KernelDistance(NamedTuple):
  """Over subsets."""

  mean: float
  std: float  # of single subsets, not of the mean; divided by their number, as numpy.std


def kernel_distance(
  real: np.ndarray, fake: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelDistance:
  """The mean over subsets of `size` rows, or of as many as the smaller set has.

  Subsets that are the whole of both sets are all the same, hence taken once, with std 0.

  Args:
    real: [n, F], also memory mapped: only the rows of a subset are read at a time.
    fake: [m, F].
    subsets: how many.
    size: rows of each, of both sets.
    seed: of the draws; the first subsets do not depend on how many there are.

  Raises:
    UserError: fewer than 2 rows, or some that are not finite.
    ValueError: rows of different lengths, no subsets, or subsets of fewer than 2 rows.
  """
  if subsets < 1 or size < 2:
    raise ValueError(f'{subsets} subsets of {size} rows: at least 1 of 2 rows')
  _check(real, fake)
  size = min(size, len(real), len(fake))
  rng = np.random.default_rng(seed)
  count = 1 if size == len(real) == len(fake) else subsets
  found = [mmd2(_subset(rng, real, size), _subset(rng, fake, size)) for _ in range(count)]
  return KernelDistance(float(np.mean(found)), float(np.std(found)))


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
  """The unbiased squared discrepancy of whole sets [m, F] and [n, F].

  Raises:
    UserError: fewer than 2 rows, or some that are not finite.
    ValueError: rows of different lengths.
  """
  _check(x, y)
  x, y = (checks.finite(np.asarray(rows, np.float64)) for rows in (x, y))
  return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * float(_kernel(x, y).mean())


def _check(x, y):
  if x.ndim != 2 or x.shape[1:] != y.shape[1:] or not x.shape[1]:
    raise ValueError(f'{list(x.shape)} and {list(y.shape)} are not features [n, F] of one network')
  for rows, whose in ((x, 'reals'), (y, 'fakes')):
    checks.enough(len(rows), 2, whose, 'the kernel distance')


def _subset(rng, rows, size):
  """Rows in the order of the file, as the sum does not depend on it."""
  return rows[np.sort(rng.choice(len(rows), size, replace=False, shuffle=False))]


def _mean_of_pairs(x) -> float:
  """The mean of k over pairs of different rows."""
  kernel = _kernel(x, x)
  return float((kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1)))


def _kernel(x, y):
  product = x @ y.T / x.shape[1] + 1
  return product * product * product  # the power function takes longer than the matrix product
