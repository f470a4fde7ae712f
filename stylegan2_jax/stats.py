"""stats.jsonl: one JSON object a line for each step, oldest first.

A run of weeks writes a million lines, so nothing here holds more than one of them: readers go on
from a byte offset, and what a resumed run does again is cut off from the end. Whatever became of
the file on its way, readers get numbers: a line that is no record is passed over and remembered.
"""

import contextlib
import json
import math
import mmap
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import IO

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_TAIL = 1 << 16  # bytes at the end among which the last line is


class Stats:
  """The records of a run: numbers, `step` and `kimg` among them. Building one touches nothing."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    self._file: IO[bytes] | None = None
    self._damage: tuple[int, int] | None = None  # of the first damaged line: byte offset, number

  @property
  def fault(self) -> str | None:
    """What was damaged in all that was read so far; None if nothing was."""
    if self._damage is None:
      return None
    return f'{self.path} is damaged in line {self._damage[1]}: passed over, remove that line'

  def append(self, record: Mapping) -> None:
    """Adds a line; it is in the file, for other programs to read, on return.

    Numbers that are not finite are left out: JSON has none.

    Raises:
      OSError: it cannot be written.
    """
    if self._file is None:
      self._cut_torn_line()
      self._file = self.path.open('ab', buffering=0)
    finite = {k: v for k, v in record.items() if not isinstance(v, float) or math.isfinite(v)}
    line = json.dumps(finite).encode() + b'\n'
    while line:  # a disk may take a part, and say at the next try that it is full
      line = line[self._file.write(line) :]

  def records(self, offset: int = 0) -> Iterator[tuple[dict, int]]:
    """(record, byte offset after it) from an offset on; a line without its end is left out.

    Raises:
      UserError: the file cannot be read.
    """
    with self._reading() as file:
      if file is None:
        return
      file.seek(offset)
      for line in file:
        if not line.endswith(b'\n'):
          return
        record = _parsed(line)
        if record is None:
          self._note_damage(file, offset)
        offset += len(line)
        if record is not None:
          yield record, offset

  def first(self, offset: int) -> dict | None:
    """The first record from a byte offset on, which need not be the beginning of a line any more.

    Raises:
      UserError: the file cannot be read.
    """
    with self._reading() as file:
      if file is None:
        return None
      file.seek(offset)
      return next(filter(None, map(_parsed, file)), None)

  def line_at(self, offset: int) -> int:
    """The byte offset of the first line that begins at an offset or after it.

    Raises:
      UserError: the file cannot be read.
    """
    with self._reading() as file:
      if file is None or not offset:
        return 0
      file.seek(offset - 1)
      file.readline()
      return file.tell()

  def last(self) -> dict | None:
    """The newest record; None if there is none.

    Raises:
      UserError: the file cannot be read.
    """
    with self._reading() as file:
      if file is None:
        return None
      file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
      lines = file.read().split(b'\n')[:-1]  # what follows the last line break is torn
    return next((record for record in map(_parsed, reversed(lines)) if record is not None), None)

  def elapsed(self, step: int) -> float:
    """Seconds of training up to a step, as far as the records tell.

    Raises:
      UserError: the file cannot be read.
    """
    seconds = 0.0
    for record, _ in self.records():
      if record['step'] > step:
        break
      seconds = elapsed_after(record, seconds)
    return seconds

  def cut(self, step: int) -> None:
    """Drops the records of steps after `step`: those that a resumed run will do again."""
    self.close()
    kept = (end for record, end in _backwards(self.path) if record and record['step'] <= step)
    self._truncate(next(kept, 0))

  def sync(self) -> None:
    """Returns when what was appended is on disk."""
    if self._file is not None:
      os.fsync(self._file.fileno())

  def close(self) -> None:
    """Ends appending. Closing twice is harmless."""
    if self._file is not None:
      self._file.close()
      self._file = None

  @contextlib.contextmanager
  def _reading(self) -> Iterator[IO[bytes] | None]:
    """The file, open to read; None where there is none."""
    try:
      with contextlib.ExitStack() as stack:
        yield stack.enter_context(self.path.open('rb')) if self.path.exists() else None
    except OSError as error:
      raise UserError(f'cannot read {self.path}: {reason(error)}') from None

  def _note_damage(self, file: IO[bytes], offset: int) -> None:
    """Remembers the first damaged line."""
    if self._damage is None or offset < self._damage[0]:
      starts = range(0, offset, _TAIL)
      blocks = (os.pread(file.fileno(), min(_TAIL, offset - start), start) for start in starts)
      self._damage = offset, 1 + sum(block.count(b'\n') for block in blocks)

  def _cut_torn_line(self) -> None:
    """Cuts what follows the last line break, so that the next record begins a line."""
    self._truncate(next((end for _, end in _backwards(self.path)), 0))

  def _truncate(self, length: int) -> None:
    if self.path.exists():
      os.truncate(self.path, length)
    if self._damage is not None and self._damage[0] >= length:
      self._damage = None


def elapsed_after(record: Mapping, before: float) -> float:
  """Seconds of training after a record, where it was `before` until then.

  Records of older versions do not say: the time of their step is next to it.
  """
  return record.get('elapsed_seconds', before + record.get('seconds', 0.0))


def _parsed(line: bytes) -> dict | None:
  """The numbers of a line; None if it is not a record."""
  try:
    record = json.loads(line)
  except (ValueError, RecursionError):
    return None
  if not isinstance(record, dict):
    return None
  numbers = {name: value for name, value in record.items() if _is_number(value)}
  return numbers if 'kimg' in numbers and isinstance(numbers.get('step'), int) else None


def _is_number(value: object) -> bool:
  return type(value) in (int, float) and -1e300 < value < 1e300  # JSON has them of any length


def _backwards(path: pathlib.Path) -> Iterator[tuple[dict | None, int]]:
  """(record, or None for a damaged line; byte offset after it), the newest complete line first.

  Only for the one who writes: a mapped file must not become shorter.
  """
  if not path.exists() or not path.stat().st_size:
    return
  with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
    end = text.rfind(b'\n') + 1
    while end > 0:
      start = text.rfind(b'\n', 0, end - 1) + 1
      yield _parsed(text[start:end]), end
      end = start
