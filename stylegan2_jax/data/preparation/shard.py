"""One shard: consecutive pictures of the set in an array_record file."""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.preparation.journal import Journal, writing

INPUTS = (2**9, 2**15)  # in a shard: at the beginning, and at most
BYTES = (2**23, 2**28)  # likewise: of encoded pictures and labels
_GROWTH = 4  # a shard holds one so many-th of what the shards before it hold


class Position(NamedTuple):
  """How far preparation is: what the finished shards amount to."""

  shards: int = 0
  inputs: int = 0  # with those that were skipped
  num_bytes: int = 0  # of encoded pictures

  def after(self, journal: Journal) -> 'Position':
    """The position behind one more shard."""
    return Position(self.shards + 1, journal.stop, self.num_bytes + journal.num_bytes)


class ShardWriter:
  """Writes one shard of encoded examples."""

  def __init__(self, path: pathlib.Path, position: Position):
    """Begins the shard that comes at a position."""
    from array_record.python import array_record_module  # not needed to read a help text

    self._path, self._start, self._stop = path, position.inputs, position.inputs
    self._max_inputs = _grown(INPUTS, position.inputs)
    self._max_bytes = _grown(BYTES, position.num_bytes)
    self._num_bytes = self._label_bytes = 0
    self._digests, self._labels, self._skipped = bytearray(), [], []
    with writing(path.parent):
      path.unlink(missing_ok=True)
      self._writer = array_record_module.ArrayRecordWriter(str(path), 'group_size:1')

  @property
  def full(self) -> bool:
    """Whether the next input belongs to the next shard."""
    size = self._num_bytes + self._label_bytes
    return size >= self._max_bytes or self._stop - self._start >= self._max_inputs

  def write(self, example: bytes, size: int, digest: bytes, label: np.ndarray | None) -> None:
    """Adds the picture of the next input: the serialized example, of `size` encoded bytes.

    Args:
      example: what to store.
      size: bytes of the picture in it.
      digest: of its pixels.
      label: int32 [], float32 [dim], or None.
    """
    with writing(self._path.parent):
      self._writer.write(example)
    self._stop += 1
    self._num_bytes += size
    self._digests += digest
    if label is not None:
      self._labels.append(label)
      self._label_bytes += label.nbytes

  def skip(self, name: str, reason: str) -> None:
    """Notes that the next input gave no picture."""
    self._stop += 1
    self._skipped.append([name, reason])

  def close(self) -> Journal:
    """Ends the file, makes sure that all of it is there, and returns its journal.

    Raises:
      UserError: it is not.
    """
    length = self._stop - self._start - len(self._skipped)
    with writing(self._path.parent):
      self._writer.close()
      if not length:  # array_record does not read back an empty file
        self._path.unlink()
      else:
        with self._path.open('rb') as file:
          os.fsync(file.fileno())
      if not is_whole(self._path, length):
        raise OSError('not all pictures are in the file')
    labels = np.stack(self._labels) if self._labels else None
    return Journal(
      self._start, self._stop, length, self._num_bytes, bytes(self._digests), labels, self._skipped
    )


def _grown(limits, before):
  """The limit of a shard with so much in the shards before it."""
  first, last = limits
  return max(first, min(last, before // _GROWTH))


def is_whole(path, length):
  """Whether the file of a shard holds so many pictures."""
  from array_record.python import array_record_module  # as above

  if not length:
    return True
  try:
    reader = array_record_module.ArrayRecordReader(str(path))
    found = reader.num_records()
    reader.close()
  except Exception:  # array_record has its own for each kind of damage
    return False
  return found == length
