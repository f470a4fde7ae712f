"""Checkpoints of a run: one folder per step, written by Orbax, in parts that load separately.

generator       EMA parameters of G, w_avg, noise maps: all that sampling needs
discriminator   parameters of D
training        the rest of the train state: G itself, both optimizers, pl_mean, key, step
info            JSON: config, data position, kimg, label width, names of classes or components
checksums.json  of all their files, looked at before a part is read
kept            an empty file in a checkpoint that stays for good

Whatever happens while one is written or removed, a folder whose name is a number alone was written
completely. `saving.py` writes them.
"""

import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from stylegan2_jax import manifest
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import saved_steps
from stylegan2_jax.training.state import TrainState
from stylegan2_jax.words import reason

PARTS = {
  'generator': ('ema_params', 'w_avg', 'noise_maps'),
  'discriminator': ('d_params',),
  'training': ('step', 'key', 'g_params', 'g_opt', 'd_opt', 'pl_mean', 'augment', 'bad_steps'),
}

# Fields of the state that checkpoints of older versions lack: a fresh state's values stand in.
ADDED = ('bad_steps', 'augment')

KEPT = 'kept'


class DamagedError(UserError):
  """A checkpoint that is not what was written."""

  def __init__(self, fault: str, remedy: str):
    super().__init__(f'{fault}: {remedy}')
    self.fault = fault


class Checkpoints:
  """The checkpoints in a folder, to read; `saving.CheckpointWriter` writes them."""

  def __init__(self, path: pathlib.Path):
    """`path`: the folder, which need not be there."""
    self.path = path
    self._manager = self._open(
      ocp.CheckpointManagerOptions(create=False, multiprocessing_options=alone())
    )

  def steps(self) -> list[int]:
    """Steps that were saved completely, oldest first."""
    return saved_steps(self.path)

  def close(self) -> None:
    """Ends reading."""
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
      DamagedError: the checkpoint is damaged.
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
      DamagedError: the checkpoint is damaged.
      UserError: it is of another network.
    """
    self._check_shapes(step, part, like)
    target = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
    return self._restore(step, part, ocp.args.StandardRestore(target))

  def saved(self, step: int, part: str) -> dict[str, Any] | None:
    """What a part holds, whatever the network: trees of jax.ShapeDtypeStruct by field.

    None where that checkpoint never had the part: only 'generator' is always there.

    Raises:
      DamagedError: the checkpoint is damaged.
    """
    if part != 'generator' and not (self.path / str(step) / part).is_dir():
      self._check_files(step, part)  # notices what was there and is gone
      return None
    return jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(tuple(x.shape), x.dtype), self._saved_tree(step, part)
    )

  def restore_fields(self, step: int, part: str, like: dict[str, Any]) -> dict[str, Any]:
    """Some fields of a part as numpy arrays; `like` are those of `saved`.

    Raises:
      DamagedError: the checkpoint is damaged.
    """
    self._check_files(step, part)
    target = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
    forms = jax.tree.map(lambda x: ocp.RestoreArgs(restore_type=np.ndarray), like)
    args = ocp.args.PyTreeRestore(target, restore_args=forms, partial_restore=True)
    try:
      folder = self.path.absolute() / str(step) / part
      handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone())
      return handler.restore(folder, args=args)
    except Exception as error:
      raise self._damaged(step, part, reason(error, 120)) from error

  def restore_state(self, step: int, like: TrainState) -> TrainState:
    """The whole train state, as numpy arrays in the shapes of `like`.

    Fields that an older version did not have are those of `like`.

    Raises:
      DamagedError: the checkpoint is damaged.
      UserError: it is of another network.
    """
    fields = {}
    for part, names in PARTS.items():
      there = self._saved_shapes(step, part)
      wanted = [n for n in names if n not in ADDED or any(s.split('.')[0] == n for s in there)]
      fields |= self.restore(step, part, {name: getattr(like, name) for name in wanted})
    return like.replace(**fields)

  def _open(self, options):
    handlers = {part: ocp.StandardCheckpointHandler() for part in PARTS}
    handlers['info'] = ocp.JsonCheckpointHandler()
    path = self.path.absolute()
    return ocp.CheckpointManager(path, options=options, item_handlers=handlers)

  def _restore(self, step, part, args):
    try:
      return self._manager.restore(step, args=ocp.args.Composite(**{part: args}))[part]
    except Exception as error:  # Orbax and its storage raise all kinds
      raise self._damaged(step, part, reason(error, 120)) from error

  def _check_files(self, step, part):
    fault = manifest.fault(self.path / str(step), part)
    if fault is not None:
      raise self._damaged(step, part, fault)

  def _saved_tree(self, step, part):
    self._check_files(step, part)
    try:
      folder = self.path.absolute() / str(step) / part
      return ocp.StandardCheckpointHandler().metadata(folder).tree
    except Exception as error:
      raise self._damaged(step, part, reason(error, 120)) from error

  def _saved_shapes(self, step, part):
    return _shapes(self._saved_tree(step, part))

  def _check_shapes(self, step, part, like):
    """Compares the arrays that are there with those of `like`, both ways."""
    saved, expected = self._saved_shapes(step, part), _shapes(like)
    for name in [*expected, *saved]:
      found, wanted = saved.get(name, 'nothing'), expected.get(name, 'nothing')
      if found != wanted:
        raise UserError(
          f'checkpoint {self.path / str(step)} is of another network ({name} is {found}, not '
          f'{wanted}): use the config it was trained with, or another --workdir'
        )

  def _damaged(self, step, part, what):
    others = [other for other in self.steps() if other != step]
    remedy = f'remove that folder to use step {others[-1]}' if others else 'there is no other'
    return DamagedError(f'checkpoint {self.path / str(step)} is damaged ({part}: {what})', remedy)


def alone() -> ocp.options.MultiprocessingOptions:
  """Of several processes, the one that has the checkpoints deals with them alone."""
  if jax.process_count() == 1:
    return ocp.options.MultiprocessingOptions()
  here = jax.process_index()
  return ocp.options.MultiprocessingOptions(
    primary_host=here, active_processes={here}, barrier_sync_key_prefix='checkpoints'
  )


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
