"""How much of each pixel a shape of the built-in data set covers, for many shapes at once.

A pose is (size, angle, x, y) of a shape, as `data.shapes.Factors` has them: in half image widths
and radians, clockwise.
"""

import functools

import numpy as np

from stylegan2_jax.data import distances
from stylegan2_jax.data.shapes import KINDS

# After a turn by this many radians a shape is the same; None: after any.
PERIODS = {
  'circle': None,
  'square': np.pi / 2,
  'triangle': 2 * np.pi / 3,
  'star': 2 * np.pi / 5,
  'ring': None,
  'cross': np.pi / 2,
  'heart': 2 * np.pi,
  'crescent': 2 * np.pi,
}
_SIZES = (0.54, 0.62, 0.70, 0.78, 0.86)
_ANGLES = np.deg2rad([-20, -10, 0, 10, 20])
_CENTRES = (-0.08, 0, 0.08)


def coverage(kind: int, poses: np.ndarray, resolution: int) -> np.ndarray:
  """Covered parts of pixels in [0, 1]: float32 [N, resolution²].

  Args:
    kind: index into KINDS.
    poses: [N, 4].
    resolution: width and height in pixels.
  """
  size, angle, x, y = np.asarray(poses, np.float32).T[..., None]  # [N, 1] each
  at = ((np.arange(resolution) + 0.5) * (2 / resolution) - 1).astype(np.float32)
  right, down = np.tile(at, resolution)[None] - x, np.repeat(at, resolution)[None] - y
  cos, sin = np.cos(angle) / size, np.sin(angle) / size
  found = distances.SHAPES[KINDS[kind]](cos * right + sin * down, cos * down - sin * right)
  found *= -size * np.float32(resolution / 2)
  found += np.float32(0.5)
  return np.clip(found, 0, 1, out=found)


@functools.cache
def bank(resolution: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """All kinds on a coarse grid of poses.

  Returns:
    Kinds [T], poses [T, 4] and coverage float32 [T, resolution²].
  """
  kinds, poses, rows = [], [], []
  for kind, name in enumerate(KINDS):
    angles = _ANGLES if PERIODS[name] else (0,)
    grid = np.stack(np.meshgrid(_SIZES, angles, _CENTRES, _CENTRES), -1).reshape(-1, 4)
    kinds.append(np.full(len(grid), kind))
    poses.append(grid)
    rows.append(coverage(kind, grid, resolution))
  return tuple(map(np.concatenate, (kinds, poses, rows)))


def upright(kind: np.ndarray, angle: np.ndarray) -> np.ndarray:
  """Angles [N] of kinds [N] in [-period/2, period/2); 0 where no turn shows."""
  periods = np.array([PERIODS[name] or np.inf for name in KINDS])[kind]
  turned = np.where(np.isinf(periods), 0, angle)
  finite = np.where(np.isinf(periods), 1, periods)
  return (turned + finite / 2) % finite - finite / 2
