"""The pictures of the built-in data set: one coloured shape on a soft background.

Picture `index` of seed `seed` is a pure function of these two numbers and the resolution, and
shows the same scene at every resolution. Kind is the label; hue, size, angle, position and the
background vary.
"""

from typing import NamedTuple

import numpy as np

from stylegan2_jax.data import distances

KINDS = tuple(distances.SHAPES)

_DRAWS = 14  # random numbers per picture; a new factor goes at the end, or every picture changes


class Factors(NamedTuple):
  """What is in N pictures. Lengths are in half image widths: the image spans [-1, 1]."""

  kind: np.ndarray  # int32 [N], index into KINDS
  colour: np.ndarray  # float64 [N, 3], hue, saturation, value of the shape, in [0, 1]
  size: np.ndarray  # float64 [N], radius of the circle around the shape
  angle: np.ndarray  # float64 [N], radians, clockwise
  centre: np.ndarray  # float64 [N, 2], x to the right, y down
  background: np.ndarray  # float64 [N, 2, 3], hue, saturation, value at both ends of the gradient
  direction: np.ndarray  # float64 [N], radians, in which the gradient runs


def sample_factors(indices, seed=0):
  """Draws the factors of pictures.

  Args:
    indices: int sequence [N], which pictures.
    seed: int, which data set.

  Returns:
    Factors of N pictures. They do not depend on each other: each comes from its own
    counter-based random stream.
  """
  u = np.stack([_uniforms(seed, int(i)) for i in indices], axis=1)  # [_DRAWS, N]
  size = 0.6 + 0.2 * u[2]
  reach = 0.06  # near the middle, and never cut off
  hue = u[1]
  # Backgrounds are dark or pale, never in between, and muted: the shape always stands out.
  dark = u[8] < 0.5
  value = np.where(dark, 0.12 + 0.2 * u[9], 0.74 + 0.16 * u[9])
  other_value = np.clip(value + 0.24 * (u[10] - 0.5), 0, 0.92)
  saturation = np.where(dark, 0.35, 0.16)
  back_hue = u[11]
  other_hue = (back_hue + 0.5 * (u[12] - 0.5)) % 1
  background = np.stack(
    [
      np.stack([back_hue, saturation, value], axis=-1),
      np.stack([other_hue, saturation, other_value], axis=-1),
    ],
    axis=1,
  )
  shape_value = np.where(dark, 0.85 + 0.15 * u[7], 0.6 + 0.3 * u[7])
  return Factors(
    kind=np.minimum(u[0] * len(KINDS), len(KINDS) - 1).astype(np.int32),
    colour=np.stack([hue, 0.72 + 0.23 * u[6], shape_value], axis=-1),
    size=size,
    angle=np.deg2rad(24) * (u[3] - 0.5),
    centre=np.stack([reach * (2 * u[4] - 1), reach * (2 * u[5] - 1)], axis=-1),
    background=background,
    direction=2 * np.pi * u[13],
  )


def draw(factors, resolution):
  """Draws pictures.

  Args:
    factors: Factors of N pictures.
    resolution: int, width and height in pixels.

  Returns:
    uint8 [N, resolution, resolution, 3].
  """
  coverage = np.empty((len(factors.kind), resolution, resolution), np.float32)
  for kind, name in enumerate(KINDS):
    members = np.flatnonzero(factors.kind == kind)
    if members.size:
      coverage[members] = _coverage(distances.SHAPES[name], factors, members, resolution)
  image = _gradient(factors, resolution)  # [N, H, W, 3]
  colour = hsv_to_rgb(factors.colour).astype(np.float32)[:, None, None, :]
  image += (colour - image) * coverage[..., None]
  return (image * 255 + 0.5).astype(np.uint8)


def hsv_to_rgb(hsv):
  """Converts colours from hue, saturation, value to red, green, blue, all in [0, 1]: [..., 3]."""
  hue, saturation, value = np.moveaxis(np.asarray(hsv, np.float64), -1, 0)
  sector = (hue[..., None] * 6 + np.array([5.0, 3.0, 1.0])) % 6
  depth = np.clip(np.minimum(sector, 4 - sector), 0, 1)
  return value[..., None] * (1 - saturation[..., None] * depth)


def _uniforms(seed, index):
  """Returns float64 [_DRAWS] in [0, 1). Raw bits are promised never to change; methods are not."""
  raw = np.random.Philox(key=np.array([seed, index], np.uint64)).random_raw(_DRAWS)
  return (raw >> np.uint64(11)) * 2.0**-53


def _pixel_centres(resolution):
  """Returns float32 x [1, 1, W] and y [1, H, 1] of the pixel centres in [-1, 1]."""
  centres = ((np.arange(resolution) + 0.5) * (2 / resolution) - 1).astype(np.float32)
  return centres[None, None, :], centres[None, :, None]


def _per_picture(values):
  return np.asarray(values, np.float32)[:, None, None]


def _coverage(shape, factors, members, resolution):
  """How much of each pixel the shape covers: float32 [members, H, W] in [0, 1].

  The edge is a ramp one pixel wide across the outline: close to the covered area.
  """
  x, y = _pixel_centres(resolution)
  size, angle = factors.size[members], factors.angle[members]
  cos, sin = _per_picture(np.cos(angle) / size), _per_picture(np.sin(angle) / size)
  x = x - _per_picture(factors.centre[members, 0])
  y = y - _per_picture(factors.centre[members, 1])
  distance = shape(cos * x + sin * y, cos * y - sin * x)
  return np.clip(np.float32(0.5) - distance * _per_picture(size * (resolution / 2)), 0, 1)


def _gradient(factors, resolution):
  """The backgrounds: float32 [N, H, W, 3] in [0, 1], a smooth step between two colours."""
  x, y = _pixel_centres(resolution)
  across = _per_picture(np.cos(factors.direction)) * x + _per_picture(np.sin(factors.direction)) * y
  t = np.clip(np.float32(0.5) + across * np.float32(0.45), 0, 1)
  t = t * t * (3 - 2 * t)
  ends = hsv_to_rgb(factors.background).astype(np.float32)[:, :, None, None, :]  # [N, 2, 1, 1, 3]
  return ends[:, 0] + (ends[:, 1] - ends[:, 0]) * t[..., None]
