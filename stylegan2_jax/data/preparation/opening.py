"""From the bytes of a file to its pixels: what is opened, how far it is trusted, which way is up.

Pillow's own limits stay as they are, as are its global settings: what it refuses is refused here
too, and the limits below are checked before any pixel is decoded.
"""

import contextlib
import io
import os
from typing import NamedTuple

from PIL import ExifTags, Image, UnidentifiedImageError

from stylegan2_jax.data.decoding import MAX_BYTES
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.words import reason

FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF', 'TIFF')
MAX_PIXELS = 2**27
MAX_SIDE = 2**16

_TIFF = (b'II', b'MM')  # how these files begin
_BITS_TAG = 258  # TIFF: bits of each sample
_PNG_BITS_AT = 24  # PNG: offset of the byte that says so

# How to turn a picture upright, for each EXIF orientation: what of it is stored first.
_UPRIGHT = {
  2: Image.Transpose.FLIP_LEFT_RIGHT,
  3: Image.Transpose.ROTATE_180,
  4: Image.Transpose.FLIP_TOP_BOTTOM,
  5: Image.Transpose.TRANSPOSE,
  6: Image.Transpose.ROTATE_270,
  7: Image.Transpose.TRANSVERSE,
  8: Image.Transpose.ROTATE_90,
}


class Opened(NamedTuple):
  """The pixels of a file, decoded and upright."""

  image: Image.Image  # the opened file itself if it was upright
  bits: int  # of each sample in the file; Pillow shows 16-bit colours as 8-bit ones


def open_picture(content):
  """Decodes the first picture of a file, whatever its name says it is.

  Args:
    content: bytes of a PNG, JPEG, WebP, BMP, GIF or TIFF file.

  Returns:
    Opened, of which an orientation in the metadata has been applied (one that cannot be read is
    ignored); or a Problem. A PNG file with a wrong checksum anywhere is a problem, even if it
    can be decoded.
  """
  if not content:
    return Problem('is empty')
  if len(content) > MAX_BYTES:
    return Problem(f'is a file of {len(content)} bytes, more than {MAX_BYTES}')
  with _quiet() if content.startswith(_TIFF) else contextlib.nullcontext():
    return _decoded(content)


def _decoded(content):
  """Checks the header, then decodes."""
  image = _opened(content)
  if isinstance(image, Problem):
    return image
  if max(image.size) > MAX_SIDE:
    return Problem(f'is {image.width}x{image.height}, more than {MAX_SIDE} pixels on a side')
  if image.width * image.height > MAX_PIXELS:
    return Problem(f'is {image.width}x{image.height}, more than {MAX_PIXELS} pixels')
  try:
    bits = _bits(image, content)
    if image.format == 'PNG':
      Image.open(io.BytesIO(content), formats=['PNG']).verify()  # leaves its image unusable
    image.load()
  except MemoryError:
    raise
  except Exception as error:  # Pillow's decoders raise whatever they stumble over
    return Problem(f'is truncated or damaged ({reason(error)})')
  return Opened(_upright(image), bits)


def _opened(content):
  """Reads the header, and metadata where they come first."""
  try:
    return Image.open(io.BytesIO(content), formats=FORMATS)
  except UnidentifiedImageError:
    return Problem('is not a picture that can be read (PNG, JPEG, WebP, BMP, GIF, TIFF)')
  except Image.DecompressionBombError:
    return Problem(f'has more than {MAX_PIXELS} pixels')
  except MemoryError:
    raise
  except Exception as error:  # as above
    return Problem(f'cannot be read ({reason(error)})')


def _bits(image, content):
  if image.format == 'PNG':
    return content[_PNG_BITS_AT]
  if image.format == 'TIFF':
    return image.tag_v2.get(_BITS_TAG, (1,))[0]
  return 8


def _upright(image):
  """Applies the orientation that the metadata ask for."""
  try:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    method = _UPRIGHT.get(orientation)
  except Exception:  # metadata are often broken in pictures that are not
    return image
  return image if method is None else image.transpose(method)


@contextlib.contextmanager
def _quiet():
  """Holds back what libtiff writes to the standard error, past Python, about broken files."""
  try:
    kept = os.dup(2)
  except OSError:  # there is none
    yield
    return
  try:
    with open(os.devnull, 'wb') as nothing:
      os.dup2(nothing.fileno(), 2)
    yield
  finally:
    os.dup2(kept, 2)
    os.close(kept)
