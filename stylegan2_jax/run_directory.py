"""The folder of a run: its config, log of numbers, pictures and checkpoints, and who may write.

Layout:
  config.json        the resolved config, every field
  stats.jsonl        one JSON object a line, each with its `step`
  metrics.jsonl      likewise, one for each metric that was measured
  measuring/         what a metric has done that is not there yet, to go on with
  reals.png          a grid of the data set
  fakes-NNNNNN.png   grids of generated images; NNNNNN is kimg (000005.256 where it is not whole)
  checkpoints/       written by `checkpoints.py`
  damaged/           checkpoints that were passed over
  report.html        the run at a glance
  tensorboard/       scalars and grids for TensorBoard
  wandb/             what Weights & Biases keeps, and wandb_id.txt, which of its runs this is
  log.txt            what the console said
  NOTICE.txt         where imported weights are from, and whose licence they carry
"""

import contextlib
import errno
import itertools
import os
import pathlib
import re
from collections.abc import Iterator

from stylegan2_jax import config as config_lib
from stylegan2_jax import files, resuming
from stylegan2_jax.errors import UserError
from stylegan2_jax.metric_records import MetricRecords
from stylegan2_jax.settings import Settings
from stylegan2_jax.stats import Stats
from stylegan2_jax.words import one_line, reason
from stylegan2_jax.workdir_lock import WorkdirLock

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
    self.metrics = MetricRecords(self.path / 'metrics.jsonl')
    self.measuring_path = self.path / 'measuring'
    self.report_path = self.path / 'report.html'
    self.tensorboard_path = self.path / 'tensorboard'
    self.reals_path = self.path / 'reals.png'
    self.checkpoints_path = self.path / 'checkpoints'
    self.damaged_path = self.path / 'damaged'
    self.log_path = self.path / 'log.txt'
    self.notice_path = self.path / 'NOTICE.txt'
    self._lock = WorkdirLock(self.path / '.lock')

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
    return self._lock.is_taken()

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
    """Refuses whatever `open` would refuse, in the same words; touches nothing.

    Raises:
      UserError: see `open`.
    """
    with self._using_path():
      self._check_place()
      self._check_writable()
    self._lock.check()
    self._check_run(settings)

  def open(self, settings: Settings) -> 'RunDirectory':
    """Prepares the folder for training with these settings, new or resumed; returns self.

    A run that is here already keeps its settings until `write_settings`.

    Raises:
      UserError: the path cannot be a run's folder, another training holds it, or the run
        here has another config in fields that may not change, or has lost its checkpoints.
        Nothing is touched then. Or the folder cannot be written.
    """
    with self._using_path():
      self._check_place()
      self.path.mkdir(parents=True, exist_ok=True)
    try:
      self._lock.take()
      self._check_run(settings)
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

  def set_aside(self) -> pathlib.Path | None:
    """Gives a run that is here another name, `path`.1 or the next that is free.

    Returns:
      That path, or None: nothing is here.

    Raises:
      UserError: what is here is no run, or a training holds it, or it cannot be renamed.
    """
    if not self.path.exists():
      return None
    with self._using_path():
      self._check_place()
      self._lock.check()
      names = (self.path.with_name(f'{self.path.name}.{i}') for i in itertools.count(1))
      aside = next(path for path in names if not path.exists())
      self.path.rename(aside)
    return aside

  def write_settings(self, settings: Settings) -> None:
    """Makes these the settings of the run here."""
    with files.replacing(self.config_path) as file:
      file.write(config_lib.to_json(settings).encode())

  def close(self) -> None:
    """Gives the lock back. Closing twice is harmless."""
    self.stats.close()
    self.metrics.close()
    self._lock.close()

  def __enter__(self) -> 'RunDirectory':
    return self

  def __exit__(self, *unused) -> None:
    self.close()

  def lost_checkpoints(self, step: int) -> str:
    """What is said where they are gone, while the numbers are those of so many steps."""
    gone = 'has no checkpoint' if self.checkpoints_path.is_dir() else 'is not there'
    return (
      f'{self.checkpoints_path} {gone}, but {self.stats.path} has {step} steps: bring that folder '
      f'back, or remove {self.stats.path.name} or name another --workdir to begin anew'
    )

  @contextlib.contextmanager
  def _using_path(self) -> Iterator[None]:
    try:
      yield
    except OSError as error:
      raise UserError(f'cannot use workdir {self.path}: {reason(error)}; name another') from None

  def _check_place(self) -> None:
    """Refuses a path where something is that is no run."""
    path = self.path
    if path.is_symlink() and not path.exists():
      raise UserError(f'workdir {path} links to {os.readlink(path)}, which is not there: mend that')
    if path.exists() and not path.is_dir():
      raise UserError(f'workdir {path} is a file: name a folder')
    if path.is_dir() and not self.exists() and self._foreign():
      raise UserError(
        f'workdir {path} holds other files ({self._foreign()[0]}, ...) and no run: '
        'name a new or empty folder'
      )

  def _check_writable(self) -> None:
    """Refuses a folder that cannot be written or made."""
    if not self.path.exists():
      above = next(p for p in self.path.absolute().parents if p.exists() or p.is_symlink())
      if above.is_file():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
      files.try_writing(above)
      return
    try:
      for path in (self.path, self._lock.path, self.checkpoints_path, self.log_path):
        if path.exists():
          files.try_writing(path)
    except OSError as error:
      raise self._unwritable(error) from None

  def _check_run(self, settings: Settings) -> None:
    """Refuses settings with which the run here cannot go on, and a run that lost its checkpoints.

    Empty is what the folder of the checkpoints is before the first one.
    """
    if not self.exists():
      return
    resuming.check_resume(self.read_settings(), settings, f'workdir {self.path}')
    last = self.stats.last()
    if last is not None and not self.checkpoints_path.is_dir():
      raise UserError(self.lost_checkpoints(last['step']))

  def _foreign(self) -> list[str]:
    """Files that a run does not leave behind before it has a config; hidden ones do not count."""
    names = sorted(entry.name for entry in self.path.iterdir())
    return [name for name in names if not name.startswith('.') and name != self.log_path.name]

  def _unwritable(self, error: OSError) -> UserError:
    return UserError(f'cannot write into workdir {self.path}: {reason(error)}')


def saved_steps(folder: pathlib.Path) -> list[int]:
  """Steps of the checkpoints in a folder that were written completely, oldest first.

  The folder need not be there. Whatever is still being written has another name than a number.
  """
  entries = folder.iterdir() if folder.is_dir() else ()
  return sorted(int(entry.name) for entry in entries if entry.name.isdecimal() and entry.is_dir())
