"""The half-prepared set: finished shards beside their journals, from which to go on.

A scratch folder `.preparing-NAME` beside the set to be holds

    plan.json                  what was asked for; another plan is refused
    shard-00000.array_record   the pictures of consecutive inputs,
    shard-00000.json           and its journal: which inputs, what became of them
    NAME/1.0.0/                the set while it is finished, which is then moved out in one step

A shard counts once its journal has its final name; what is begun is lost with an interruption. So
shards are small first, and grow to a quarter of all before them: no more than a fifth of the work
is done again. They are cut by what was read alone, and a set comes out the same however often it
was interrupted.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

from stylegan2_jax import files
from stylegan2_jax.data.notices import notice
from stylegan2_jax.data.preparation import journal as journal_lib
from stylegan2_jax.data.preparation.journal import Journal, writing
from stylegan2_jax.data.preparation.plan import difference
from stylegan2_jax.data.preparation.shard import Position, is_whole
from stylegan2_jax.errors import UserError

VERSION = '1.0.0'

_FORM = 1  # of all that lies in the scratch folder: another one is not gone on with
_LOCK, _PLAN = '.lock', 'plan.json'


class Scratch:
  """The scratch folder of one set; a context manager that holds a lock on it."""

  def __init__(self, out: pathlib.Path):
    """`out`: the folder of the set to be."""
    self.name = out.name
    self._out = out
    self.path = out.parent / f'.preparing-{out.name}'
    self.final = self.path / self.name / VERSION  # built here, then moved

  def __enter__(self) -> 'Scratch':
    """Raises UserError: the folder cannot be made or is another's, or in use by another process."""
    try:
      self.path.mkdir(parents=True, exist_ok=True)
      self._check_own()
      self._lock = (self.path / _LOCK).open('a')
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
    with contextlib.suppress(OSError):
      if [path.name for path in self.path.iterdir()] == [_LOCK]:  # nothing came of it
        self.clear()
    self._lock.close()

  def begin(self, plan: dict) -> Position:
    """Writes the plan, or finds it there, and returns what the finished shards amount to.

    Raises:
      UserError: the folder holds what belongs to another plan.
    """
    plan, path = {'form': _FORM, **plan}, self.path / _PLAN
    if path.exists():
      try:
        found = json.loads(path.read_text(encoding='utf-8'))
      except ValueError:
        found = None
      different = difference(found, plan)
      if different and next(self.journals(), None) is None:
        self._drop_from(0)  # nothing is lost
        path.unlink()
      elif different:
        raise UserError(
          f'{self.path} holds the beginning of a set with another {different}; go on with the '
          'command and the images that it was begun with, or remove that folder'
        )
    if not path.exists():
      with writing(self.path), files.replacing(path) as file:
        file.write(json.dumps(plan, indent=1).encode())
    self._take_apart()
    position = Position()
    for journal in self.journals():
      if not is_whole(self.shard_path(position.shards), journal.length):
        break
      position = position.after(journal)
    self._drop_from(position.shards)
    return position

  def journals(self) -> Iterator[Journal]:
    """The journals of the finished shards, in order; up to the first that is damaged."""
    start = number = 0
    while journal := journal_lib.load(self._journal_path(number)):
      if journal.start != start:
        return
      yield journal
      start, number = journal.stop, number + 1

  def shard_path(self, number: int) -> pathlib.Path:
    """Where the pictures of a shard lie."""
    return self.path / f'shard-{number:05d}.array_record'

  def finish_shard(self, position: Position, journal: Journal) -> Position:
    """Makes the shard that was written at a position count; the position behind it."""
    with writing(self.path):
      journal.save(self._journal_path(position.shards))
    return position.after(journal)

  def collect(self, lengths: list[int]) -> None:
    """Moves the shards that hold pictures to their final names.

    Args:
      lengths: of all finished shards, in pictures.
    """
    self.final.mkdir(parents=True, exist_ok=True)
    for shard, target in self._final_names(lengths):
      shard.rename(target)

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
    """Removes the scratch folder, or all that is in it but the file `keep`.

    The plan goes last: shards without one would be nobody's.
    """
    names = sorted(path.name for path in self.path.iterdir() if path.name != keep)
    for name in sorted(names, key=(_PLAN, _LOCK).__contains__):
      path = self.path / name
      if path.is_dir():
        shutil.rmtree(path)
      else:
        path.unlink()
    if not keep:
      self.path.rmdir()

  def _check_own(self):
    """Refuses a folder that holds what this command does not make: it will be cleared."""
    own = re.compile(
      rf'\.lock|plan\.json|skipped\.csv|{re.escape(self.name)}|\..*\.tmp|shard-\d+\.(json|array_record)'
    )
    names = [entry.name for entry in self.path.iterdir()]
    foreign = [n for n in names if not own.fullmatch(n) or (self.path / n).is_symlink()]
    begun = [n for n in names if n.startswith('shard-') or n == self.name]
    if begun and _PLAN not in names:
      foreign += begun
    if foreign or self.path.is_symlink():
      what = foreign[0] if foreign else 'a link'
      raise UserError(
        f'{self.path} is not of this command ({what}): remove it or name another --out'
      )

  def _take_apart(self):
    """Undoes `collect`, after an interruption."""
    if self.final.is_dir():
      for shard, target in self._final_names([j.length for j in self.journals()]):
        with contextlib.suppress(FileNotFoundError):  # it was not moved yet
          target.rename(shard)
    if self.final.parent.is_dir():
      shutil.rmtree(self.final.parent)

  def _final_names(self, lengths):
    kept = [number for number, length in enumerate(lengths) if length]
    for position, number in enumerate(kept):
      name = f'{self.name}-train.array_record-{position:05d}-of-{len(kept):05d}'
      yield self.shard_path(number), self.final / name

  def _drop_from(self, number):
    """Removes what belongs to this shard and later ones: begun, or damaged."""
    for path in self.path.glob('shard-*'):
      if int(path.stem.partition('-')[2]) >= number:
        if path.suffix == '.json':
          notice(f'warning: {path} or its shard is damaged: it is done again')
        path.unlink()

  def _journal_path(self, number):
    return self.path / f'shard-{number:05d}.json'
