"""The grids of a run as other programs take them: in colour, and not too large."""

import pathlib
import warnings

from PIL import Image

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_BACKGROUND = 'white'  # behind transparent images


def load(path: pathlib.Path) -> Image.Image:
  """A grid in RGB.

  Raises:
    UserError: missing, or no picture.
  """
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # large, and our own
      with Image.open(path) as image:
        return _rgb(image)
  except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
    raise UserError(f'cannot read the grid {path} ({reason(error)}): remove it') from None


def _rgb(image):
  if not image.has_transparency_data:
    return image.convert('RGB')
  image = image.convert('RGBA')
  background = Image.new('RGBA', image.size, _BACKGROUND)
  return Image.alpha_composite(background, image).convert('RGB')


def shrunk(image: Image.Image, width: int) -> Image.Image:
  """The picture itself if it is no wider than that, else made so, its shape kept."""
  if image.width <= width:
    return image
  height = max(1, round(image.height * width / image.width))
  return image.resize((width, height), Image.Resampling.LANCZOS)
