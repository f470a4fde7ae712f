"""stats.jsonl: one JSON object a line for each step, oldest first.

A run of weeks writes a million lines, so nothing here holds more than one of them: readers go on
from a byte offset, and what a resumed run does again is cut off from the end.
"""

import json
import math
import mmap
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import IO

from stylegan2_jax.errors import UserError

_TAIL = 1 << 16  # bytes at the end among which the last line is


class Stats:
  """The records of a run, each with its `step`. Building one touches nothing."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    self._file: IO[bytes] | None = None

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
      UserError: a line is not a record.
    """
    if not self.path.exists():
      return
    with self.path.open('rb') as file:
      file.seek(offset)
      for line in file:
        if not line.endswith(b'\n'):
          return
        record = _parsed(line)
        if record is None:
          raise UserError(f'{self.path} is damaged at byte {offset}: remove that line')
        offset += len(line)
        yield record, offset

  def last(self) -> dict | None:
    """The newest record; None if there is none."""
    if not self.path.exists():
      return None
    with self.path.open('rb') as file:
      file.seek(max(0, self.path.stat().st_size - _TAIL))
      lines = file.read().split(b'\n')[:-1]  # what follows the last line break is torn
    return next((record for record in map(_parsed, reversed(lines)) if record is not None), None)

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

  def _cut_torn_line(self) -> None:
    """Cuts what follows the last line break, so that the next record begins a line."""
    self._truncate(next((end for _, end in _backwards(self.path)), 0))

  def _truncate(self, length: int) -> None:
    if self.path.exists():
      os.truncate(self.path, length)


def _parsed(line: bytes) -> dict | None:
  """The record of a line; None if it is not one."""
  try:
    record = json.loads(line)
  except ValueError:
    return None
  return record if isinstance(record, dict) and isinstance(record.get('step'), int) else None


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
