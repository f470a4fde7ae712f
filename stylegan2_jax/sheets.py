"""Sheets: pictures in rows and columns, with words above and beside them, light on dark.

Words grow with the pictures, so that a sheet of large pictures can still be read when it is shrunk
to a screen.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stylegan2_jax.errors import UserError
from stylegan2_jax.images import magnify

BACKGROUND, INK = 24, 232  # grey levels
MAX_PIXELS = 80_000_000  # of a sheet: above about 89 million Pillow takes a PNG for an attack
MIN_CELL = 96  # smaller pictures are magnified, by whole factors
_MIN_FONT, _FONT_SHARE = 11, 9  # pixels; the part of a picture's side that a line is high
_LINE = 1.25  # heights of the font from a line to the next


def check_size(rows: int, columns: int, size: tuple[int, int], remedy: str) -> None:
  """Refuses a sheet that could hardly be opened.

  Args:
    rows: of pictures.
    columns: of pictures.
    size: (height, width) of a picture.
    remedy: what to do, for the message.

  Raises:
    UserError: more than `MAX_PIXELS`.
  """
  factor = max(1, -(-MIN_CELL // min(size)))
  pixels = rows * columns * size[0] * size[1] * factor**2
  if pixels > MAX_PIXELS:
    raise UserError(
      f'a sheet of {rows} x {columns} images of {size[1]}x{size[0]} would have '
      f'{pixels / 1e6:.0f} million pixels, more than {MAX_PIXELS // 10**6}: {remedy}'
    )


def sheet(
  cells: Sequence[Sequence[np.ndarray | None]],
  rows: Sequence[str] = (),
  columns: Sequence[str] = (),
  apart: tuple[int, int] = (0, 0),
) -> np.ndarray:
  """Lays pictures out with captions.

  Args:
    cells: rows of pictures uint8 [H, W, C], all of one H and W; None leaves a cell empty. Grey ones
      become coloured among coloured ones, opaque ones stay so among those with alpha.
    rows: captions left of the rows; none if empty. ASCII, with \\n between lines.
    columns: captions above the columns, likewise.
    apart: (number of rows at the top, of columns at the left) with a wide gap after them.

  Returns:
    uint8 [height, width, C], with the most channels that any picture has.

  Raises:
    ValueError: pictures of different sizes, or as many captions as do not fit.
  """
  pictures = [picture for row in cells for picture in row if picture is not None]
  if len({picture.shape[:2] for picture in pictures}) != 1:
    raise ValueError('a sheet takes pictures of one size')
  count = max(len(row) for row in cells)
  if (rows and len(rows) != len(cells)) or (columns and len(columns) != count):
    raise ValueError(f'{len(rows)} and {len(columns)} captions for {len(cells)} x {count} cells')
  channels = max(picture.shape[2] for picture in pictures)
  height, width = magnify(pictures[0], MIN_CELL).shape[:2]
  font = _font(columns, min(height, width), width)
  gap = max(2, min(height, width) // 32)
  left, top = _extent(font, rows)[0], _extent(font, columns)[1]
  left, top = (2 * gap + left + gap if rows else gap), (2 * gap + top + gap if columns else gap)
  ys = _places(len(cells), height, gap, top, apart[0])
  xs = _places(count, width, gap, left, apart[1])
  canvas = np.full((ys[-1] + height + gap, xs[-1] + width + gap), BACKGROUND, np.uint8)
  words = Image.fromarray(canvas)
  draw = ImageDraw.Draw(words)
  spacing = round((_LINE - 1) * font.size)
  for y, text in zip(ys, rows, strict=False):
    draw.multiline_text(
      (left - gap, y + height / 2), text, INK, font, 'rm', spacing=spacing, align='right'
    )
  for x, text in zip(xs, columns, strict=False):
    draw.multiline_text(
      (x + width / 2, top - gap), text, INK, font, 'md', spacing=spacing, align='center'
    )
  canvas = as_channels(np.array(words)[:, :, None], channels)  # a copy: Pillow's is read-only
  for y, row in zip(ys, cells, strict=True):
    for x, picture in zip(xs, row, strict=False):
      if picture is not None:
        cell = as_channels(magnify(picture, MIN_CELL), channels)
        canvas[y : y + height, x : x + width] = cell
  return canvas


def as_channels(img: np.ndarray, channels: int) -> np.ndarray:
  """uint8 [H, W, C] with as many channels or more: grey becomes coloured, alpha is opaque.

  >>> as_channels(np.full((1, 1, 1), 7, np.uint8), 4).tolist()
  [[[7, 7, 7, 255]]]
  """
  if img.shape[2] == channels:
    return img
  colors, alpha = (img[:, :, :-1], img[:, :, -1:]) if img.shape[2] == 2 else (img, None)
  if alpha is None:
    alpha = np.full((*img.shape[:2], 1), 255, np.uint8)
  wanted = channels - (channels in (2, 4))
  colors = np.repeat(colors, wanted, axis=2) if colors.shape[2] < wanted else colors
  return np.concatenate([colors, alpha], axis=2) if channels in (2, 4) else colors.copy()


def _font(columns, side, width):
  """As large as the pictures ask for and the captions of columns leave room for."""
  size = max(_MIN_FONT + 2, side // _FONT_SHARE)
  font = ImageFont.load_default(float(size))
  while size > _MIN_FONT and _extent(font, columns)[0] > width:
    size -= 1
    font = ImageFont.load_default(float(size))
  return font


def _extent(font, texts):
  """(width, height) of the largest of some texts."""
  lines = [text.split('\n') for text in texts]
  width = max((font.getlength(line) for text in lines for line in text), default=0)
  count = max((len(text) for text in lines), default=0)
  return int(width) + 1, round(count * _LINE * font.size)


def _places(count, side, gap, start, apart):
  """Where each of `count` cells begins."""
  return [start + i * (side + gap) + (3 * gap if 0 < apart <= i else 0) for i in range(count)]
