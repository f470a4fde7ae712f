"""The sheet of `launch.py noise`: pictures, details of them, and maps of deviations."""

import numpy as np
from PIL import Image

from stylegan2_jax import images, sheets

COLUMNS = 6
_LEAST_WHITE = 0.01  # grey levels
_DETAIL = 4  # the part of a picture's side that a detail is of


def draw(effect, fine: str, coarse: str) -> np.ndarray:
  """A row for each seed of a `noise.NoiseEffect`, uint8 [height, width, C].

  Args:
    effect: the pictures and deviations.
    fine: width x height where fine noise begins.
    coarse: where coarse noise ends.
  """
  columns = [
    'image',
    'noise redrawn,\nin the frame',
    f'deviation,\nwhite: {white(effect.deviations):.3g}/255',
    'no noise',
    f'fine noise,\nfrom {fine}',
    f'coarse noise,\nup to {coarse}',
  ]
  rows = []
  maps = grey(effect.deviations)
  for i, deviation in enumerate(effect.deviations):
    picture = images.magnify(effect.images[i], sheets.MIN_CELL)
    factor = len(picture) // len(deviation)
    box = busiest(deviation, *(max(1, side // _DETAIL) for side in deviation.shape))
    details = enlarged(effect.realizations[i], box, picture.shape[:2])
    others = (maps[i], effect.without[i], effect.fine[i], effect.coarse[i])
    others = [images.magnify(img, sheets.MIN_CELL) for img in others]
    rows.append([framed(picture, [factor * n for n in box]), details, *others])
  return sheets.sheet(rows, [f'seed {seed}' for seed in effect.seeds], columns)


def grey(deviations: np.ndarray) -> np.ndarray:
  """[N, H, W] as pictures, uint8 [N, H, W, 1]: black is 0, white the largest of all.

  >>> grey(np.array([[[0.0, 1.0, 2.0]]])).ravel().tolist()
  [0, 127, 255]
  """
  return (deviations * (255 / white(deviations))).astype(np.uint8)[..., None]


def white(deviations: np.ndarray) -> float:
  """What maps show as white: the largest deviation, unless that is but rounding.

  >>> white(np.array([3.5, 0.0])), white(np.array([1e-6, 0.0]))
  (3.5, 0.01)
  """
  return max(float(deviations.max()), _LEAST_WHITE)


def busiest(values: np.ndarray, height: int, width: int) -> tuple[int, int, int, int]:
  """(top, left, height, width) of the window with the largest sum; the middle if all are zero.

  >>> busiest(np.array([[0, 0, 0], [0, 0, 5], [0, 0, 1]]), 2, 2)
  (1, 1, 2, 2)
  """
  if not values.any():
    return (values.shape[0] - height) // 2, (values.shape[1] - width) // 2, height, width
  sums = np.pad(np.asarray(values, np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
  in_window = (
    sums[height:, width:]
    - sums[:-height, width:]
    - sums[height:, :-width]
    + sums[:-height, :-width]
  )
  top, left = np.unravel_index(in_window.argmax(), in_window.shape)
  return int(top), int(left), height, width


def framed(img: np.ndarray, box: list[int]) -> np.ndarray:
  """A copy of uint8 [H, W, C] with a frame, black in white, around (top, left, height, width)."""
  img = img.copy()
  line = max(1, min(img.shape[:2]) // 128)
  for color, grown in ((255, line), (0, 0)):
    top, left = max(0, box[0] - grown), max(0, box[1] - grown)
    bottom, right = box[0] + box[2] + grown, box[1] + box[3] + grown
    inside = img[top:bottom, left:right].copy()
    shape = inside.shape[:2]
    rim = np.ones(shape, bool)
    rim[line : shape[0] - line, line : shape[1] - line] = False
    inside[rim] = color
    if img.shape[2] in (2, 4):
      inside[rim, -1] = 255
    img[top:bottom, left:right] = inside
  return img


def enlarged(pictures: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int]):
  """A window of four pictures, two by two, in a picture of a size (height, width)."""
  top, left, height, width = box
  gap = max(1, min(size) // 64)
  channels = pictures.shape[3]
  dark = np.full((1, 1, 1), sheets.BACKGROUND, np.uint8)
  cell = np.broadcast_to(sheets.as_channels(dark, channels), (*size, channels)).copy()
  ends = [((0, (n - gap) // 2), (n - (n - gap) // 2, n)) for n in size]
  for i, picture in enumerate(pictures):
    (y0, y1), (x0, x1) = ends[0][i // 2], ends[1][i % 2]
    detail = images.pillow(picture[top : top + height, left : left + width])
    detail = np.asarray(detail.resize((x1 - x0, y1 - y0), Image.Resampling.NEAREST))
    cell[y0:y1, x0:x1] = detail.reshape(y1 - y0, x1 - x0, channels)
  return cell
