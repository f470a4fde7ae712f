"""Checkpoints of a run: one folder per step, written by Orbax, in parts that load separately.

generator       EMA parameters of G, w_avg, noise maps: all that sampling needs
discriminator   parameters of D
training        the rest of the train state: G itself, both optimizers, pl_mean, key, step
info            JSON: data position, kimg, label width, names of classes or components
checksums.json  of all their files, looked at before a part is read
"""

import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from stylegan2_jax import manifest
from stylegan2_jax.errors import UserError
from stylegan2_jax.training.state import TrainState

PARTS = {
  'generator': ('ema_params', 'w_avg', 'noise_maps'),
  'discriminator': ('d_params',),
  'training': ('step', 'key', 'g_params', 'g_opt', 'd_opt', 'pl_mean'),
}


class Checkpoints:
  """The checkpoints in a folder. Saving is asynchronous and atomic; `wait` ends it."""

  def __init__(self, path: pathlib.Path, keep: int | None = None):
    """Reads which steps there are.

    Args:
      path: folder of the checkpoints; made when the first is saved.
      keep: how many of the newest stay; None keeps all.
    """
    self.path = path
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep,
      create=False,
      async_options=ocp.AsyncOptions(post_finalization_callback=self._write_checksums),
    )
    if keep is not None:
      path.mkdir(exist_ok=True)
    handlers = {part: ocp.StandardCheckpointHandler() for part in PARTS}
    handlers['info'] = ocp.JsonCheckpointHandler()
    self._manager = ocp.CheckpointManager(path.absolute(), options=options, item_handlers=handlers)

  def steps(self) -> list[int]:
    """Steps that were saved completely, oldest first."""
    return sorted(self._manager.all_steps())

  def save(self, state: TrainState, info: dict[str, Any]) -> None:
    """Begins to write the state (without device axis) and `info` (for JSON)."""
    state = jax.tree.map(np.asarray, state)
    parts = {
      part: ocp.args.StandardSave({field: getattr(state, field) for field in fields})
      for part, fields in PARTS.items()
    }
    self._manager.save(
      int(state.step), args=ocp.args.Composite(**parts, info=ocp.args.JsonSave(info))
    )

  def wait(self) -> None:
    """Returns when what was saved is on disk."""
    self._manager.wait_until_finished()

  def close(self) -> None:
    """Ends saving."""
    self._manager.close()

  def choose(self, step: int | None) -> int:
    """`step`, or the newest where it is None.

    Raises:
      UserError: there is no such checkpoint.
    """
    steps = self.steps()
    if not steps:
      raise UserError(f'there is no checkpoint in {self.path}: train first, or name another run')
    if step is None:
      return steps[-1]
    if step not in steps:
      raise UserError(
        f'there is no checkpoint of step {step} in {self.path}: there are {_list(steps)}'
      )
    return step

  def info(self, step: int) -> dict[str, Any]:
    """What `save` was given as `info`.

    Raises:
      UserError: the checkpoint is damaged.
    """
    self._check_files(step, 'info')
    return self._restore(step, 'info', ocp.args.JsonRestore())

  def restore(self, step: int, part: str, like: dict[str, Any]) -> dict[str, Any]:
    """One part, as numpy arrays.

    Args:
      step: one of `steps`.
      part: a key of PARTS.
      like: tree of arrays or jax.ShapeDtypeStruct, of the shapes expected.

    Raises:
      UserError: the checkpoint is damaged, or of another network.
    """
    self._check_files(step, part)
    self._check_shapes(step, part, like)
    target = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
    return self._restore(step, part, ocp.args.StandardRestore(target))

  def restore_state(self, step: int, like: TrainState) -> TrainState:
    """The whole train state, as numpy arrays in the shapes of `like`."""
    fields = {}
    for part, names in PARTS.items():
      fields |= self.restore(step, part, {name: getattr(like, name) for name in names})
    return like.replace(**fields)

  def _restore(self, step, part, args):
    try:
      return self._manager.restore(step, args=ocp.args.Composite(**{part: args}))[part]
    except Exception as error:  # Orbax and its storage raise all kinds
      reason = ' '.join(str(error).split())[:120] or type(error).__name__
      raise self._damaged(step, part, reason) from error

  def _write_checksums(self):
    """Called when all files of a checkpoint are written, just before it takes its final name."""
    for step in self.path.glob('*/'):
      if step.name.partition('.')[0].isdecimal() and not (step / manifest.FILE_NAME).exists():
        manifest.write(step)

  def _check_files(self, step, part):
    fault = manifest.fault(self.path / str(step), part)
    if fault is not None:
      raise self._damaged(step, part, fault)

  def _check_shapes(self, step, part, like):
    """Compares the arrays that are there with those of `like`, both ways."""
    try:
      folder = self.path.absolute() / str(step) / part
      saved = _shapes(ocp.StandardCheckpointHandler().metadata(folder).tree)
    except Exception as error:
      raise self._damaged(step, part, ' '.join(str(error).split())[:120]) from error
    expected = _shapes(like)
    for name in [*expected, *saved]:
      found, wanted = saved.get(name, 'nothing'), expected.get(name, 'nothing')
      if found != wanted:
        raise UserError(
          f'checkpoint {self.path / str(step)} is of another network ({name} is {found}, not '
          f'{wanted}): use the config it was trained with, or another --workdir'
        )

  def _damaged(self, step, part, reason):
    others = [other for other in self.steps() if other != step]
    remedy = f'remove that folder to use step {others[-1]}' if others else 'there is no other'
    return UserError(f'checkpoint {self.path / str(step)} is damaged ({part}: {reason}): {remedy}')


def _shapes(tree) -> dict[str, list[int]]:
  """The shape of each array by its name."""
  return {_name(path): list(leaf.shape) for path, leaf in jax.tree.leaves_with_path(tree)}


def _name(path) -> str:
  """'ema_params.synthesis.b4.const' from the keys that lead to a leaf."""
  keys = (getattr(k, 'key', getattr(k, 'name', getattr(k, 'idx', None))) for k in path)
  return '.'.join(str(key) for key in keys)


def _list(steps: Sequence[int]) -> str:
  shown = ', '.join(map(str, steps[-8:]))
  return shown if len(steps) <= 8 else f'..., {shown}'
