"""Writing the checkpoints of a run: beside training, whole or not at all, and only so many."""

import contextlib
import errno
import logging
import pathlib
import shutil
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from stylegan2_jax import manifest
from stylegan2_jax.checkpoints import KEPT, PARTS, Checkpoints, alone
from stylegan2_jax.errors import TrainingFailed
from stylegan2_jax.training.state import TrainState
from stylegan2_jax.words import reason

_OVERHEAD = 1 << 20  # bytes that a checkpoint takes beside its arrays, at most
_REMOVED = '.removed-'  # what a checkpoint that goes is called first, so that no half of it counts


class CheckpointWriter(Checkpoints):
  """The checkpoints in a folder, to read and write. Saving is asynchronous; `wait` ends it."""

  def __init__(
    self,
    path: pathlib.Path,
    keep: int,
    spared: Callable[[Collection[int]], Collection[int]] = lambda steps: (),
  ):
    """Also removes what a process that was killed had half written or half removed.

    Args:
      path: folder of the checkpoints, made if it is not there.
      keep: how many of the newest stay.
      spared: of all steps, those that stay whether they are among them or not, for now.
    """
    self.path, self._keep, self._spared = path, keep, spared
    self._for_good: set[int] = set()  # steps being written that stay for good
    self._failed = False
    path.mkdir(exist_ok=True)
    _remove_remains(path)
    # Orbax logs each of a dozen consequences of a failure, which `_saving` makes one line of.
    logging.getLogger('absl').addFilter(lambda record: 'orbax' not in record.pathname)
    self._manager = self._open(
      ocp.CheckpointManagerOptions(
        create=False,
        async_options=ocp.AsyncOptions(post_finalization_callback=self._complete),
        multiprocessing_options=alone(),
      )
    )

  def save(self, state: TrainState, info: dict[str, Any], for_good: bool = False) -> None:
    """Begins to write the state (without device axis) and `info` (for JSON).

    Ends the saving before this one, if it has not, and removes what is too old by now.

    Raises:
      TrainingFailed: this or the saving before could not be done.
    """
    self.wait()
    state = jax.tree.map(np.asarray, state)
    step = int(state.step)
    if for_good:
      self._for_good.add(step)
    parts = {part: {f: getattr(state, f) for f in fields} for part, fields in PARTS.items()}
    self.save_parts(step, parts, info)

  def save_parts(self, step: int, parts: Mapping[str, Mapping], info: dict[str, Any]) -> None:
    """As `save`, of a model that has no training to go on with.

    Args:
      step: of the checkpoint.
      parts: trees of arrays by part and field, as in PARTS; 'generator' is among them.
      info: for JSON.

    Raises:
      TrainingFailed: it could not be done.
    """
    saved = {part: ocp.args.StandardSave(dict(fields)) for part, fields in parts.items()}
    with self._saving():
      self._check_room(parts)
      if not self._manager.save(
        step, args=ocp.args.Composite(**saved, info=ocp.args.JsonSave(info))
      ):
        raise ValueError(f'step {step} is not later than the last one')

  def check(self) -> None:
    """Returns at once; raises TrainingFailed if what is being saved has failed."""
    with self._saving():
      self._manager.check_for_errors()

  def wait(self) -> None:
    """Returns when what was saved is on disk, and what is too old is gone.

    Raises:
      TrainingFailed: it could not be saved.
    """
    with self._saving():
      self._manager.wait_until_finished()
      self._manager.check_for_errors()
      steps = self.steps()
      passing = [step for step in steps if not (self.path / str(step) / KEPT).exists()]
      for step in sorted({*passing[: -self._keep]} - {*self._spared(steps)}):
        self._take_away(step, self.path / f'{_REMOVED}{step}')
        shutil.rmtree(self.path / f'{_REMOVED}{step}', ignore_errors=True)

  def set_aside(self, step: int, folder: pathlib.Path) -> pathlib.Path:
    """Moves a checkpoint into another folder of the same disk; returns where it is now."""
    folder.mkdir(exist_ok=True)
    names = (str(step), *(f'{step}-{n}' for n in range(2, 10**6)))
    target = next(folder / name for name in names if not (folder / name).exists())
    self._take_away(step, target)
    return target

  def close(self) -> None:
    """Ends saving; a failure that was raised before is not raised again."""
    with contextlib.suppress(Exception) if self._failed else self._saving():
      self._manager.close()

  @contextlib.contextmanager
  def _saving(self):
    """Makes one line of whatever Orbax and its storage raise."""
    try:
      yield
    except Exception as error:
      self._failed = True
      raise TrainingFailed(
        f'cannot write a checkpoint into {self.path} ({_cause(error)}): '
        'make room or mend the disk, then start again'
      ) from error

  def _check_room(self, arrays):
    """Before all is written but the last bytes: storage libraries complain at great length."""
    needed = sum(x.nbytes for x in jax.tree.leaves(arrays)) + _OVERHEAD
    free = shutil.disk_usage(self.path).free
    if free < needed:
      raise OSError(errno.ENOSPC, f'{needed >> 20} MiB are needed, {free >> 20} are free')

  def _take_away(self, step, target):
    """Renames a checkpoint, in one go."""
    (self.path / str(step)).rename(target)
    self._manager.reload()

  def _complete(self):
    """Called when all files of a checkpoint are written, just before it takes its final name."""
    for folder in self.path.glob('*/'):
      step = folder.name.partition('.')[0]
      if step.isdecimal() and not (folder / manifest.FILE_NAME).exists():
        if int(step) in self._for_good:
          (folder / KEPT).touch()
        manifest.write(folder)


def _remove_remains(path: pathlib.Path) -> None:
  """Removes checkpoints that a process which was killed had half written or half removed."""
  for remains in (*path.glob('*.orbax-checkpoint-tmp*'), *path.glob(f'{_REMOVED}*')):
    shutil.rmtree(remains, ignore_errors=True)


def _cause(error: BaseException) -> str:
  """The first system error in a chain of exceptions, which says most; else the last one."""
  last = error
  while error is not None and not isinstance(error, OSError):
    error = error.__cause__ or error.__context__
  return reason(error or last, 160)
