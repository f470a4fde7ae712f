"""Reads what is in pictures of the built-in data set `shapes`: the inverse of `data.shapes.draw`.

Each picture I (pixels [H, W, 3]) is taken for I = B + α·(c − B), with a background B, the colour c
of the shape and the covered part α of each pixel:

  1. B is a cubic polynomial of x and y for each colour, fitted to the outermost pixels, which no
     shape reaches; of a gradient that is a smooth step it is the polynomial itself.
  2. c is the mean of the pixels that differ most from B, then of those well inside, and α the part
     of c − B that each pixel shows.
  3. α is compared with a grid of all kinds, sizes, angles and places; the two best kinds are
     refined by Gauss-Newton steps, and the one that overlaps more wins.

How well it fits is told by

  overlap = Σ min(α, T) / Σ max(α, T), with T the part of each pixel that the shape found covers
  error = ‖I − B − T·(c − B)‖ / ‖T·(c − B)‖, over pixels and colours
  margin: what the overlap is above that of the second best kind, of a rough fit of both

A picture is valid at an overlap of at least 0.8 and an error of at most 0.3. All pictures of the
data set are, nearly all with noise of 8 of 255 added, and none of pure noise. Of pictures blended
of two in equal parts about one in five is, mostly those whose shapes nearly coincide.
"""

import functools
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.shapes import KINDS
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import shapes_templates as templates

MIN_SIDE = 16  # pixels
_SIDE = 32  # pixels that larger pictures are reduced to
_CHUNK = 256  # pictures at a time
_STEPS = 3  # twice for the kind that fits best
_DELTAS = (0.02, 0.04, 0.02, 0.02)  # of size, angle, x and y, for slopes: about a third of a pixel
_LOW, _HIGH = (0.3, -np.pi, -0.5, -0.5), (1.0, np.pi, 0.5, 0.5)
_FAINT = 0.05  # of 1: where nothing differs more from the background there is no shape
_MIN_OVERLAP, _MAX_ERROR = 0.8, 0.3


class Readings(NamedTuple):
  """What N pictures show. Lengths are in half image widths: the image spans [-1, 1]."""

  kind: np.ndarray  # int32 [N], index into KINDS
  colour: np.ndarray  # float64 [N, 3], hue, saturation, value of the shape
  size: np.ndarray  # float64 [N], radius of the circle around the shape
  angle: np.ndarray  # float64 [N], radians, clockwise, within half a period; 0 for circle and ring
  centre: np.ndarray  # float64 [N, 2], x to the right, y down
  is_dark: np.ndarray  # bool [N], the background, else pale
  overlap: np.ndarray  # float64 [N], of the shape with what stands out, 1 the best
  margin: np.ndarray  # float64 [N], of the overlap above that of the best other kind
  error: np.ndarray  # float64 [N], what is not explained, over what the shape changes

  @property
  def is_valid(self) -> np.ndarray:
    """Which pictures show one shape, bool [N]."""
    return (self.overlap >= _MIN_OVERLAP) & (self.error <= _MAX_ERROR)


def read_shapes(images: np.ndarray) -> Readings:
  """Reads pictures.

  Args:
    images: uint8 [N, H, H, 3] of at least 16 pixels; above 32 they are reduced to 32 by means.

  Raises:
    UserError: they are smaller, or no squares.
  """
  height, width = images.shape[1:3]
  if height != width or height < MIN_SIDE:
    raise UserError(
      f'shapes are read from squares of at least {MIN_SIDE} pixels, not {height}x{width}: '
      'leave this metric out'
    )
  chunks = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
  parts = [_read(_reduced(chunk)) for chunk in chunks or [images]]
  return Readings(*map(np.concatenate, zip(*parts, strict=True)))


def rgb_to_hsv(rgb: np.ndarray) -> np.ndarray:
  """Hue, saturation and value of colours [..., 3], all in [0, 1]; grey has hue 0."""
  red, green, blue = np.moveaxis(np.asarray(rgb, np.float64), -1, 0)
  value = np.maximum(np.maximum(red, green), blue)
  spread = value - np.minimum(np.minimum(red, green), blue)
  safe = np.where(spread > 0, spread, 1)
  hue = np.where(
    value == red, (green - blue) / safe % 6,
    np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
  )  # fmt: skip
  saturation = spread / np.where(value > 0, value, 1)
  return np.stack([np.where(spread > 0, hue / 6 % 1, 0), saturation, value], -1)


def _read(img):
  """Readings of pictures [N, S, S, 3] in [0, 1]."""
  num, side = img.shape[:2]
  img = img.reshape(num, side * side, 3)
  background = _continued(img, side)
  alpha, colour, is_faint = _separated(img, background)
  kind, pose, found, margin = _fitted(alpha, side)
  overlap = np.where(is_faint, 0, _overlap(alpha, found))
  shape = found[..., None] * (colour[:, None] - background)  # [N, S², 3], what is to be added to B
  missed = np.square(img - background - shape).sum((1, 2), dtype=np.float64)
  error = np.sqrt(missed / np.maximum(np.square(shape).sum((1, 2), dtype=np.float64), 1e-9))
  return Readings(
    kind.astype(np.int32),
    rgb_to_hsv(colour),
    pose[:, 0],
    templates.upright(kind, pose[:, 1]),
    pose[:, 2:],
    rgb_to_hsv(background.mean(1))[:, 2] < 0.5,
    overlap,
    np.where(is_faint, 0, margin),
    np.where(is_faint, 1, error),
  )


def _fitted(alpha, side):
  """Kinds [N], poses [N, 4], their covered parts [N, S²] and margins [N]."""
  kinds, poses = _likely(alpha, side)
  overlaps = np.empty(kinds.shape)
  found = np.empty((*kinds.shape, side * side), np.float32)
  for place in range(kinds.shape[1]):
    poses[:, place], found[:, place] = _refined(kinds[:, place], poses[:, place], alpha, side)
    overlaps[:, place] = _overlap(alpha, found[:, place])
  row, best = np.arange(len(alpha)), overlaps.argmax(1)
  margin = overlaps[row, best] - np.where(np.eye(2, dtype=bool)[best], 0, overlaps).max(1)
  kind = kinds[row, best]
  return kind, *_refined(kind, poses[row, best], alpha, side), margin


def _reduced(images):
  """Means over areas of 1/32 of the width, or pictures as they are: float32 in [0, 1]."""
  side = images.shape[1]
  if side <= _SIDE:
    return images.astype(np.float32) / 255
  areas = _areas(side)
  num, wide = len(images), (side, 3)
  rows = np.empty((num, _SIDE, *wide), np.float32)
  for image, row in zip(images, rows, strict=True):  # one by one: they may be large
    row[:] = (areas @ image.reshape(side, -1).astype(np.float32)).reshape(_SIDE, *wide)
  return np.einsum('jw,niwc->nijc', areas, rows, optimize=True) / 255


@functools.cache
def _areas(side):
  """How much of each of 32 equal parts of a line each of `side` pixels is: [32, side]."""
  edges = np.arange(_SIDE + 1)[:, None] * (side / _SIDE)
  covered = np.clip(edges - np.arange(side)[None], 0, 1)
  return (np.diff(covered, axis=0) * (_SIDE / side)).astype(np.float32)


def _continued(img, side):
  """The background [N, S², 3] that goes on from the border of pictures."""
  matrix, border = _continuation(side)
  return np.einsum('pb,nbc->npc', matrix, img[:, border], optimize=True)


@functools.cache
def _continuation(side):
  """A matrix [S², B], and which pixels [B] are the border."""
  at = (np.arange(side) + 0.5) * (2 / side) - 1
  x, y = np.tile(at, side), np.repeat(at, side)
  powers = [(i, j) for i in range(4) for j in range(4 - i)]
  terms = np.stack([x**i * y**j for i, j in powers], 1)
  width = max(1, side // 16)  # within 1/8 of the half width, where no shape is
  border = np.flatnonzero(np.maximum(abs(x), abs(y)) > 1 - width * 2 / side)
  return (terms @ np.linalg.pinv(terms[border])).astype(np.float32), border


def _separated(img, background):
  """Covered parts [N, S²], colour [N, 3] of the shape, and whether there is none [N]."""
  difference = img - background
  strength = np.sqrt(np.square(difference).sum(2))
  top = np.percentile(strength, 97, axis=1)  # single pixels do not count; no shape is so small
  colour = _mean(img, strength > 0.8 * top[:, None])
  for _ in range(2):  # the border of the shape is a mixture: again with those well inside
    alpha = _covered(difference, colour, background)
    colour = _mean(img, alpha > 0.9)
  return _covered(difference, colour, background), colour, top < _FAINT


def _covered(difference, colour, background):
  contrast = colour[:, None] - background
  squares = np.square(contrast).sum(2)
  alpha = np.einsum('npc,npc->np', difference, contrast) / np.maximum(squares, 1e-6)
  return np.clip(alpha, 0, 1)


def _mean(img, chosen):
  """Mean [N, 3] of the chosen pixels [N, P]; of none, 0."""
  chosen = chosen.astype(np.float32)
  return np.einsum('np,npc->nc', chosen, img) / np.maximum(chosen.sum(1), 1)[:, None]


def _likely(alpha, side):
  """The two best kinds [N, 2] and their poses [N, 2, 4] on the grid."""
  kinds, poses, rows = templates.bank(side)
  distance = np.square(rows).sum(1)[None] - 2 * (alpha @ rows.T)  # short of Σα²
  starts = np.flatnonzero(np.diff(kinds, prepend=-1))
  best = np.minimum.reduceat(distance, starts, axis=1)  # [N, kinds]
  chosen = np.argsort(best, axis=1)[:, :2]
  ends = [*starts[1:], len(kinds)]
  at = np.stack([s + distance[:, s:e].argmin(1) for s, e in zip(starts, ends, strict=True)], 1)
  return chosen, poses[np.take_along_axis(at, chosen, 1)]


def _refined(kinds, poses, alpha, side):
  """Poses [N, 4] closer to the least Σ(α − T)², and their T [N, S²]."""
  poses, found = poses.copy(), np.empty_like(alpha)
  for kind in np.unique(kinds):  # each has a formula of its own
    of = kinds == kind
    poses[of], found[of] = _refined_kind(kind, poses[of], alpha[of], side)
  return poses, found


def _refined_kind(kind, poses, alpha, side):
  """The same of one kind, by Gauss-Newton steps that are shortened as long as they do not help."""
  free = [0, 2, 3] if templates.PERIODS[KINDS[kind]] is None else [0, 1, 2, 3]
  found = templates.coverage(kind, poses, side)
  loss = np.square(alpha - found).sum(1)
  length, diagonal = np.ones(len(poses)), np.arange(len(free))
  for _ in range(_STEPS):
    slopes = np.stack([_slope(kind, poses, index, found, side) for index in free], 1)  # [N, P, S²]
    hessian = slopes @ slopes.transpose(0, 2, 1)
    hessian[:, diagonal, diagonal] = 1.001 * hessian[:, diagonal, diagonal] + 1e-6  # never singular
    gradient = slopes @ (alpha - found)[:, :, None]
    moved = poses.copy()
    moved[:, free] += length[:, None] * np.linalg.solve(hessian, gradient)[..., 0]
    moved = np.clip(moved, _LOW, _HIGH)
    other = templates.coverage(kind, moved, side)
    other_loss = np.square(alpha - other).sum(1)
    better = other_loss < loss
    poses, found = (np.where(better[:, None], *pair) for pair in ((moved, poses), (other, found)))
    loss, length = np.minimum(loss, other_loss), np.where(better, 1, length / 3)
  return poses, found


def _slope(kind, poses, index, found, side):
  step = np.zeros(4)
  step[index] = _DELTAS[index]
  return (templates.coverage(kind, poses + step[None], side) - found) / np.float32(_DELTAS[index])


def _overlap(alpha, found):
  return np.minimum(alpha, found).sum(1) / np.maximum(np.maximum(alpha, found).sum(1), 1e-6)
