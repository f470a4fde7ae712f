"""From one picture of an input to what is stored of it, or why there is nothing to store.

This runs in many processes at once, and everything that comes in is taken to be broken or hostile
until it has been decoded.
"""

import dataclasses
import hashlib
import io
import struct
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image

from stylegan2_jax.data.decoding import MAX_SIDE
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.preparation.channels import MODES, to_channels
from stylegan2_jax.data.preparation.encoding import encode
from stylegan2_jax.data.preparation.opening import (
  MAX_PIXELS,
  Opened,
  open_picture,
)
from stylegan2_jax.data.preparation.options import FILTERS, FORMATS, TRANSFORMS
from stylegan2_jax.data.preparation.transform import apply
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

DIGEST_BYTES = 16
_METADATA_BYTES = 2**16  # in a file that is kept as it is, beyond the size of its raw pixels
_LAST_BYTES = {'PNG': b'IEND\xaeB`\x82', 'JPEG': b'\xff\xd9'}  # of a whole file


@dataclasses.dataclass(frozen=True)
class Conversion:
  """What is to become of each picture."""

  width: int  # pixels
  height: int
  channels: int = 3  # 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
  transform: str = 'none'  # one of options.TRANSFORMS
  filter: str = 'lanczos'  # one of options.FILTERS
  background: tuple[int, int, int] = (255, 255, 255)  # RGB, behind transparency and around
  format: str = 'png'  # one of options.FORMATS
  upscale: bool = False  # whether smaller pictures may be enlarged

  @property
  def stored_size(self):
    """(width, height) of the pictures that are stored, in pixels."""
    return self.width, self.width if self.transform == 'center-crop-wide' else self.height

  def check(self):
    """Raises a UserError, by the names of the flags, if this cannot be done."""
    for flag, value, known in (
      ('transform', self.transform, TRANSFORMS),
      ('filter', self.filter, FILTERS),
      ('format', self.format, FORMATS),
      ('channels', self.channels, MODES),
    ):
      if value not in known:
        raise UserError(f'--{flag}={value} is unknown: choose from {", ".join(map(str, known))}')
    size = f'{self.width}x{self.height}'
    if not (0 < self.width <= MAX_SIDE and 0 < self.height <= MAX_SIDE):
      raise UserError(f'--resolution={size}: both sides have to be from 1 to {MAX_SIDE}')
    if self.transform == 'center-crop-wide' and self.width <= self.height:
      raise UserError(
        f'--transform=center-crop-wide needs more width than height, not {size}: '
        'set --resolution to such as 512x384, or use --transform=center-crop'
      )
    if self.format == 'jpeg' and self.channels in (2, 4):
      raise UserError(
        f'--format=jpeg has no transparency, which --channels={self.channels} keeps: '
        f'use --format=png or --channels={self.channels - 1}'
      )
    if len(self.background) != 3 or not all(0 <= value <= 255 for value in self.background):
      raise UserError(f'--background={self.background}: give three numbers from 0 to 255')


class Converted(NamedTuple):
  """A picture as it is stored."""

  encoded: bytes
  digest: bytes  # 16 bytes, of the shape and the pixels that a decoder of `encoded` gives


def convert(content, conversion):
  """Brings one picture to what is wanted.

  A file that already is what is wanted keeps its bytes, unless they are mostly metadata (64 KiB
  more than the raw pixels) or do not end as they should.

  Args:
    content: bytes of a file, or uint8 [H, W, C] with one to four channels.
    conversion: Conversion that passes its check.

  Returns:
    Converted; or a Problem, of which the reason is a few printable words. Nothing about a picture
    makes this raise, and Pillow's warnings about it are not shown.
  """
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    try:
      return _convert(content, conversion)
    except MemoryError:
      return Problem('needs more memory than there is')
    except Exception as error:  # Pillow raises whatever it stumbles over
      return Problem(f'cannot be converted ({reason(error)})')


def probe_size(content):
  """The (width, height) of a picture as it is shown, before any conversion; None of a broken one.

  Takes what `convert` takes, and raises as little.
  """
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    try:
      opened = _open(content)
    except Exception:  # as above
      return None
  return None if isinstance(opened, Problem) else opened.image.size


def _convert(content, conversion):
  opened = _open(content)
  if isinstance(opened, Problem):
    return opened
  image = to_channels(opened.image, opened.bits, conversion.channels, conversion.background)
  if not isinstance(image, Problem):
    image = apply(image, conversion)
  if isinstance(image, Problem):
    return image
  if image is opened.image and opened.bits == 8 and _may_stay(image, content, conversion):
    return Converted(content, pixel_digest(image))
  encoded = encode(image, conversion.format)
  if conversion.format == 'jpeg':  # does not give back what went in
    image = Image.open(io.BytesIO(encoded), formats=['JPEG'])
  return Converted(encoded, pixel_digest(image))


def _open(content):
  return _from_array(content) if isinstance(content, np.ndarray) else open_picture(content)


def _from_array(pixels):
  """Takes pixels for those of a file."""
  if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in MODES:
    return Problem(f'has pixels of {pixels.dtype}{list(pixels.shape)}, not uint8[H, W, 1 to 4]')
  if not 0 < pixels.size <= MAX_PIXELS * pixels.shape[2]:
    return Problem(f'is {pixels.shape[1]}x{pixels.shape[0]}, not of 1 to {MAX_PIXELS} pixels')
  return Opened(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), 8)


def _may_stay(image, content, conversion):
  """Whether the file of a picture that is right can be stored as it is."""
  if image.format != conversion.format.upper() or getattr(image, 'is_animated', False):
    return False
  raw = image.width * image.height * conversion.channels
  whole = content.endswith(_LAST_BYTES[image.format])
  return whole and len(content) <= raw + _METADATA_BYTES


def pixel_digest(image):
  """A fingerprint of the decoded picture, which tells duplicates whatever their encoding."""
  shape = struct.pack('<3I', image.height, image.width, len(image.getbands()))
  return hashlib.blake2b(shape + image.tobytes(), digest_size=DIGEST_BYTES).digest()
