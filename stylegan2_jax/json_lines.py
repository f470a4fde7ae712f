"""Files of records: one JSON object a line, the oldest first.

Nothing here holds more than one line of a file: readers go on from a byte offset, and what comes
too late is cut off from the end. Whatever became of a file on its way, readers get records: a line
that is none is passed over and remembered.
"""

import abc
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


class JsonLines(abc.ABC):
  """The records in a file. Building one touches nothing."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    self._file: IO[bytes] | None = None
    self._damage: tuple[int, int] | None = None  # of the first damaged line: byte offset, number

  @staticmethod
  @abc.abstractmethod
  def taken(record: object) -> dict | None:
    """What readers get of a line's JSON; None if it is no record of this kind."""

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
    line = json.dumps(_finite(record)).encode() + b'\n'
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
        record = self._parsed(line)
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
      return next(filter(None, map(self._parsed, file)), None)

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
    return next(filter(None, map(self._parsed, reversed(lines))), None)

  def cut(self, step: int) -> None:
    """Drops what follows the last record whose `step` is not later than that.

    Raises:
      OSError: it cannot be written.
    """
    self.close()
    kept = (end for record, end in self._backwards() if record and record['step'] <= step)
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

  def _parsed(self, line: bytes) -> dict | None:
    """The record of a line; None if it is none."""
    try:
      return self.taken(json.loads(line))
    except (ValueError, RecursionError):
      return None

  def _note_damage(self, file: IO[bytes], offset: int) -> None:
    """Remembers the first damaged line."""
    if self._damage is None or offset < self._damage[0]:
      starts = range(0, offset, _TAIL)
      blocks = (os.pread(file.fileno(), min(_TAIL, offset - start), start) for start in starts)
      self._damage = offset, 1 + sum(block.count(b'\n') for block in blocks)

  def _cut_torn_line(self) -> None:
    """Cuts what follows the last line break, so that the next record begins a line."""
    self._truncate(next((end for _, end in self._backwards()), 0))

  def _truncate(self, length: int) -> None:
    if self.path.exists():
      os.truncate(self.path, length)
    if self._damage is not None and self._damage[0] >= length:
      self._damage = None

  def _backwards(self) -> Iterator[tuple[dict | None, int]]:
    """(record, or None for a damaged line; byte offset after it), the newest complete line first.

    Only for the one who writes: a mapped file must not become shorter.
    """
    if not self.path.exists() or not self.path.stat().st_size:
      return
    with (
      self.path.open('rb') as file,
      mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
      end = text.rfind(b'\n') + 1
      while end > 0:
        start = text.rfind(b'\n', 0, end - 1) + 1
        yield self._parsed(text[start:end]), end
        end = start


def is_number(value: object) -> bool:
  """Whether a value of a record is a number; JSON has them of any length."""
  return type(value) in (int, float) and -1e300 < value < 1e300


def _finite(record: Mapping) -> dict:
  return {
    name: _finite(value) if type(value) is dict else value
    for name, value in record.items()
    if not isinstance(value, float) or math.isfinite(value)
  }
