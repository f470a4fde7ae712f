"""The half-prepared set: finished shards beside a journal, from which an interrupted one goes on.

A scratch folder `.preparing-NAME` beside the set to be holds

    plan.json                  what was asked for; another plan is refused
    shard-00000.array_record   the pictures of consecutive inputs,
    shard-00000.json           and its journal: which inputs, what became of them
    NAME/1.0.0/                the finished set, which is then moved out in one step

A shard counts once its journal has its final name. Shards are cut by what was read alone, so a set
comes out the same however often it was interrupted.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import shutil
from collections.abc import Iterator

from stylegan2_jax import files
from stylegan2_jax.errors import UserError

VERSION = '1.0.0'
MAX_BYTES = 2**28  # of encoded pictures in a shard
MAX_INPUTS = 2**15


@dataclasses.dataclass
class Journal:
  """What became of the inputs [start, stop), the first `length` of them that are in the shard."""

  start: int
  stop: int
  length: int = 0  # pictures in the shard
  num_bytes: int = 0  # of them, encoded
  digests: str = ''  # of the pixels of each picture, 16 bytes in hex
  labels: list = dataclasses.field(default_factory=list)  # of each: int, list of floats, None
  skipped: list[list[str]] = dataclasses.field(default_factory=list)  # [name, reason]


class Scratch:
  """The scratch folder of one set; a context manager that holds a lock on it."""

  def __init__(self, out: pathlib.Path):
    """`out`: the folder of the set to be."""
    self.name = out.name
    self._out = out
    self.path = out.parent / f'.preparing-{out.name}'
    self.final = self.path / self.name / VERSION  # built here, then moved
    self._plan = self.path / 'plan.json'

  def __enter__(self) -> 'Scratch':
    """Raises UserError: the folder cannot be made, or another process prepares the same set."""
    try:
      self.path.mkdir(parents=True, exist_ok=True)
      self._lock = (self.path / '.lock').open('a')
    except OSError as error:
      raise UserError(
        f'cannot write into {self._out.parent} ({error.strerror}): name another --out'
      ) from None
    try:
      fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      self._lock.close()
      raise UserError(
        f'another process is preparing {self._out}: wait for it, or name another --out'
      ) from None
    return self

  def __exit__(self, *unused) -> None:
    self._lock.close()

  def begin(self, plan: dict) -> tuple[int, int]:
    """Writes the plan, or finds it there: (finished shards, the inputs that they deal with).

    Raises:
      UserError: the folder holds what belongs to another plan.
    """
    if self._plan.exists():
      found = _load(self._plan)
      different = [
        key for key in plan if not isinstance(found, dict) or found.get(key) != plan[key]
      ]
      if different:
        raise UserError(
          f'{self.path} holds the beginning of a set with another {different[0]}: go on with the '
          f'command that began it, or remove that folder'
        )
    else:
      with files.replacing(self._plan) as file:
        file.write(json.dumps(plan, indent=1).encode())
    shards = stop = 0
    for journal in self.journals():
      shards, stop = shards + 1, journal.stop
    return shards, stop

  def journals(self) -> Iterator[Journal]:
    """The journals of the finished shards, in order."""
    start = 0
    for number in range(10**5):
      path = self._journal_path(number)
      if not path.exists():
        return
      try:
        journal = Journal(**_load(path))
      except TypeError:
        journal = None
      if journal is None or journal.start != start:
        raise UserError(f'{path} is damaged: remove {self.path} and prepare the set again')
      yield journal
      start = journal.stop

  def shard_path(self, number: int) -> pathlib.Path:
    """Where the pictures of a shard lie."""
    return self.path / f'shard-{number:05d}.array_record'

  def finish_shard(self, number: int, journal: Journal) -> None:
    """Makes a written shard count."""
    with files.replacing(self._journal_path(number)) as file:
      file.write(json.dumps(dataclasses.asdict(journal)).encode())

  def collect(self) -> tuple[list[int], list[int]]:
    """Moves all shards that hold pictures to their final names; their (lengths, bytes)."""
    kept = [(n, j.length, j.num_bytes) for n, j in enumerate(self.journals()) if j.length]
    self.final.mkdir(parents=True, exist_ok=True)
    for position, (number, _, _) in enumerate(kept):
      target = f'{self.name}-train.array_record-{position:05d}-of-{len(kept):05d}'
      with contextlib.suppress(FileNotFoundError):  # moved before an interruption
        self.shard_path(number).rename(self.final / target)
    return [length for _, length, _ in kept], [size for _, _, size in kept]

  def publish(self) -> None:
    """Gives the finished set its place and removes the scratch folder.

    Raises:
      UserError: something else has appeared there.
    """
    try:
      os.rename(self.final.parent, self._out)
    except OSError as error:
      raise UserError(
        f'cannot move the finished set to {self._out} ({error.strerror}): '
        f'make room there and start the same command again'
      ) from None
    self.clear()

  def clear(self, keep: str = '') -> None:
    """Removes the scratch folder, or all that is in it but the file `keep`."""
    for path in self.path.iterdir():
      if path.is_dir():
        shutil.rmtree(path)
      elif path.name != keep:
        path.unlink()
    if not keep:
      self.path.rmdir()

  def _journal_path(self, number):
    return self.path / f'shard-{number:05d}.json'


class ShardWriter:
  """Writes one shard of encoded examples."""

  def __init__(self, path: pathlib.Path, start: int):
    """Begins the shard whose first input is number `start`."""
    from array_record.python import array_record_module  # not needed to read a help text

    self._path = path
    self._module = array_record_module
    self._writer = array_record_module.ArrayRecordWriter(str(path), 'group_size:1')
    self.journal = Journal(start=start, stop=start)
    self._digests = bytearray()

  @property
  def full(self) -> bool:
    """Whether the next input belongs to the next shard."""
    journal = self.journal
    return journal.num_bytes >= MAX_BYTES or journal.stop - journal.start >= MAX_INPUTS

  def write(self, example: bytes, size: int, digest: bytes, label) -> None:
    """Adds the picture of the next input: the serialized example, of `size` encoded bytes."""
    self._writer.write(example)
    journal = self.journal
    journal.stop += 1
    journal.length += 1
    journal.num_bytes += size
    self._digests += digest
    journal.labels.append(label)

  def skip(self, name: str, reason: str) -> None:
    """Notes that the next input gave no picture."""
    self.journal.stop += 1
    self.journal.skipped.append([name, reason])

  def close(self) -> Journal:
    """Ends the file, makes sure that all of it is there, and returns its journal.

    Raises:
      OSError, RuntimeError: it is not.
    """
    self._writer.close()
    self.journal.digests = self._digests.hex()
    if not self.journal.length:  # array_record does not read back an empty file
      self._path.unlink()
      return self.journal
    with self._path.open('rb') as file:
      os.fsync(file.fileno())
    reader = self._module.ArrayRecordReader(str(self._path))
    found = reader.num_records()
    reader.close()
    if found != self.journal.length:
      raise OSError(f'{found} of {self.journal.length} pictures were written')
    return self.journal


def _load(path):
  try:
    return json.loads(path.read_text())
  except (OSError, ValueError):
    return None
