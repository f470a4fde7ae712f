"""Signed distances to the shapes of the built-in data set.

Every function takes coordinates `x`, `y` (float arrays of one shape, y pointing down) and
returns the distance to the outline, negative inside. Each shape fills the unit circle around
the origin. Per element there is only IEEE-exact arithmetic (sums, products, square roots,
minima, maxima): the pictures are the same on every machine.
"""

import numpy as np


def _box(x, y, half_width, half_height):
  """Distance to an axis-parallel rectangle around the origin."""
  dx = np.abs(x) - half_width
  dy = np.abs(y) - half_height
  outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
  return outside + np.minimum(np.maximum(dx, dy), 0)


def _normals(count):
  """Unit vectors that divide the circle evenly, the first one pointing down."""
  angles = np.pi / 2 + 2 * np.pi * np.arange(count) / count
  return [(float(np.round(np.cos(a), 7)), float(np.round(np.sin(a), 7))) for a in angles]


def circle(x, y):
  """A disc, a little smaller than the others so that all have a similar weight."""
  return np.sqrt(x * x + y * y) - 0.85


def square(x, y):
  """A square with its corners on the unit circle."""
  return _box(x, y, 0.7071, 0.7071)


def triangle(x, y):
  """An equilateral triangle, one corner up: the largest distance to its three sides."""
  return np.maximum.reduce([x * nx + y * ny - 0.5 for nx, ny in _normals(3)])


def star(x, y):
  """A five-pointed star, one tip up.

  Its outline lies on five lines, and a point is inside if and only if it is beyond at most one
  of them. So the distance is the second largest of the five.
  """
  largest = second = None
  for nx, ny in _normals(5):
    distance = x * nx - y * ny - 0.33
    if largest is None:
      largest = distance
      second = np.full_like(distance, -np.inf)
      continue
    second = np.maximum(second, np.minimum(largest, distance))
    largest = np.maximum(largest, distance)
  return second


def ring(x, y):
  """A circular band."""
  return np.abs(np.sqrt(x * x + y * y) - 0.72) - 0.2


def cross(x, y):
  """Two bars at right angles."""
  return np.minimum(_box(x, y, 0.94, 0.3), _box(x, y, 0.3, 0.94))


def heart(x, y):
  """A square on its corner with a disc on each of its two upper sides."""
  y = y - 0.14
  half = 0.55
  side = np.abs(x)
  turn = 0.70710678
  diamond = _box((x + y) * turn, (x - y) * turn, half, half)
  disc = np.sqrt((side - half * turn) ** 2 + (y + half * turn) ** 2) - half
  return np.minimum(diamond, disc)


def crescent(x, y):
  """A disc without a smaller disc at its upper right."""
  whole = np.sqrt(x * x + y * y) - 0.95
  bite = np.sqrt((x - 0.42) ** 2 + (y + 0.22) ** 2) - 0.72
  return np.maximum(whole, -bite)


SHAPES = {
  'circle': circle,
  'square': square,
  'triangle': triangle,
  'star': star,
  'ring': ring,
  'cross': cross,
  'heart': heart,
  'crescent': crescent,
}
