"""Views that somebody liked: favourites.json, which recreates them, and a PNG of each."""

import dataclasses
import datetime
import json
import pathlib
from typing import Any

import numpy as np

from stylegan2_jax import files, images
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_FORMAT = 1
_MAX = 1000
_MAX_BYTES = 1 << 24


@dataclasses.dataclass(frozen=True)
class Favourite:
  """One of them: `view` is the JSON of a `View`, `step` that of the checkpoint it was seen with."""

  number: int
  view: dict[str, Any]
  step: int | None
  saved: str  # UTC, ISO 8601


class Favourites:
  """The favourites in a folder, which is made by the first one.

  The file is read anew each time, so what another explorer, or a person, has written stays.
  """

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self.path = folder / 'favourites.json'

  def read(self) -> list[Favourite]:
    """All, in the order of saving.

    Raises:
      UserError: the file is damaged, or cannot be read.
    """
    try:
      with self.path.open('rb') as file:
        text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
      return []
    except OSError as error:
      raise UserError(f'cannot read {self.path}: {reason(error)}') from None
    try:
      return _parsed(text)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
      raise UserError(
        f'{self.path} is damaged ({reason(error)}): mend it, or save a favourite, which begins a '
        'new one and keeps this one beside it'
      ) from None

  def add(self, view: dict[str, Any], step: int | None, picture: np.ndarray) -> list[Favourite]:
    """Saves one with its picture uint8 [H, W, C]; returns all.

    A damaged file is kept, under another name.

    Raises:
      UserError: nothing can be written there, or there are too many.
    """
    try:
      found, damaged = self.read(), False
    except UserError:
      found, damaged = [], True
    if len(found) >= _MAX:
      raise UserError(f'{self.path} has {len(found)} favourites: remove some, or move it away')
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
    try:
      self._folder.mkdir(parents=True, exist_ok=True)
      if damaged:
        self.path.rename(self._free_name())
      new = Favourite(self._free_number(found), view, step, now)
      images.save_png(self.thumbnail_path(new.number), picture)
      try:
        self._write([*found, new])
      except OSError:
        self.thumbnail_path(new.number).unlink(missing_ok=True)
        raise
    except OSError as error:
      raise self._refusal(error) from None
    return [*found, new]

  def remove(self, number: int) -> list[Favourite]:
    """Forgets one and its picture; returns the others.

    Raises:
      UserError: there is no such favourite, the file is damaged, or nothing can be written there.
    """
    found = self.read()
    rest = [favourite for favourite in found if favourite.number != number]
    if len(rest) == len(found):
      raise UserError(f'there is no favourite {number}: reload the page')
    try:
      self._write(rest)
      self.thumbnail_path(number).unlink(missing_ok=True)
    except OSError as error:
      raise self._refusal(error) from None
    return rest

  def thumbnail(self, number: int) -> bytes | None:
    """The PNG of one; None if it is not there."""
    try:
      return self.thumbnail_path(number).read_bytes()
    except OSError:
      return None

  def thumbnail_path(self, number: int) -> pathlib.Path:
    """Where the PNG of one lies."""
    return self._folder / f'{number:04d}.png'

  def text(self) -> str:
    """What is in the file.

    Raises:
      UserError: as `read`.
    """
    return _text(self.read())

  def _write(self, favourites):
    with files.replacing(self.path) as file:
      file.write(_text(favourites).encode())

  def _free_number(self, favourites):
    """Above all that there are; its picture is nobody's, as after a damaged file."""
    number = max((favourite.number for favourite in favourites), default=0) + 1
    while self.thumbnail_path(number).exists():
      number += 1
    return number

  def _free_name(self):
    number = 1
    while (path := self._folder / f'favourites-damaged{number}.json').exists():
      number += 1
    return path

  def _refusal(self, error):
    return UserError(
      f'cannot write {self._folder}: {reason(error)}; start with --favourites=DIR to keep them '
      'in another folder'
    )


def _text(favourites):
  listed = [dataclasses.asdict(favourite) for favourite in favourites]
  return json.dumps({'format': _FORMAT, 'favourites': listed}, indent=1, allow_nan=False)


def _parsed(text):
  """Raises ValueError, KeyError, TypeError or RecursionError for what `_write` does not write."""
  if len(text) > _MAX_BYTES:
    raise ValueError(f'it has more than {_MAX_BYTES} bytes')
  data = json.loads(text)
  if not isinstance(data, dict) or data.get('format') != _FORMAT:
    raise ValueError(f'it is no list of favourites of format {_FORMAT}')
  found = [Favourite(**each) for each in data['favourites']]
  numbers = [favourite.number for favourite in found]
  if len(set(numbers)) < len(numbers):
    raise ValueError('a number is there twice')
  for each in found:
    whole = all(type(n) is int and 0 <= n < 10**9 for n in (each.number, each.step or 0))
    if not (whole and isinstance(each.view, dict) and isinstance(each.saved, str)):
      raise ValueError(f'favourite {each.number!r} has a field of another kind')
  return found
