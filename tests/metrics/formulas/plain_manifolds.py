"""Precision, recall, density and coverage by a slow plain form."""

import numpy as np

from stylegan2_jax.metrics.formulas.manifolds import density_coverage, precision_recall


def normal(count, width=8, seed=0):
  """Rows [count, width] of N(0, 1)."""
  return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def plain(real, fake, k):
  """(precision, recall, density, coverage) in float64, of differences."""

  def squared(a, b):
    return np.array([[np.sum((p - q) ** 2) for q in b] for p in a])

  def radii(rows):
    between = squared(rows, rows)
    np.fill_diagonal(between, np.inf)
    return np.sort(between, axis=1)[:, k - 1]

  real, fake = (np.asarray(rows, np.float64) for rows in (real, fake))
  between = squared(fake, real)  # [fakes, reals]
  in_reals, in_fakes = between <= radii(real)[None], between <= radii(fake)[:, None]
  precision, recall = in_reals.any(1).mean(), in_fakes.any(0).mean()
  return precision, recall, in_reals.sum() / (k * len(fake)), in_reals.any(0).mean()


def found(real, fake, k):
  """The same four of the package."""
  return *precision_recall(real, fake, k), *density_coverage(real, fake, k)
