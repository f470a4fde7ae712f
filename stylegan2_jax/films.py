"""Frames of equal length as a film: mp4, WebP or GIF, written as they come.

Nothing is kept but the frame at hand (and what an encoder looks ahead), so a film may be long.
Written with PyAV, which brings the encoders of FFmpeg along.
"""

import errno
import itertools
import os
import pathlib
import shutil
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from PIL import Image

from stylegan2_jax import files
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import save_png

SUFFIXES = ('.mp4', '.webp', '.gif')
MAX_RATE = {'.mp4': 120, '.webp': 120, '.gif': 50}  # browsers slow faster GIFs down to 10


def check(path: pathlib.Path, rate: int) -> None:
  """Refuses names of films, and rates, that cannot be.

  Raises:
    UserError: another suffix, or more frames per second than its form has.
  """
  suffix = path.suffix.lower()
  if suffix not in SUFFIXES:
    raise UserError(f'--out={path} must end in one of {", ".join(SUFFIXES)}')
  if not 1 <= rate <= MAX_RATE[suffix]:
    raise UserError(f'--fps={rate}: a {suffix} has 1 to {MAX_RATE[suffix]} frames per second')


def write(path: str | os.PathLike, frames: Iterable[np.ndarray], rate: int, scale: int = 1) -> int:
  """Writes a film, whole or not at all; the suffix of `path` says in which form.

  mp4 is H.264 in 4:2:0, BT.709, what browsers play; odd sizes get a row or column more, as its
  neighbour. WebP is lossy at quality 90, a GIF has 256 colours for each frame; both repeat for
  ever.

  Args:
    path: where to; the folder exists.
    frames: uint8 [H, W, 1 to 4] of equal size, at least one; transparency shows white.
    rate: frames per second.
    scale: how often each pixel is repeated, in both directions.

  Returns:
    How many frames there were.

  Raises:
    UserError: as `check`.
    OSError: it cannot be written.
  """
  path = pathlib.Path(path)
  check(path, rate)
  suffix = path.suffix.lower()
  encoder = {'.mp4': mp4, '.webp': _webp, '.gif': _gif}[suffix]
  with files.replacing(path) as file:
    return encoder(file.name, map(_coloured, frames), rate, scale)


def write_folder(path: str | os.PathLike, frames: Iterable[np.ndarray]) -> int:
  """Writes 00000.png, 00001.png, … into a folder that is not there yet, or empty.

  Whole or not at all: it has another name until the last frame is there.

  Args:
    path: of the folder; the one it lies in exists.
    frames: uint8 [H, W, 1 to 4].

  Returns:
    How many frames there were.

  Raises:
    OSError: it cannot be written, or something is there.
  """
  path = pathlib.Path(path)
  if path.exists() and (not path.is_dir() or any(path.iterdir())):
    raise OSError(errno.ENOTEMPTY, 'something is there')
  temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
  count = 0
  try:
    temporary.mkdir()
    for count, frame in enumerate(frames, 1):
      save_png(temporary / f'{count - 1:05d}.png', frame)
    temporary.rename(path)
  finally:
    shutil.rmtree(temporary, ignore_errors=True)
  return count


def paletted(image: Image.Image) -> Image.Image:
  """In 256 colours of its own, dithered: smooth areas stay smooth."""
  palette = image.quantize(256, method=Image.Quantize.FASTOCTREE)
  return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def mp4(path: str | os.PathLike, frames: Iterable[np.ndarray], rate: int, scale: int = 1) -> int:
  """RGB frames as H.264 into a file that it opens itself; its index comes first, so that it starts
  at once.
  """
  from av.video.reformatter import ColorRange, Colorspace

  def prepare(context):
    context.pix_fmt = 'yuv420p'
    context.color_range = ColorRange.MPEG
    context.color_primaries = context.color_trc = context.colorspace = 1  # all BT.709

  def picture(video, frame):
    return video.from_ndarray(_even(_repeated(frame, scale)), format='rgb24').reformat(
      format='yuv420p', dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )

  encoder = ('libx264', {'crf': '18'}, Fraction(1, rate))
  return _encode(path, 'mp4', {'movflags': '+faststart'}, encoder, prepare, picture, frames, rate)


def _webp(path, frames, rate, scale):
  def prepare(context):
    context.pix_fmt = 'bgra'

  def picture(video, frame):
    return video.from_ndarray(_repeated(frame, scale), format='rgb24').reformat(format='bgra')

  encoder = ('libwebp_anim', {'quality': '90', 'compression_level': '4'}, Fraction(1, 1000))
  return _encode(path, 'webp', {'loop': '0'}, encoder, prepare, picture, frames, rate)


def _gif(path, frames, rate, scale):
  # Colours are chosen and dithered before pixels are repeated, so that those stay of one colour.
  def prepare(context):
    context.pix_fmt = 'pal8'

  def picture(video, frame):
    image = paletted(Image.fromarray(frame))
    colours = np.frombuffer(image.palette.tobytes(), np.uint8).reshape(-1, 3)
    table = np.zeros((256, 4), np.uint8)  # alpha, red, green, blue
    table[:, 0] = 255
    table[: len(colours), 1:] = colours
    return video.from_ndarray((_repeated(np.asarray(image), scale), table), format='pal8')

  encoder = ('gif', {}, Fraction(1, 100))
  return _encode(path, 'gif', {'loop': '0'}, encoder, prepare, picture, frames, rate)


def _encode(path, container_format, options, encoder, prepare, picture, frames, rate):
  """One picture after another into a file; returns their number."""
  import av  # only here: it takes a while

  codec, codec_options, tick = encoder
  frames = iter(frames)
  first = next(frames)
  try:
    with av.open(os.fspath(path), 'w', format=container_format, options=options) as container:
      stream = container.add_stream(codec, rate=rate, options=codec_options)
      context = stream.codec_context
      prepare(context)
      context.time_base = tick
      for count, frame in enumerate(itertools.chain([first], frames)):
        image = picture(av.VideoFrame, frame)
        if count == 0:
          stream.width, stream.height = image.width, image.height
        image.time_base, image.pts = tick, round(count / (rate * tick))
        container.mux(stream.encode(image))
      container.mux(stream.encode())
  except av.error.FFmpegError as error:  # of which not all are OSErrors, a full disk for one
    raise OSError(error.errno, error.strerror) from error
  return count + 1


def _coloured(frame):
  """uint8 [H, W, 1 to 4] as [H, W, 3]; transparency shows white."""
  colours, channels = frame[:, :, :3], frame.shape[2]
  if channels in (2, 4):
    alpha = frame[:, :, -1:] / 255
    colours = np.round(255 + alpha * (frame[:, :, :-1] - 255.0)).astype(np.uint8)
  return np.ascontiguousarray(np.broadcast_to(colours, (*frame.shape[:2], 3)))


def _repeated(frame, scale):
  """[scale * H, scale * W, ...]."""
  return frame if scale == 1 else frame.repeat(scale, axis=0).repeat(scale, axis=1)


def _even(frame):
  """[H, W, 3] with even sides."""
  height, width = frame.shape[:2]
  return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
