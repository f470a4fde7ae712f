"""Gaussians of features, and the Fréchet distance of two: the formula of FID (arXiv 1706.08500).

  d² = |m_a − m_b|² + tr S_a + tr S_b − 2 tr (S_a^{1/2} S_b S_a^{1/2})^{1/2}

with mean m and covariance S of each set. A Gaussian is built block by block, in memory that does
not grow with the number of images, by the pairwise update of Chan, Golub and LeVeque (1979): sums
of squared deviations from the mean, never of squares, so that a mean far from 0 costs no digits.

The covariance divides by n − 1, as numpy.cov and the FID packages that numbers are compared by.
The official StyleGAN2-ADA code divides by n: with n images on both sides its traces are smaller by
the share 1/n.

The usual code takes the matrix root of S_a S_b, and adds to the covariances when it fails. Here the
roots of the eigenvalues under the last trace are found as singular values of R_aᵀ R_b, the same for
all R with S = R Rᵀ: here by Cholesky with pivots, as far as these are more than rounding (F·2⁻⁵² of
the largest variance). A rounded 0 of 1e-16 would have the root 1e-8, once for each feature without
spread. It does not come in, so that fewer images than features, or constant features, cost no
digits and need nothing added.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import scipy.linalg

from stylegan2_jax.metrics.formulas import checks


@dataclasses.dataclass(frozen=True, eq=False)
class Gaussian:
  """Of a number of images the mean and the spread of their features, in float64.

  Attributes:
    count: n, the number of images.
    mean: [F].
    scatter: [F, F], the sum over images of (x − mean)(x − mean)ᵀ.
  """

  count: int
  mean: np.ndarray
  scatter: np.ndarray

  @classmethod
  def of(cls, rows: np.ndarray, first: int = 0) -> 'Gaussian':
    """Of features in memory.

    Args:
      rows: [n, F], n ≥ 1.
      first: the number of the first image, for messages.

    Raises:
      UserError: rows are not finite.
      ValueError: another form, or no rows.
    """
    if rows.ndim != 2 or not rows.size:
      raise ValueError(f'features are [n, F], not {list(rows.shape)}')
    centred = checks.finite(np.array(rows, np.float64), first)
    mean = centred.mean(0)
    centred -= mean
    return cls(len(centred), mean, centred.T @ centred)

  def merged(self, other: 'Gaussian') -> 'Gaussian':
    """Of the images of both."""
    if self.mean.shape != other.mean.shape:
      raise ValueError(f'{len(self.mean)} features and {len(other.mean)} are not of one network')
    count = self.count + other.count
    shift = other.mean - self.mean
    between = np.outer(shift, shift) * (self.count * (other.count / count))
    mean = self.mean + shift * (other.count / count)
    return Gaussian(count, mean, self.scatter + other.scatter + between)

  @property
  def covariance(self) -> np.ndarray:
    """[F, F], the scatter divided by n − 1.

    Raises:
      UserError: there are fewer than 2 images.
    """
    checks.enough(self.count, 2, 'images', 'a covariance')
    return self.scatter / (self.count - 1)

  def arrays(self) -> dict[str, np.ndarray]:
    """What `from_arrays` takes, for a file."""
    return {'count': np.int64(self.count), 'mean': self.mean, 'scatter': self.scatter}

  @classmethod
  def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> 'Gaussian':
    """Back from `arrays`, to the bit.

    Raises:
      KeyError: an array is missing.
      ValueError: they are not of a Gaussian.
    """
    count, mean, scatter = (np.asarray(arrays[name]) for name in ('count', 'mean', 'scatter'))
    whole = count.shape == () and count.dtype.kind in 'iu' and count > 0
    if not whole or mean.ndim != 1 or scatter.shape != 2 * mean.shape:
      shapes = [list(array.shape) for array in (count, mean, scatter)]
      raise ValueError(f'count, mean and scatter of shapes {shapes} are not of a Gaussian')
    return cls(int(count), mean.astype(np.float64), scatter.astype(np.float64))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
  """The squared Fréchet distance, which is what FID reports: ≥ 0, symmetric but for rounding.

  Of few images it is correct but too large: see notes.py.

  Raises:
    UserError: one is of fewer than 2 images.
    ValueError: they have different numbers of features.
  """
  if a.mean.shape != b.mean.shape:
    raise ValueError(f'{len(a.mean)} features and {len(b.mean)} are not of one network')
  covariances = a.covariance, b.covariance
  traces = sum(np.trace(covariance) for covariance in covariances)
  root_a, root_b = (_root(covariance) for covariance in covariances)
  overlap = scipy.linalg.svdvals(root_a.T @ root_b).sum()  # of rank 0 none
  distance = np.sum((a.mean - b.mean) ** 2) + traces - 2 * overlap
  return max(float(distance), 0.0)


def _root(covariance) -> np.ndarray:
  """R [F, rank] with R Rᵀ = covariance."""
  least = len(covariance) * np.finfo(np.float64).eps * np.diag(covariance).max()
  factor, pivots, rank, _ = scipy.linalg.lapack.dpstrf(covariance, tol=least, lower=True)
  root = np.empty((len(covariance), rank))
  root[pivots - 1] = np.tril(factor)[:, :rank]
  return root
