"""The grids of a run, few and small enough to be a part of one file."""

import base64
import io
import pathlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image

from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting import pictures

_LIMIT = 60  # grids
_SIDE, _QUALITY = 1024, 82
_THUMB_SIDE, _THUMB_QUALITY = 120, 70
_URL = re.compile(r'data:image/webp;base64,[A-Za-z0-9+/]+=*', re.ASCII)


class Picture(NamedTuple):
  """A picture file as data URLs: as a whole, and a square from its upper left corner."""

  file: str  # name, size and time of change: what tells whether it is still the same
  picture: str
  thumb: str


def chosen(count: int, limit: int = _LIMIT) -> list[int]:
  """At most so many of the numbers 0 to count - 1: the last, and every 1st, 2nd, 4th, ... from 0.

  While `count` grows only the last comes in new, so that nothing is encoded twice.

  >>> chosen(3), chosen(6, limit=3), chosen(9, limit=4)
  ([0, 1, 2], [0, 4, 5], [0, 4, 8])
  """
  stride = 1
  while -(-(count - 1) // stride) >= limit:
    stride *= 2
  return sorted({*range(0, count, stride), count - 1}) if count else []


class Strip:
  """Encodes each picture once and remembers those that are still shown."""

  def __init__(self):
    self._known: dict[str, Picture | None] = {}

  def remember(self, entries: Iterable[object]) -> None:
    """Takes over pictures of a former process; whatever else is among the entries is left out."""
    for entry in entries:
      values = [entry.get(f) for f in Picture._fields] if isinstance(entry, dict) else [None]
      if all(isinstance(value, str) for value in values) and all(map(_URL.fullmatch, values[1:])):
        self._known[values[0]] = Picture(*values)

  def encoded(self, paths: Iterable[pathlib.Path]) -> list[Picture | None]:
    """One for each path; None for a file that is missing or no picture."""
    files = {path: _identity(path) for path in paths}
    self._known = {file: self._picture(path, file) for path, file in files.items()}
    return [self._known[file] for file in files.values()]

  def _picture(self, path, file):
    if file in self._known:
      return self._known[file]
    try:
      return _encoded(file, pictures.load(path))
    except UserError:
      return None


def _identity(path):
  """What changes when the file does."""
  try:
    stat = path.stat()
  except OSError:
    return f'{path.name} missing'
  return f'{path.name} {stat.st_size} {stat.st_mtime_ns}'


def _encoded(file, image):
  # Of a grid of four rows two by two images: enough to tell one thumbnail from the next.
  corner = max(1, min(image.size) // 2)
  thumb = image.crop((0, 0, corner, corner))
  image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
  thumb.thumbnail((_THUMB_SIDE, _THUMB_SIDE), Image.Resampling.LANCZOS)
  return Picture(file, _url(image, _QUALITY), _url(thumb, _THUMB_QUALITY))


def _url(image, quality):
  """A data: URL of the picture as WebP."""
  buffer = io.BytesIO()
  image.save(buffer, 'webp', quality=quality, method=2)
  return 'data:image/webp;base64,' + base64.b64encode(buffer.getvalue()).decode('ascii')
