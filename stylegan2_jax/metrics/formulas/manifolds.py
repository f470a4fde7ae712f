"""Precision and recall (arXiv 1904.06991), density and coverage (arXiv 2002.09797).

Around each row lies a ball that reaches to its k-th nearest neighbour in its own set, itself not
counted. The union of the balls of a set is taken for its manifold.

  precision = share of fakes in some ball of the reals      (quality)
  recall    = share of reals in some ball of the fakes      (diversity)
  density   = number of (fake, ball of a real that it is in) / (k · number of fakes)
  coverage  = share of balls of reals with some fake in them

Recall makes an outlier among the fakes a wide ball, precision one among the reals. Density counts
the balls instead, coverage those of reals alone, so that outliers hardly matter. Of n reals and m
fakes of one distribution density is 1 on average, coverage 1 − Π_{i=1..k} (n − i)/(n + m − i).

The squared distances are |x|² + |y|² − 2x·y, in float32 with products that are not reduced, block
by block on the device. The mean of the reals is subtracted first: the distances do not depend on
it, their rounding does. What rounding is left is allowed for: a row that is out of a ball by no
more than 2⁻¹⁸ (|x|² + |y|²), in squared distance, counts as in it. Where that is not small beside
the ball, as of tight clusters far apart, all is done in float64 instead, with 2⁻⁴⁷. So copies of a
row are in its ball, also where enough of them make the radius 0, and next to nothing else is.

Elsewhere: the official code of precision and recall takes the same balls (≤), but rounds features
and distances to float16; that of density and coverage leaves out the surface of a ball (<), and so
copies of rows that occur more than k times.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.metrics.formulas import checks

_BLOCK = 4096  # rows: 64 MiB of distances, at 4,096 features as much again for either side
_SUMMED = 256  # products at a time: sums of sums are more exact than one of thousands
_ROUNDING = 32  # in units of 2⁻²³: twice what a distance and a radius were seen to be off by
_SMALL = 2.0**-8  # of a squared radius


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
  """Precision and recall, both in [0, 1].

  Args:
    real: [n, F], also memory mapped.
    fake: [m, F].
    k: which neighbour a ball reaches to.

  Raises:
    UserError: fewer than k + 1 rows, or some that are not finite.
    ValueError: rows of different lengths, or k < 1.
  """

  def shares(reals, fakes):
    radii = reals.radii(k), fakes.radii(k)
    quality, _ = _inside(fakes, reals, radii[0])
    diversity, _ = _inside(reals, fakes, radii[1])
    return float(np.mean(quality > 0)), float(np.mean(diversity > 0))

  return _resolved(shares, real, fake, k)


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> tuple[float, float]:
  """Density, from 0 to n/k, and coverage, in [0, 1]; arguments and errors as `precision_recall`."""

  def shares(reals, fakes):
    balls, points = _inside(fakes, reals, reals.radii(k))
    return float(balls.sum() / (k * len(balls))), float(np.mean(points > 0))

  return _resolved(shares, real, fake, k)


class _TooCoarse(Exception):
  """Some ball is hardly larger than the rounding of distances."""


class _Rows:
  """Rows less a centre, in blocks of one shape that are filled up with zeros."""

  def __init__(self, rows, centre, block, dtype):
    self._rows, self._block, self.dtype = rows, block, dtype
    self._centre = centre.astype(np.result_type(rows.dtype, dtype))
    self.count = len(rows)

  def blocks(self) -> Iterator[tuple[int, int, jax.Array]]:
    """(number of the first row, how many are rows, [block, F])."""
    for start in range(0, self.count, self._block):
      part = np.asarray(self._rows[start : start + self._block])
      filled = np.zeros((self._block, part.shape[1]), self.dtype)
      np.subtract(part, self._centre[None], out=filled[: len(part)], casting='same_kind')
      yield start, len(part), jnp.asarray(filled)

  def radii(self, k) -> np.ndarray:
    """Squared distances to the k-th nearest other row, [n].

    Raises:
      _TooCoarse: in float32, if float64 would do better.
    """
    found = []
    for start, count, x in self.blocks():
      nearest = jnp.full((self._block, k), jnp.inf, self.dtype)
      for other, num_others, y in self.blocks():
        nearest = _nearest(nearest, x, y, start - other, num_others)
      found.append(np.asarray(nearest)[:count].max(1))
      slack = _slack(self.dtype) * 2 * np.square(x).sum(1)[:count]
      if self.dtype == np.float32 and np.any(slack > _SMALL * found[-1]):
        raise _TooCoarse
    return np.concatenate(found)


def _resolved(formula, real, fake, k):
  """formula(reals, fakes) of both sets as `_Rows`, after all checks."""
  if real.ndim != 2 or real.shape[1:] != fake.shape[1:] or not real.shape[1] or k < 1:
    shapes = f'{list(real.shape)} and {list(fake.shape)}'
    raise ValueError(f'k = {k} and {shapes} are not k ≥ 1 and features [n, F] of one network')
  for rows, whose in ((real, 'reals'), (fake, 'fakes')):
    checks.enough(len(rows), k + 1, whose, f'a manifold of {k} nearest neighbours')
  block = min(_BLOCK, max(len(real), len(fake)))
  centre = _sum(real, block) / len(real)
  _sum(fake, block)  # for the check
  try:
    return formula(*(_Rows(rows, centre, block, np.float32) for rows in (real, fake)))
  except _TooCoarse:
    with jax.enable_x64(True):
      return formula(*(_Rows(rows, centre, block, np.float64) for rows in (real, fake)))


def _sum(rows, block):
  """Of all rows, float64 [F]."""
  total = np.zeros(rows.shape[1])
  for start in range(0, len(rows), block):
    total += checks.finite(rows[start : start + block], start).sum(0, dtype=np.float64)
  return total


def _inside(points, centres, radii) -> tuple[np.ndarray, np.ndarray]:
  """Of each point the number of balls that it is in, of each ball the number of points in it."""
  balls, inside = np.zeros(points.count, np.int64), np.zeros(centres.count, np.int64)
  for start, count, x in points.blocks():
    for other, num_balls, y in centres.blocks():
      # Nothing is in a ball that only fills the block up.
      reach = np.full(len(y), -np.inf, y.dtype)
      reach[:num_balls] = radii[other : other + num_balls]
      per_point, per_ball = _memberships(x, y, reach, count)
      balls[start : start + count] += np.asarray(per_point)[:count]
      inside[other : other + num_balls] += np.asarray(per_ball)[:num_balls]
  return balls, inside


def _slack(dtype) -> float:
  """The share of |x|² + |y|² that rounding makes of a squared distance, at most."""
  return _ROUNDING * float(np.finfo(dtype).eps)


def _squared_distances(x, y):
  """(distances [x, y], |x|² + |y|² that they are the difference of), both squared."""
  norms = jnp.square(x).sum(1)[:, None] + jnp.square(y).sum(1)[None]
  products = sum(
    _products(x[:, i : i + _SUMMED], y[:, i : i + _SUMMED]) for i in range(0, x.shape[1], _SUMMED)
  )
  return jnp.maximum(norms - 2 * products, 0), norms


def _products(x, y):
  """All x·y, [x, y]; else some devices would round x and y to less than float32."""
  highest = jax.lax.Precision.HIGHEST
  return jax.lax.dot_general(x, y, (((1,), (1,)), ((), ())), precision=highest)


@jax.jit
def _nearest(nearest, x, y, offset, num_y):
  """The k smallest of `nearest` [x, k] and of distances to y, not of row i to row i + offset."""
  distances, _ = _squared_distances(x, y)
  column = jnp.arange(len(y))[None]
  left_out = (column == jnp.arange(len(x))[:, None] + offset) | (column >= num_y)
  candidates = jnp.concatenate([nearest, jnp.where(left_out, jnp.inf, distances)], 1)
  return -jax.lax.top_k(-candidates, nearest.shape[1])[0]


@jax.jit
def _memberships(x, y, reach, num_x):
  """What `_inside` counts, of one block."""
  distances, norms = _squared_distances(x, y)
  inside = distances <= reach[None] + _slack(x.dtype) * norms
  inside &= (jnp.arange(len(x)) < num_x)[:, None]
  return inside.sum(1, dtype=jnp.int32), inside.sum(0, dtype=jnp.int32)
