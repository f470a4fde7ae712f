"""Images as numbers, grids and PNG files."""

import os

import numpy as np
from PIL import Image

from stylegan2_jax import files


def to_uint8(img):
  """[-1, 1] floats to uint8: 127.5 x + 128, clipped to [0, 255], truncated.

  Args:
    img: NumPy or JAX array of any shape.

  >>> to_uint8(np.array([-2.0, -1.0, 0.0, 1.0])).tolist()
  [0, 0, 128, 255]
  """
  return (127.5 * img + 128).clip(0, 255).astype(np.uint8)


def to_float(img):
  """uint8 to float32 in [-1, 1]: x / 127.5 - 1.

  Args:
    img: NumPy or JAX array of any shape.

  >>> to_float(np.array([0, 255], np.uint8)).tolist()
  [-1.0, 1.0]
  """
  return img.astype(np.float32) / 127.5 - 1


def grid_shape(n: int) -> tuple[int, int]:
  """(rows, cols) for n images: the most square with cols >= rows that has the fewest gaps.

  >>> [grid_shape(n) for n in (1, 2, 6, 24, 7)]
  [(1, 1), (1, 2), (2, 3), (4, 6), (2, 4)]
  """
  if n < 1:
    raise ValueError(f'a grid needs at least one image, not {n}')
  shapes = [(rows, -(-n // rows)) for rows in range(1, n + 1)]
  # At most twice as wide as high, unless n = 1 or 2 leaves no choice; then fewest gaps.
  shapes = [(r, c) for r, c in shapes if r <= c <= max(2 * r, 2)]
  return min(shapes, key=lambda shape: (shape[0] * shape[1] - n, shape[1] - shape[0]))


def grid(images: np.ndarray, rows: int, cols: int, min_cell: int = 64) -> np.ndarray:
  """Lays images out row by row; cells without an image stay 0, black or transparent.

  Args:
    images: [N, H, W, C] uint8, N <= rows * cols.
    rows: cells in a column.
    cols: cells in a row.
    min_cell: smaller images are magnified, by `magnify`, until they have this side.

  Returns:
    [rows * H, cols * W, C] uint8, or f times that.

  Raises:
    ValueError: too many images, or not uint8 of four dimensions.
  """
  images = np.asarray(images)
  if images.ndim != 4 or images.dtype != np.uint8:
    raise ValueError(f'grid takes [N, H, W, C] uint8, not {images.shape} {images.dtype}')
  images = magnify(images, min_cell)
  num, height, width, channels = images.shape
  if num > rows * cols:
    raise ValueError(f'{num} images do not fit into {rows} x {cols} cells')
  cells = np.zeros((rows * cols, height, width, channels), np.uint8)
  cells[:num] = images
  cells = cells.reshape(rows, cols, height, width, channels)
  return cells.transpose(0, 2, 1, 3, 4).reshape(rows * height, cols * width, channels)


def magnify(images: np.ndarray, min_side: int) -> np.ndarray:
  """Repeats pixels by the smallest whole factor that makes both sides at least min_side.

  Args:
    images: [..., H, W, C].

  Returns:
    [..., f * H, f * W, C]; the input itself where it is large enough.
  """
  factor = -(-min_side // min(images.shape[-3:-1]))
  return images if factor <= 1 else images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def save_png(path: str | os.PathLike, img: np.ndarray) -> None:
  """Writes a PNG, whole or not at all: a temporary file next to it takes its name at the end.

  Args:
    path: where to; the folder exists.
    img: [H, W, C] uint8: grey, grey with alpha, colour or colour with alpha.

  Raises:
    ValueError: another shape or dtype.
    OSError: not writable.
  """
  img = np.asarray(img)
  if img.dtype != np.uint8 or img.ndim != 3 or not 1 <= img.shape[2] <= 4:
    raise ValueError(f'save_png takes [H, W, 1 to 4] uint8, not {img.shape} {img.dtype}')
  with files.replacing(path) as file:
    pillow(img).save(file, format='PNG')


def pillow(img: np.ndarray) -> Image.Image:
  """[H, W, C] uint8 as Pillow has it: grey, grey with alpha, colour or colour with alpha."""
  return Image.fromarray(img[:, :, 0] if img.shape[2] == 1 else img)
