"""Grids of a run one after another, as a film: mp4, GIF or WebP.

Under each grid is a strip that says how much training it took. The last grid stands a while.
GIF and WebP store each grid once and how long it stands, which Pillow can write; films.py is for
frames of equal length.
"""

import itertools
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stylegan2_jax import files, films
from stylegan2_jax.durations import clock
from stylegan2_jax.reporting import pictures

# Pixels that a frame is wide at most where nothing is said; GIFs are large files.
MAX_WIDTH = {'.mp4': 1024, '.webp': 1024, '.gif': 640}
_RATE = 25  # frames per second at most; GIF counts in hundredths of a second
_HOLD = 2.0  # seconds that the last grid stands at most
_BACKGROUND, _TEXT, _DIM, _BAR = '#14161a', '#f2f4f7', '#9aa3af', '#4f8ef7'
_FONT_SIZES = (9, 26)  # pixels


class Shot(NamedTuple):
  """A grid, and when it was drawn."""

  kimg: float
  elapsed: float | None  # seconds of training; None: unknown
  path: pathlib.Path


class Timing(NamedTuple):
  """Which shots are shown, and for how many frames of 1/25 s each."""

  shown: list[int]
  frames: list[int]


def timing(count: int, seconds: float) -> Timing:
  """Spreads shots over a film: equally long, but the last one stands, for up to two seconds more.

  >>> timing(3, 2.0)
  Timing(shown=[0, 1, 2], frames=[13, 12, 25])

  Args:
    count: of the shots. Too many for the time are thinned out evenly; first and last stay.
    seconds: of the film.
  """
  total = max(1, round(seconds * _RATE))
  moving = total - round(min(_HOLD * _RATE, total / 4))
  shown = evenly(count, max(1, moving))
  ends = [round(moving * (i + 1) / len(shown)) for i in range(len(shown))]
  frames = [end - begin for begin, end in itertools.pairwise([0, *ends])]
  frames[-1] += total - moving
  return Timing(shown, frames)


def evenly(count: int, limit: int) -> list[int]:
  """At most so many of the numbers 0 to count - 1, evenly spaced: the last, and if there is room
  the first.

  >>> evenly(3, 5), evenly(9, 5), evenly(9, 1)
  ([0, 1, 2], [0, 2, 4, 6, 8], [8])
  """
  if count <= limit:
    return list(range(count))
  return [round((count - 1) * i / (limit - 1)) for i in range(limit)] if limit > 1 else [count - 1]


def write(path: pathlib.Path, shots: Sequence[Shot], seconds: float, width: int | None) -> int:
  """Writes the film; the suffix of `path` (a key of MAX_WIDTH) says in which form.

  Args:
    path: where to.
    shots: at least one, in order.
    seconds: how long the film lasts.
    width: of a frame in pixels; None: of the last grid, but at most `MAX_WIDTH`.

  Returns:
    How many of the shots are in it.

  Raises:
    UserError: a grid cannot be read.
    OSError: the film cannot be written.
  """
  shown, frames = timing(len(shots), seconds)
  suffix = path.suffix.lower()
  canvas = Canvas(shots[-1], width, MAX_WIDTH[suffix])
  images = (canvas.frame(shots[i]) for i in shown)
  with files.replacing(path) as file:
    if suffix == '.mp4':
      films.mp4(file.name, _repeated(images, frames), _RATE)
    else:
      _write_pillow(file, suffix, images, frames)
  return len(shown)


class Canvas:
  """Frames of equal size: a grid, and the strip below it."""

  def __init__(self, last: Shot, width: int | None, max_width: int):
    """Takes its size from the last shot, and the length of the run for the bar."""
    grid = pictures.load(last.path)
    wide = width or min(grid.width, max_width)
    high = max(1, round(grid.height * wide / grid.width))
    self._grid = (wide, high)
    self._font_size = int(min(max(wide / 32, _FONT_SIZES[0]), _FONT_SIZES[1]))
    self._bar = max(2, self._font_size // 5)
    strip = self._bar + round(2.1 * self._font_size)
    self._total = last.kimg or math.inf
    self.size = (wide + wide % 2, high + strip + (high + strip) % 2)  # even, for mp4

  def frame(self, shot: Shot) -> Image.Image:
    """RGB of `size`. A grid of another shape than the last one is put into its middle."""
    image = Image.new('RGB', self.size, _BACKGROUND)
    grid = self._fitted(pictures.load(shot.path))
    wide, high = self._grid
    image.paste(grid, ((wide - grid.width) // 2, (high - grid.height) // 2))
    self._draw_strip(ImageDraw.Draw(image), shot)
    return image

  def _fitted(self, grid):
    scale = min(self._grid[0] / grid.width, self._grid[1] / grid.height)
    if scale == 1:
      return grid
    size = (max(1, round(grid.width * scale)), max(1, round(grid.height * scale)))
    whole = scale == int(scale)  # pixels stay pixels
    return grid.resize(size, Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS)

  def _draw_strip(self, draw, shot):
    (width, height), top = self.size, self._grid[1]
    done = round(width * min(1.0, shot.kimg / self._total))
    if done:
      draw.rectangle([0, top, done - 1, top + self._bar - 1], fill=_BAR)
    left = in_kimg(shot.kimg).replace(' ', '  ')  # the font has a narrow one
    right = '' if shot.elapsed is None else clock(shot.elapsed)
    font, gap = ImageFont.load_default(self._font_size), self._font_size // 2
    middle = (top + self._bar + height) / 2
    draw.text((gap, middle), left, fill=_TEXT, font=font, anchor='lm')
    if 4 * gap + font.getlength(left) + font.getlength(right) <= width:
      draw.text((width - gap, middle), right, fill=_DIM, font=font, anchor='rm')


def in_kimg(kimg: float) -> str:
  """As in 1,200 kimg.

  >>> in_kimg(1200.0), in_kimg(0.256)
  ('1,200 kimg', '0.256 kimg')
  """
  return f'{f"{kimg:,.3f}".rstrip("0").rstrip(".")} kimg'


def _repeated(images, frames):
  """Each image, as an array, as often as it has frames."""
  for image, count in zip(images, frames, strict=True):
    yield from itertools.repeat(np.asarray(image), count)


def _write_pillow(file, suffix, images: Iterator[Image.Image], frames):
  durations = [1000 * count // _RATE for count in frames]  # milliseconds
  if suffix == '.gif':
    images = map(films.paletted, images)
    options = {'format': 'GIF'}
  else:
    options = {'format': 'WEBP', 'quality': 85, 'method': 4}
  first = next(images)
  first.save(file, save_all=True, append_images=images, duration=durations, loop=0, **options)
