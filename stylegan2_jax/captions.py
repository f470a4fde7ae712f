"""Names beside the rows of a grid."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stylegan2_jax.words import one_line

_FONT_SIZES = (10, 24)  # pixels: the smallest and largest
_MAX_WIDTH = 240  # pixels; longer names are cut


def captioned(img: np.ndarray, names: Sequence[str]) -> np.ndarray:
  """Puts a name to the left of each row of a grid, white on black.

  Args:
    img: [rows * H, W, C] uint8, as `images.grid` makes it.
    names: one for each row. The font has ASCII alone: accents are left out, and a name without
      any of its letters is shown as the number of its row.

  Returns:
    [rows * H, margin + W, C] uint8.

  Raises:
    ValueError: the rows are not of equal height.
  """
  height, remainder = divmod(img.shape[0], len(names))
  if remainder:
    raise ValueError(f'{img.shape[0]} pixels are not {len(names)} rows of equal height')
  font = ImageFont.load_default(float(np.clip(height // 4, *_FONT_SIZES)))
  texts = [_fitting(font, _drawable(name, row)) for row, name in enumerate(names)]
  gap = height // 8
  width = int(max(font.getlength(text) for text in texts)) + 1 + 2 * gap
  margin = Image.new('L', (width, img.shape[0]))
  draw = ImageDraw.Draw(margin)
  for row, text in enumerate(texts):
    draw.text((width - gap, (row + 0.5) * height), text, fill=255, font=font, anchor='rm')
  pixels = np.repeat(np.asarray(margin)[:, :, None], img.shape[2], axis=2)
  if img.shape[2] in (2, 4):
    pixels[:, :, -1] = 255  # opaque
  return np.concatenate([pixels, img], axis=1)


def _drawable(name, row):
  """What the font can draw of a name, without accents, else the number of its row."""
  letters = unicodedata.normalize('NFKD', one_line(name, 200))
  drawable = ' '.join(letters.encode('ascii', 'ignore').decode().split())
  return drawable or (f'({row})' if letters else '')


def _fitting(font, text):
  """The text, or as much of its beginning as there is room for."""
  whole = text
  while font.getlength(text) > _MAX_WIDTH:
    whole = whole[:-1]
    text = f'{whole}...'
  return text
