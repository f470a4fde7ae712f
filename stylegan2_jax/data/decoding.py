"""From an encoded picture to an array: what is accepted, and how it is brought to size."""

import io
import math

import numpy as np
from PIL import Image, UnidentifiedImageError

from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import constant_sides, nearest_resolutions, size_text
from stylegan2_jax.words import reason

ENDINGS = ('.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif')
_FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF')

MAX_SIDE = 8192  # pixels; more is refused before any pixel is decoded
MAX_BYTES = 2**28  # of one encoded picture

MODES = {1: 'L', 2: 'LA', 3: 'RGB', 4: 'RGBA'}
_CHANNELS = {mode: number for number, mode in MODES.items()}
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
_PREPARE = 'python launch.py prepare'  # which brings any pictures into form
_PNG_DEPTH_AT = 24  # offset of the byte that holds the bits per channel


def check_header(data, stream, name):
  """Reads the header of a picture and checks that it can be trained on.

  Args:
    data: DataSettings, of which the form of the pictures matters.
    stream: seekable binary file; only its beginning is read.
    name: str, what to call the picture in errors.

  Returns:
    (height, width) of the picture in pixels.

  Raises:
    UserError: not a picture; too large to decode safely; not of the aspect ratio of `data.size`,
      or smaller; not 8 bits per channel; its channels are not `data.channels`.
  """
  image = _open(data, stream, name)
  return image.height, image.width


def form(stream, name):
  """((height, width), channels) of a picture, whatever it is wanted for.

  What cannot be trained on without conversion counts as colour. Raises UserError as `check_header`,
  where it is not a picture or too large.
  """
  image = _identify(stream, name)
  return (image.height, image.width), _CHANNELS.get(image.mode, 3)


def decode(data, encoded, name):
  """Decodes a picture, checks it as `check_header` does, and brings it to `data.size`.

  Args:
    data: DataSettings, of which the form of the pictures matters.
    encoded: bytes of the file.
    name: str, what to call the picture in errors.

  Returns:
    uint8 [*data.size, channels].

  Raises:
    UserError: as `check_header`, or the picture is damaged.
  """
  image = _open(data, io.BytesIO(encoded), name)
  try:
    image = image.convert(MODES[data.channels])  # decodes; converts an opaque palette only
  except Exception as error:  # Pillow's decoders raise whatever they stumble over
    raise UserError(
      f'{name} is truncated or damaged ({reason(error)}): restore or remove it'
    ) from error
  height, width = data.size
  if image.width != width:
    image = image.resize((width, height), _filter((image.height, image.width), data.size))
  return np.asarray(image).reshape(height, width, data.channels)


def scaling(sizes, target):
  """Says in words how pictures of these sizes come to the target's: '' if they have it."""
  larger = {size for size in sizes if size != target}
  names = sorted({_filter(size, target).name.lower() for size in larger})
  return f'downsampled to {size_text(target)} ({" and ".join(names)} filter)' if larger else ''


def _filter(size, target):
  """Means over whole blocks of pixels where they fit, else Lanczos. The aspect ratio is equal."""
  exact = size[1] % target[1] == 0
  return Image.Resampling.BOX if exact else Image.Resampling.LANCZOS


def _open(data, stream, name):
  """Opens an image without decoding it, with all checks that its header allows."""
  image = _identify(stream, name)
  _check_size(data, image, name)
  _check_channels(data, image, stream, name)
  return image


def _identify(stream, name):
  """Opens an image without decoding it, if it is one of a sane size."""
  try:
    image = Image.open(stream, formats=_FORMATS)
  except (Image.DecompressionBombError, Image.DecompressionBombWarning):
    raise UserError(_too_large(name)) from None
  except UnidentifiedImageError:
    kinds = ', '.join(_FORMATS)
    raise UserError(f'{name} is not a readable image ({kinds}): restore or remove it') from None
  except Exception as error:  # as above; zip archives add their own
    raise UserError(f'{name} cannot be read ({reason(error)}): restore or remove it') from error
  if max(image.size) > MAX_SIDE:
    raise UserError(_too_large(name))
  return image


def _check_size(data, image, name):
  size, (height, width) = f'{image.width}x{image.height}', data.size
  if image.width * height != image.height * width:
    form = 'square' if height == width else f'{data.aspect}, as data.aspect says'
    command = f'{_PREPARE} --resolution={size_text(data.size)} --transform=center-crop'
    raise UserError(
      f'{name} is not {form} ({size}): crop or pad the images, '
      f'as `{command}` does{_other_aspect(image)}'
    )
  if image.width < width:
    possible = constant_sides(tuple(map(int, data.aspect.split(':'))))
    fitting = nearest_resolutions(max(image.size), possible)[0]
    raise UserError(
      f'{name} is {size}, smaller than {size_text(data.size)}: set data.resolution={fitting}, '
      'or leave out such small images'
    )


def _other_aspect(image):
  """The setting with which a picture's form could be trained on, if there is one."""
  common = math.gcd(*image.size)
  aspect = image.width // common, image.height // common
  return ', or set data.aspect={}:{}'.format(*aspect) if constant_sides(aspect) else ''


def _check_channels(data, image, stream, name):
  wanted = MODES[data.channels]
  mode = image.mode
  transparent = 'transparency' in image.info
  if _is_16_bit(image, stream):
    raise UserError(f'{name} has 16 bits per channel: convert it to 8, as `{_PREPARE}` does')
  if mode == wanted and not transparent:
    return
  if mode == 'P' and wanted == 'RGB' and not transparent:
    return
  found = _WORDS.get(mode, 'of another kind') + (' with transparency' if transparent else '')
  channels = _CHANNELS.get(mode)
  other = f', or set data.channels={channels}' if channels and channels != data.channels else ''
  raise UserError(
    f'{name} is {found} (mode {mode}), but data.channels={data.channels} needs {_WORDS[wanted]}: '
    f'convert the images, as `{_PREPARE} --channels={data.channels}` does{other}'
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
