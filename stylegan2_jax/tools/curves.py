"""Ways through points: straight, on the sphere, or smooth."""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

METHODS = ('linear', 'slerp', 'spline')


def times(points: int, loop: bool, per_step: int | None = None, total: int | None = None):
  """When the frames of a walk are: float64 [frames]; at time k it is at point k.

  A walk from the first point to the last has both ends; a loop goes on to the first point again
  and leaves the last frame out, which would be its first.

  >>> times(3, False, per_step=2).tolist(), times(2, True, per_step=2).tolist()
  ([0.0, 0.5, 1.0, 1.5, 2.0], [0.0, 0.5, 1.0, 1.5])
  >>> times(3, False, total=4).tolist()
  [0.0, 0.666..., 1.333..., 2.0]

  Args:
    points: how many.
    loop: whether it goes back to the first.
    per_step: frames from a point to the next; or
    total: frames in all.
  """
  steps = points if loop else points - 1
  total = steps * per_step + (not loop) if total is None else total
  return np.arange(total) * steps / (total if loop else max(total - 1, 1))


def curve(points: np.ndarray, method: str, loop: bool) -> Callable[[np.ndarray], np.ndarray]:
  """A way through points [K, D]: a function from times [T] to values [T, D].

  At whole times k it is exactly point k (of a loop: k modulo K). Between them: 'linear', straight;
  'slerp', see there; 'spline', cubic polynomials with two continuous derivatives, in a loop
  periodic, else without curvature at both ends ('natural').
  """
  points = np.asarray(points)
  around = np.concatenate([points, points[:1]]) if loop else points
  wide = around.astype(np.float64)
  if method == 'spline':
    smooth = CubicSpline(np.arange(len(wide)), wide, bc_type='periodic' if loop else 'natural')
  elif method not in METHODS:
    raise ValueError(f'method {method!r}: use one of {", ".join(METHODS)}')

  def at(times: np.ndarray) -> np.ndarray:
    start = np.minimum(np.floor(times).astype(int), len(wide) - 2)
    part = (times - start)[:, None]
    if method == 'spline':
      values = smooth(times)
    elif method == 'slerp':
      values = slerp(wide[start], wide[start + 1], part)
    else:
      values = (1 - part) * wide[start] + part * wide[start + 1]
    whole = times == np.round(times)
    values[whole] = wide[times[whole].astype(int)]
    return values.astype(points.dtype)

  return at


def slerp(a: np.ndarray, b: np.ndarray, part: np.ndarray) -> np.ndarray:
  """Spherical interpolation: the direction turns evenly from a's to b's, by the shorter way.

  The length goes evenly from a's to b's. In z it matters to nobody: the mapping network scales z to
  one length. Directions that are (nearly) equal are interpolated straight; so are opposite ones,
  between which no way is shorter, through 0.

  Args:
    a: [..., D].
    b: [..., D].
    part: [..., 1] from 0, a, to 1, b.

  Returns:
    [..., D].
  """
  a_length, b_length = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
  a, b = (x / np.maximum(n, 1e-30) for x, n in ((a, a_length), (b, b_length)))
  angle = np.arccos(np.clip((a * b).sum(axis=-1, keepdims=True), -1, 1))
  sine = np.sin(angle)
  straight = sine < 1e-6
  sine = np.where(straight, 1, sine)
  a_share = np.where(straight, 1 - part, np.sin((1 - part) * angle) / sine)
  b_share = np.where(straight, part, np.sin(part * angle) / sine)
  return (a_share * a + b_share * b) * ((1 - part) * a_length + part * b_length)
