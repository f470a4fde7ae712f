"""Names beside the rows of a grid."""

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
    names: one for each row; any text, of which the printable is shown.

  Returns:
    [rows * H, margin + W, C] uint8.

  Raises:
    ValueError: the rows are not of equal height.
  """
  height, remainder = divmod(img.shape[0], len(names))
  if remainder:
    raise ValueError(f'{img.shape[0]} pixels are not {len(names)} rows of equal height')
  font = ImageFont.load_default(float(np.clip(height // 4, *_FONT_SIZES)))
  texts = [_fitting(font, name) for name in names]
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


def _fitting(font, name):
  """The name, or as much of its beginning as there is room for."""
  text = one_line(name)
  whole = text
  while font.getlength(text) > _MAX_WIDTH:
    whole = whole[:-1]
    text = f'{whole}...'
  return text
