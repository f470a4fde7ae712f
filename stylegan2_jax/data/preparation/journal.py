"""What became of the inputs of one shard, and the file in which that is kept."""

import base64
import binascii
import contextlib
import dataclasses
import json
import pathlib

import numpy as np

from stylegan2_jax import files
from stylegan2_jax.data.preparation.conversion import DIGEST_BYTES
from stylegan2_jax.errors import UserError


@contextlib.contextmanager
def writing(path: pathlib.Path):
  """Context in which a failure to write below `path` becomes a UserError."""
  try:
    yield
  except (OSError, RuntimeError) as error:  # RuntimeError: of array_record
    reason = getattr(error, 'strerror', None) or ' '.join(str(error).split())
    raise UserError(
      f'cannot write {path} ({reason}): make room there and start the same command again'
    ) from error


@dataclasses.dataclass
class Journal:
  """What became of the inputs [start, stop), the first `length` of them that are in the shard."""

  start: int
  stop: int
  length: int  # pictures in the shard
  num_bytes: int  # of them, encoded
  digests: bytes  # of the pixels of each picture, DIGEST_BYTES each
  labels: np.ndarray | None  # classes int32 [length], vectors float32 [length, dim], or None
  skipped: list[list[str]]  # [name, reason]

  def save(self, path: pathlib.Path) -> None:
    """Writes it, whole or not at all."""
    values = dataclasses.asdict(self)
    values['digests'] = self.digests.hex()
    if self.labels is not None:
      values['labels'] = {
        'dtype': self.labels.dtype.str,
        'shape': list(self.labels.shape),
        'data': base64.b64encode(self.labels.tobytes()).decode(),
      }
    with files.replacing(path) as file:
      file.write(json.dumps(values).encode())

  def digest(self, index: int) -> bytes:
    """That of one picture."""
    return self.digests[DIGEST_BYTES * index : DIGEST_BYTES * (index + 1)]

  def label(self, index: int):
    """That of one picture: int, list of floats, or None."""
    return None if self.labels is None else self.labels[index].tolist()


def load(path: pathlib.Path) -> Journal | None:
  """The journal in a file; None if there is none, or one that does not agree with itself."""
  try:
    values = json.loads(path.read_text(encoding='utf-8'))
    values['digests'] = bytes.fromhex(values['digests'])
    labels = values['labels']
    if labels is not None:
      data = base64.b64decode(labels['data'], validate=True)
      values['labels'] = np.frombuffer(data, labels['dtype']).reshape(labels['shape'])
    journal = Journal(**values)
    return journal if _agrees(journal) else None
  except (OSError, ValueError, TypeError, KeyError, RecursionError, binascii.Error):
    return None


def _agrees(journal):
  numbers = (journal.start, journal.stop, journal.length, journal.num_bytes)
  labels = journal.labels
  return (
    all(type(number) is int and number >= 0 for number in numbers)
    and journal.stop - journal.start == journal.length + len(journal.skipped)
    and len(journal.digests) == DIGEST_BYTES * journal.length
    and (labels is None or (labels.dtype in ('<i4', '<f4') and len(labels) == journal.length))
    and all(len(row) == 2 and all(isinstance(text, str) for text in row) for row in journal.skipped)
  )
