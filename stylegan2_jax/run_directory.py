"""The folder of a run: its config, log of numbers, pictures and checkpoints, and who may write.

Layout:
  config.json        the resolved config, every field
  stats.jsonl        one JSON object a line, each with its `step`
  reals.png          a grid of the data set
  fakes-NNNNNN.png   grids of generated images; NNNNNN is kimg (000005.256 where it is not whole)
  checkpoints/       written by `checkpoints.py`
  damaged/           checkpoints that were passed over
  report.html        the run at a glance
  tensorboard/       scalars and grids for TensorBoard
  wandb/             what Weights & Biases keeps, and wandb_id.txt, which of its runs this is
  log.txt            what the console said
"""

import fcntl
import os
import pathlib
import re
import time
from typing import IO

from stylegan2_jax import config as config_lib
from stylegan2_jax import files, resuming
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError
from stylegan2_jax.stats import Stats
from stylegan2_jax.words import one_line, reason

_LOCK_TRIES = 5
_LOG_BYTES, _LOG_WIDTH = 1 << 16, 300
_GRID = re.compile(r'fakes-(\d{6,}(?:\.\d{3})?)\.png', re.ASCII)


class RunDirectory:
  """Paths in a run's folder, and writing there. Building one touches nothing.

  To read, just build it. To train, `open` it: that creates the folder, takes the lock and
  settles the config; `close` (or leaving a `with` block) gives the lock back.
  """

  def __init__(self, path: str | os.PathLike):
    self.path = pathlib.Path(path)
    self.config_path = self.path / 'config.json'
    self.stats = Stats(self.path / 'stats.jsonl')
    self.report_path = self.path / 'report.html'
    self.tensorboard_path = self.path / 'tensorboard'
    self.reals_path = self.path / 'reals.png'
    self.checkpoints_path = self.path / 'checkpoints'
    self.damaged_path = self.path / 'damaged'
    self.log_path = self.path / 'log.txt'
    self._lock_path = self.path / '.lock'
    self._lock: IO | None = None

  def fakes_path(self, kimg: float) -> pathlib.Path:
    """Where the grid of fakes after so many thousand images lies."""
    whole, images = divmod(round(kimg * 1000), 1000)
    return self.path / (f'fakes-{whole:06d}' + (f'.{images:03d}' if images else '') + '.png')

  def fakes(self) -> list[tuple[float, pathlib.Path]]:
    """The grids of fakes there are, each with its kimg, from the first to the last."""
    found = ((_GRID.fullmatch(path.name), path) for path in self.path.glob('fakes-*.png'))
    return sorted((float(match[1]), path) for match, path in found if match)

  def last_log_lines(self, count: int) -> list[str]:
    """Up to so many lines from the end of the log, printable; none where it cannot be read."""
    try:
      with self.log_path.open('rb') as file:
        begin = max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES)
        file.seek(begin)
        lines = file.read().decode('utf-8', 'replace').splitlines()
    except OSError:
      return []
    whole = lines[1:] if begin else lines
    return [one_line(line, _LOG_WIDTH) for line in whole[-count:]]

  def is_locked(self) -> bool | None:
    """Whether a training has the folder; None if that cannot be told. Takes nothing for long."""
    try:
      with self._lock_path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
      return True
    except FileNotFoundError:
      return False
    except OSError:
      return None
    return False

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
    if self.exists():
      resuming.check_resume(self.read_settings(), settings, f'workdir {self.path}')

  def open(self, settings: Settings) -> 'RunDirectory':
    """Prepares the folder for training with these settings, new or resumed; returns self.

    A run that is here already keeps its settings until `write_settings`.

    Raises:
      UserError: the path cannot be a run's folder, another training holds it, or the run
        here has another config in fields that may not change. Nothing is touched then. Or the
        folder cannot be written.
    """
    self._create()
    self._take_lock()
    try:
      self.check(settings)
      if not self.exists():
        self.write_settings(settings)
      self.checkpoints_path.mkdir(exist_ok=True)
      self.log_path.touch()
    except OSError as error:
      self.close()
      raise self._unwritable(error) from None
    except BaseException:
      self.close()
      raise
    return self

  def write_settings(self, settings: Settings) -> None:
    """Makes these the settings of the run here."""
    with files.replacing(self.config_path) as file:
      file.write(config_lib.to_json(settings).encode())

  def close(self) -> None:
    """Gives the lock back. Closing twice is harmless."""
    self.stats.close()
    if self._lock is not None:
      self._lock.close()
      self._lock = None

  def __enter__(self) -> 'RunDirectory':
    return self

  def __exit__(self, *unused) -> None:
    self.close()

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
      raise UserError(f'cannot use workdir {path}: {reason(error)}; name another') from None

  def _foreign(self) -> list[str]:
    """Files that a run does not leave behind before it has a config; hidden ones do not count."""
    names = sorted(entry.name for entry in self.path.iterdir())
    return [name for name in names if not name.startswith('.') and name != self.log_path.name]

  def _take_lock(self) -> None:
    """Keeps other trainings out until `close` or the end of the process, however it ends."""
    try:
      lock = self._lock_path.open('a')
    except OSError as error:
      raise self._unwritable(error) from None
    for _ in range(_LOCK_TRIES):  # `is_locked` of another process has it for a moment
      try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError:
        time.sleep(0.05)
      except OSError as error:
        lock.close()
        raise UserError(
          f'cannot lock {lock.name} ({reason(error)}): put the workdir on a file system with locks'
        ) from None
      else:
        self._lock = lock
        return
    lock.close()
    raise UserError(f'another training is running in workdir {self.path}: stop it or name another')

  def _unwritable(self, error: OSError) -> UserError:
    return UserError(f'cannot write into workdir {self.path}: {reason(error)}')


def saved_steps(folder: pathlib.Path) -> list[int]:
  """Steps of the checkpoints in a folder that were written completely, oldest first.

  The folder need not be there. Whatever is still being written has another name than a number.
  """
  entries = folder.iterdir() if folder.is_dir() else ()
  return sorted(int(entry.name) for entry in entries if entry.name.isdecimal() and entry.is_dir())
