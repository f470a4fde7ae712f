"""The sliced Wasserstein distance of two sets of patches.

Source: Rabin et al., "Wasserstein Barycenter and Its Application to Texture Mixing" (2011), as
Karras et al., "Progressive Growing of GANs" (arXiv 1710.10196), section 5, take it. Patches x of
each set are normalised by the mean and standard deviation of each colour over the whole set, and

  swd(A, B) = mean over directions d, |d| = 1, and ranks i of |(A·d)_(i) − (B·d)_(i)|

with (·)_(i) the i-th smallest: the mean W_1 distance of projections to a line, here to 4·128 random
lines as in the paper's code. The paper's tables give it times 1000, for each level of the pyramid
and as their mean. Patches come from `patches.py`.

It falls with the number of patches and does not reach 0 for two samples of one distribution, so
only values from equally many images compare: the paper has 16,384 of each set.
Implementations differ in how many patches of an image and directions they take: TensorFlow-GAN 64
and 147, unless told otherwise.
"""

from collections.abc import Iterator, Mapping
from concurrent import futures

import numpy as np

from stylegan2_jax.metrics.features.patches import SIDE

LENGTH = SIDE * SIDE * 3  # numbers in a patch
_ROUNDS, _DIRECTIONS = 4, 128
_AT_ONCE = 32  # directions projected together: 4 bytes for each and each patch, of both sets
_BLOCK = 2**16  # patches read together


def sliced_wasserstein_levels(
  real: Mapping[str, np.ndarray], fake: Mapping[str, np.ndarray], seed: int = 0
) -> dict[str, float]:
  """The distance times 1000 of each level, and as 'swd' their mean.

  Args:
    real: rows of patches by level, 'swd16', 'swd32', ..., as `patches_network` gives them.
    fake: of the same levels.
    seed: of the directions.

  Raises:
    ValueError: other levels.
  """
  if not real or set(real) != set(fake):
    raise ValueError(f'levels {sorted(real)} of reals are not those of fakes, {sorted(fake)}')
  names = sorted(real, key=lambda name: int(name.removeprefix('swd')))
  values = {name: 1000 * sliced_wasserstein(real[name], fake[name], seed) for name in names}
  return {'swd': float(np.mean(list(values.values()))), **values}


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> float:
  """The distance of two sets of patches, not multiplied by 1000.

  Rows are read in blocks, so that both may be memory mapped; what is held is 4·32 bytes for each
  patch of both sets. Of unequal sets the first rows of the larger are taken, as many as the smaller
  has. A colour that is the same in all patches of a set counts as 0 there.

  Args:
    real: float32 [n, F], F a multiple of 7·7·3: any number of patches a row.
    fake: [m, F].
    seed: of the directions.

  Raises:
    ValueError: another form, or no rows.
  """
  if real.ndim != 2 or real.shape[1:] != fake.shape[1:] or real.shape[1] % LENGTH:
    raise ValueError(f'{real.shape} and {fake.shape} are not rows of patches of {LENGTH} numbers')
  count = min(len(real), len(fake))
  if not count or not real.shape[1]:
    raise ValueError('there are no patches to compare')
  sets = [rows[:count] for rows in (real, fake)]
  moments = [_moments(rows) for rows in sets]
  distances = [
    _distances(sets, moments, part) for part in np.split(directions(seed), _num_parts(), axis=1)
  ]
  return float(np.mean(distances))


def directions(seed: int = 0) -> np.ndarray:
  """Random unit vectors, float64 [147, 512]."""
  found = np.random.default_rng(seed).standard_normal((_ROUNDS * _DIRECTIONS, LENGTH))
  return (found / np.linalg.norm(found, axis=1, keepdims=True)).T


def _num_parts():
  return _ROUNDS * _DIRECTIONS // _AT_ONCE


def _distances(sets, moments, along):
  """The W_1 distance along each direction [147, d], [d]."""
  with futures.ThreadPoolExecutor(2) as pool:  # most of the time is sorting, on one core each
    found = pool.map(_projected, sets, moments, 2 * [along])
    (real, real_shift), (fake, fake_shift) = found
  lines = zip(real, fake, fake_shift - real_shift, strict=True)
  # Line by line, as the difference of all at once would be another copy.
  return [np.abs(a - b - np.float32(shift)).mean(dtype=np.float64) for a, b, shift in lines]


def _projected(rows, moments, along):
  """Sorted projections [d, patches] of the normalised patches, and the shift [d] that they lack.

  The normalisation is done to the directions: x·(d/std) − mean·(d/std), the latter the shift.
  """
  mean, std = moments
  scaled = (along.reshape(-1, 3, along.shape[1]) / std[:, None]).reshape(along.shape)
  shift = -(np.tile(mean, LENGTH // 3) @ scaled)
  scaled = np.ascontiguousarray(scaled.T, np.float32)
  num_patches = rows.shape[0] * (rows.shape[1] // LENGTH)
  found = np.empty((along.shape[1], num_patches), np.float32)
  start = 0
  for block in _blocks(rows):
    np.matmul(scaled, block.T, out=found[:, start : start + len(block)])
    start += len(block)
  found.sort(axis=1)
  return found, shift


def _moments(rows):
  """Mean and standard deviation of each colour, float64 [3]; the latter 1 instead of 0."""
  count, mean, squares = 0, np.zeros(3), np.zeros(3)
  for block in _blocks(rows):
    colours = block.reshape(-1, 3)
    block_mean = colours.mean(0, dtype=np.float64)
    centred = colours - block_mean.astype(np.float32)
    block_squares = np.einsum('nc,nc->c', centred, centred, dtype=np.float64)
    total = count + len(colours)
    difference = block_mean - mean
    squares += block_squares + difference**2 * (count * len(colours) / total)
    mean += difference * (len(colours) / total)
    count = total
  std = np.sqrt(squares / count)
  return mean, np.where(std > 0, std, 1)


def _blocks(rows) -> Iterator[np.ndarray]:
  """Patches [b, 147] of rows, in order."""
  step = max(1, _BLOCK // (rows.shape[1] // LENGTH))
  for start in range(0, len(rows), step):
    yield np.asarray(rows[start : start + step], np.float32).reshape(-1, LENGTH)
