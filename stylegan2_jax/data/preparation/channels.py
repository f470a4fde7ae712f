"""From whatever a file holds to one of four kinds of pixels: L, LA, RGB, RGBA, 8 bits each.

Colour profiles are ignored: numbers are taken as they are. CMYK and YCbCr are converted as Pillow
does, Lab through Pillow's colour management, where it was built with that.
"""

import numpy as np
from PIL import Image

from stylegan2_jax.data.decoding import MODES
from stylegan2_jax.data.inputs.base import Problem

_PLAIN = {'1': 'L', 'La': 'LA', 'RGBa': 'RGBA', 'PA': 'RGBA'}  # anything else becomes RGB
_KEY = 'transparency'  # where Pillow keeps the colour that stands for transparency
_PHOTOMETRIC_TAG = 262  # TIFF: 0 says that white is zero


def to_channels(image, bits, channels, background):
  """Brings pixels to the number of channels wanted.

  Transparency is kept where there is a channel for it (255, opaque, where there was none).
  Otherwise colours are laid over the background: round((colour * alpha + background *
  (255 - alpha)) / 255), exactly, channel by channel. Colours become grey by ITU-R 601 luma, as in
  Pillow; that comes last. Grey becomes colours by repetition.

  16-bit grey becomes round(value / 257), exactly; of 16-bit colours, and grey with transparency,
  the higher byte is taken (which is how Pillow reads them).

  Args:
    image: PIL image of any mode.
    bits: int, of each sample in the file it comes from.
    channels: int, 1 to 4.
    background: three ints.

  Returns:
    PIL image of mode MODES[channels], the same object where nothing had to be done; or a
    Problem, for numbers whose range is not known.
  """
  image = _plain(image, bits)
  mode = MODES[channels]
  if isinstance(image, Problem) or image.mode == mode:
    return image
  if channels in (1, 3) and image.mode in ('LA', 'RGBA'):
    canvas = Image.new('RGB', image.size, background)
    canvas.paste(image, mask=image)
    image = canvas
  return image if image.mode == mode else image.convert(mode)


def _plain(image, bits):
  """Brings a picture to L, LA, RGB or RGBA, whichever loses nothing."""
  mode = image.mode
  if mode == 'F':
    return Problem('holds floating-point numbers, whose range is not known')
  if mode.startswith('I'):
    return _from_16_bit(image, bits)
  if mode in ('1', 'L', 'RGB') and _KEY in image.info:
    return _from_keyed(image, bits)
  if mode in MODES.values():
    return image
  if mode == 'P':
    return image.convert('RGBA' if image.has_transparency_data else 'RGB')
  return image.convert(_PLAIN.get(mode, 'RGB'))


def _from_16_bit(image, bits):
  """Scales grey of 16 bits, or of 12, to 8."""
  values = np.asarray(image)
  top = 4095 if bits == 12 else 65535
  lowest, highest = int(values.min()), int(values.max())
  if lowest < 0 or highest > top:
    return Problem(f'holds numbers from {lowest} to {highest}, not from 0 to {top}')
  grey = values.astype(np.uint32)
  grey *= 255
  grey += top // 2
  grey //= top  # nearest; there are no halves, since `top` is odd
  grey = grey.astype(np.uint8)
  if image.format == 'TIFF' and image.tag_v2.get(_PHOTOMETRIC_TAG) == 0:
    grey = 255 - grey  # Pillow does this for 8 bits only
  if _KEY not in image.info:
    return Image.fromarray(grey)
  return _with_alpha(grey, values != image.info[_KEY])


def _from_keyed(image, bits):
  """Makes an alpha channel of the one colour that stands for transparency."""
  key = image.info[_KEY]
  if image.mode == 'RGB':
    if bits > 8:
      return Problem('has a transparent 16-bit colour, which cannot be told from its neighbours')
    colours = np.asarray(image)
    return _with_alpha(colours, (colours != np.array(key)).any(-1))
  if image.mode == '1':
    key = 255 if key else 0
  elif bits < 8:
    key = key * 255 // (2**bits - 1)  # Pillow scales the pixels, but not the key
  grey = np.asarray(image.convert('L'))
  return _with_alpha(grey, grey != key)


def _with_alpha(colours, visible):
  return Image.fromarray(np.dstack([colours, np.where(visible, np.uint8(255), np.uint8(0))]))
