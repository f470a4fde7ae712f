"""From an encoded picture to an array: what is accepted, and how it is brought to size."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from stylegan2_jax.errors import UserError

ENDINGS = ('.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif')
_FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF')

MAX_SIDE = 8192  # pixels; more is refused before any pixel is decoded
MAX_BYTES = 2**28  # of one encoded picture

_MODES = {1: 'L', 3: 'RGB', 4: 'RGBA'}
_WORDS = {
  '1': 'black and white',
  'L': 'greyscale',
  'LA': 'greyscale with transparency',
  'P': 'palette',
  'PA': 'palette with transparency',
  'RGB': 'RGB',
  'RGBA': 'RGBA',
  'CMYK': 'CMYK',
}
_PNG_DEPTH_AT = 24  # offset of the byte that holds the bits per channel


def check_header(data, stream, name):
  """Reads the header of a picture and checks that it can be trained on.

  Args:
    data: DataSettings, of which resolution and channels matter.
    stream: seekable binary file; only its beginning is read.
    name: str, what to call the picture in errors.

  Returns:
    The side of the (square) picture in pixels.

  Raises:
    UserError: not a picture; too large to decode safely; not square; smaller than
      `data.resolution`; not 8 bits per channel; its channels are not `data.channels`.
  """
  return _open(data, stream, name).width


def decode(data, encoded, name):
  """Decodes a picture, checks it as `check_header` does, and brings it to `data.resolution`.

  Args:
    data: DataSettings, of which resolution and channels matter.
    encoded: bytes of the file.
    name: str, what to call the picture in errors.

  Returns:
    uint8 [resolution, resolution, channels].

  Raises:
    UserError: as `check_header`, or the picture is damaged.
  """
  image = _open(data, io.BytesIO(encoded), name)
  try:
    image = image.convert(_MODES[data.channels])  # decodes; converts an opaque palette only
  except Exception as error:  # Pillow's decoders raise whatever they stumble over
    raise UserError(
      f'{name} is truncated or damaged ({_words(error)}): restore or remove it'
    ) from error
  if image.width != data.resolution:
    size = (data.resolution, data.resolution)
    image = image.resize(size, _filter(image.width, data.resolution))
  return np.asarray(image).reshape(data.resolution, data.resolution, data.channels)


def scaling(sides, resolution):
  """Says in words how pictures with these sides come to the resolution: '' if they have it."""
  larger = {side for side in sides if side != resolution}
  names = sorted({_filter(side, resolution).name.lower() for side in larger})
  return (
    f'downsampled to {resolution}x{resolution} ({" and ".join(names)} filter)' if larger else ''
  )


def _filter(side, resolution):
  """Means over whole blocks of pixels where they fit, else Lanczos."""
  exact = side % resolution == 0
  return Image.Resampling.BOX if exact else Image.Resampling.LANCZOS


def _open(data, stream, name):
  """Opens an image without decoding it, with all checks that its header allows."""
  try:
    image = Image.open(stream, formats=_FORMATS)
  except (Image.DecompressionBombError, Image.DecompressionBombWarning):
    raise UserError(_too_large(name)) from None
  except UnidentifiedImageError:
    kinds = ', '.join(_FORMATS)
    raise UserError(f'{name} is not a readable image ({kinds}): restore or remove it') from None
  except Exception as error:  # as above; zip archives add their own
    raise UserError(f'{name} cannot be read ({_words(error)}): restore or remove it') from error
  if max(image.size) > MAX_SIDE:
    raise UserError(_too_large(name))
  _check_size(data, image, name)
  _check_channels(data, image, stream, name)
  return image


def _check_size(data, image, name):
  size = f'{image.width}x{image.height}'
  if image.width != image.height:
    raise UserError(f'{name} is not square ({size}): crop or pad it to a square')
  if image.width < data.resolution:
    raise UserError(
      f'{name} is {size}, smaller than data.resolution={data.resolution}: '
      'remove it, or set a smaller data.resolution'
    )


def _check_channels(data, image, stream, name):
  wanted = _MODES[data.channels]
  mode = image.mode
  transparent = 'transparency' in image.info
  if _is_16_bit(image, stream):
    raise UserError(f'{name} has 16 bits per channel: convert it to 8 bits per channel')
  if mode == wanted and not transparent:
    return
  if mode == 'P' and wanted == 'RGB' and not transparent:
    return
  words = _WORDS.get(mode, 'of another kind') + (' with transparency' if transparent else '')
  channels = {'L': 1, 'RGB': 3, 'RGBA': 4}.get(mode)
  other = f', or set data.channels={channels}' if channels and channels != data.channels else ''
  raise UserError(
    f'{name} is {words} (mode {mode}), but data.channels={data.channels} needs {_WORDS[wanted]}: '
    f'convert the images to {_WORDS[wanted]}{other}'
  )


def _is_16_bit(image, stream):
  """Whether pixels hold more than 8 bits; Pillow shows 16-bit RGB as RGB, so look at the file."""
  if image.mode.startswith(('I', 'F')):
    return True
  if image.format != 'PNG':
    return False
  stream.seek(_PNG_DEPTH_AT)
  return stream.read(1) == b'\x10'


def _too_large(name):
  return f'{name} is larger than {MAX_SIDE}x{MAX_SIDE} pixels: make it smaller or remove it'


def _words(error):
  """The message of an exception, on one line."""
  return ' '.join(str(error).split()) or type(error).__name__
