"""The folder of a run: its config, log of numbers, pictures and checkpoints, and who may write.

Layout:
  config.json        the resolved config, every field
  stats.jsonl        one JSON object a line, each with its `step`
  reals.png          a grid of the data set
  fakes-NNNNNN.png   grids of generated images; NNNNNN is kimg, rounded down
  checkpoints/       written by `checkpoints.py`
  log.txt            what the console said
"""

import fcntl
import json
import os
import pathlib
from collections.abc import Mapping
from typing import IO

from stylegan2_jax import config as config_lib
from stylegan2_jax import files
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError


class RunDirectory:
  """Paths in a run's folder, and writing there. Building one touches nothing.

  To read, just build it. To train, `open` it: that creates the folder, takes the lock and
  settles the config; `close` (or leaving a `with` block) gives the lock back.
  """

  def __init__(self, path: str | os.PathLike):
    self.path = pathlib.Path(path)
    self.config_path = self.path / 'config.json'
    self.stats_path = self.path / 'stats.jsonl'
    self.reals_path = self.path / 'reals.png'
    self.checkpoints_path = self.path / 'checkpoints'
    self.log_path = self.path / 'log.txt'
    self._lock: IO | None = None
    self._stats: IO | None = None

  def fakes_path(self, kimg: float) -> pathlib.Path:
    """Where the grid of fakes after so many thousand images lies."""
    return self.path / f'fakes-{int(kimg):06d}.png'

  def exists(self) -> bool:
    """Whether a run has begun here."""
    return self.config_path.is_file()

  def read_settings(self) -> Settings:
    """The config that the run here was last started with.

    Raises:
      UserError: no run here, or its config.json is damaged.
    """
    if not self.exists():
      raise UserError(f'no run in {self.path}: config.json is missing; name the --workdir of a run')
    try:
      text = self.config_path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
      raise UserError(f'cannot read {self.config_path}: {error}') from None
    return config_lib.from_json(text, str(self.config_path))

  def check(self, settings: Settings) -> None:
    """Refuses settings with which the run here cannot go on; touches nothing.

    Raises:
      UserError: names the fields that differ and may not.
    """
    if not self.exists():
      return
    changes = config_lib.differences(self.read_settings(), settings)
    refused = [text for field, text in changes.items() if not config_lib.may_change(field)]
    if refused:
      raise UserError(
        f'workdir {self.path} holds a run of another config ({"; ".join(refused)}): '
        'go back to that config or name another --workdir'
      )

  def open(self, settings: Settings) -> 'RunDirectory':
    """Prepares the folder for training with these settings, new or resumed; returns self.

    Raises:
      UserError: the path cannot be a run's folder, another training holds it, or the run
        here has another config in fields that may not change. Nothing is touched then.
    """
    self._create()
    self._take_lock()
    try:
      self.check(settings)
      with files.replacing(self.config_path) as file:
        file.write(config_lib.to_json(settings).encode())
      self.checkpoints_path.mkdir(exist_ok=True)
    except BaseException:
      self.close()
      raise
    return self

  def close(self) -> None:
    """Gives the lock back. Closing twice is harmless."""
    for file in (self._stats, self._lock):
      if file is not None:
        file.close()
    self._stats = self._lock = None

  def __enter__(self) -> 'RunDirectory':
    return self

  def __exit__(self, *unused) -> None:
    self.close()

  def append_stats(self, record: Mapping) -> None:
    """Adds a line to stats.jsonl; it is in the file, for other programs to read, on return."""
    if self._stats is None:
      self._drop_torn_line()
      self._stats = self.stats_path.open('a', encoding='utf-8')
    self._stats.write(json.dumps(record) + '\n')
    self._stats.flush()

  def read_stats(self) -> list[dict]:
    """All records of stats.jsonl, oldest first; a line torn by a crash at the end is left out.

    Raises:
      UserError: a line before the last is not JSON.
    """
    if not self.stats_path.exists():
      return []
    lines = self.stats_path.read_text(encoding='utf-8', errors='replace').splitlines()
    records = []
    for number, line in enumerate(lines, 1):
      try:
        records.append(json.loads(line))
      except ValueError:
        if number < len(lines):
          raise UserError(f'{self.stats_path} line {number} is damaged: remove that line') from None
    return records

  def truncate_stats(self, step: int) -> None:
    """Drops the records of steps after `step`: those that a resumed run will do again."""
    kept = [record for record in self.read_stats() if record['step'] <= step]
    if self._stats is not None:
      self._stats.close()
      self._stats = None
    with files.replacing(self.stats_path) as file:
      file.write(''.join(json.dumps(record) + '\n' for record in kept).encode())

  def _create(self) -> None:
    """Makes the folder, unless something that is no run is there."""
    path = self.path
    try:
      if path.exists() and not path.is_dir():
        raise UserError(f'workdir {path} is a file: name a folder')
      if path.is_dir() and not self.exists() and self._foreign():
        raise UserError(
          f'workdir {path} holds other files ({self._foreign()[0]}, ...) and no run: '
          'name a new or empty folder'
        )
      path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise UserError(f'cannot use workdir {path}: {error.strerror}; name another') from None

  def _foreign(self) -> list[str]:
    """Files that a run does not leave behind before it has a config; hidden ones do not count."""
    names = sorted(entry.name for entry in self.path.iterdir())
    return [name for name in names if not name.startswith('.') and name != self.log_path.name]

  def _take_lock(self) -> None:
    """Keeps other trainings out until `close` or the end of the process, however it ends."""
    try:
      lock = (self.path / '.lock').open('a')
    except OSError as error:
      raise UserError(f'cannot write into workdir {self.path}: {error.strerror}') from None
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      lock.close()
      raise UserError(
        f'another training is running in workdir {self.path}: stop it or name another'
      ) from None
    self._lock = lock

  def _drop_torn_line(self) -> None:
    """Cuts what follows the last line break, so that the next record begins a line."""
    if not self.stats_path.exists():
      return
    with self.stats_path.open('r+b') as file:
      content = file.read()
      file.truncate(content.rfind(b'\n') + 1)
