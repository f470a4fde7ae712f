"""Where a new run begins that has another one's weights.

The arrays of G, its average, D, w_avg and the noise maps are carried over where name and shape are
the same; so a network of a higher resolution keeps the blocks that both have. All else begins as in
any run: optimizers, path-length mean, augmentation, step and keys. The official implementation
takes as much when it resumes from a pickle.
"""

import contextlib
import pathlib
from typing import Any, NamedTuple

import jax
import numpy as np

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.config import completed
from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.settings import Settings
from stylegan2_jax.training import freezing
from stylegan2_jax.training.nonfinite import leaf_names
from stylegan2_jax.training.state import TrainState, make_state
from stylegan2_jax.words import listing

# What is carried over: field of the state -> (part of a checkpoint, field there).
_FIELDS = {
  'g_params': ('training', 'g_params'),
  'ema_params': ('generator', 'ema_params'),
  'w_avg': ('generator', 'w_avg'),
  'noise_maps': ('generator', 'noise_maps'),
  'd_params': ('discriminator', 'd_params'),
}


class Start(NamedTuple):
  """A checkpoint to begin with, and what fits of it."""

  folder: pathlib.Path  # holds the checkpoint
  step: int
  places: dict[str, tuple[str, str]]  # field of the state -> part and field there
  saved: dict[str, Any]  # field of the state -> tree of the shapes there
  carried: dict[str, set[str]]  # field of the state -> names of its arrays that fit
  notice: str  # of imported weights

  @property
  def path(self) -> pathlib.Path:
    """The folder of the checkpoint."""
    return self.folder / str(self.step)


def state_shapes(settings: Settings, c_dim: int) -> TrainState:
  """Shapes of a run's state; `c_dim` is the width of the labels."""
  data = settings.data
  generator, discriminator = build_networks(settings.network, data.size, data.channels, c_dim)

  def make(*variables):
    return make_state(*variables, generator, settings.train, jax.random.key(0), settings.augment)

  return jax.eval_shape(make, *variable_shapes(generator, discriminator))


def look_at(settings: Settings, like: TrainState) -> Start:
  """The checkpoint that `finetune.start` names. Reads no weights.

  Args:
    settings: of the new run.
    like: its state, or the shapes of that.

  Raises:
    UserError: it is not there, damaged, or of networks that share too little with these; or what
      is fresh would be frozen.
  """
  folder, step = _find(settings.finetune.start)
  with contextlib.closing(Checkpoints(folder)) as checkpoints:
    try:
      step = checkpoints.choose(step)
    except UserError as error:
      raise UserError(f'config field finetune.start: {error}') from None
    places = dict(_FIELDS)
    parts = {part: checkpoints.saved(step, part) for part, _ in _FIELDS.values()}
    if parts['training'] is None:  # as with imported weights
      places['g_params'] = places['ema_params']
    if parts['discriminator'] is None:
      del places['d_params']
    info = _info(checkpoints, step)
  _check_scaling(folder / str(step), info.get('config'), settings)
  saved = {field: parts[part][name] for field, (part, name) in places.items()}
  carried = {field: _fitting(getattr(like, field), saved.get(field, {})) for field in _FIELDS}
  start = Start(folder, step, places, saved, carried, info.get('notice', ''))
  _check_shared(start, like)
  _check_frozen(start, settings, like)
  return start


def carry_over(start: Start, fresh: TrainState, freeze_mapping: bool) -> TrainState:
  """The state that a run begins with, as numpy arrays where they are not fresh.

  Args:
    start: from `look_at`.
    fresh: without device axis.
    freeze_mapping: G begins with the mapping network of its average too, as both keep it.

  Raises:
    DamagedError: the checkpoint is damaged.
  """
  read: dict[str, dict] = {}
  with contextlib.closing(Checkpoints(start.folder)) as checkpoints:
    for part in {part for part, _ in start.places.values()}:
      like = {n: start.saved[f] for f, (p, n) in start.places.items() if p == part}
      read[part] = checkpoints.restore_fields(start.step, part, like)
  fields = {}
  for field, (part, name) in start.places.items():
    fields[field] = _merged(getattr(fresh, field), read[part][name], start.carried[field])
  if freeze_mapping:
    fields['g_params'] = {**fields['g_params'], 'mapping': fields['ema_params']['mapping']}
  return fresh.replace(**fields)


def describe(start: Start, like: TrainState) -> tuple[str, str]:
  """(what is carried over, what is fresh): a line of each, for people."""
  carried, fresh = [], []
  for network, field in (('G', 'g_params'), ('D', 'd_params')):
    sizes = {name: leaf.size for name, leaf in _named(getattr(like, field)).items()}
    there = start.carried[field]
    counts = f'{len(there)} of {len(sizes)} arrays'
    numbers = f'{sum(sizes[name] for name in there):,} of {sum(sizes.values()):,} parameters'
    whole, missing = _modules(list(sizes), there)
    carried.append(f'of {network} {counts} ({numbers}): {listing(whole, 12) or "no whole block"}')
    if missing:
      fresh.append(f'of {network} {listing(missing, 12)}')
  missing = _modules(list(_named(like.noise_maps)), start.carried['noise_maps'])[1]
  if missing:
    fresh.append(f'noise maps of {listing(missing, 12)}')
  if not start.carried['w_avg']:
    fresh.append('w_avg')
  fresh.append('optimizers, path-length mean, augmentation, step and keys')
  return '; '.join(carried), '; '.join(fresh)


def _find(start: str) -> tuple[pathlib.Path, int | None]:
  """(the folder of checkpoints, a step of them or None for the newest)."""
  path = pathlib.Path(start).expanduser()
  if (path / 'checkpoints').is_dir():
    return path / 'checkpoints', None
  if path.name.isdecimal() and path.parent.is_dir():
    return path.parent, int(path.name)
  if not path.is_dir():
    fault = 'is no folder' if path.exists() else 'does not exist'
    raise UserError(
      f'config field finetune.start = {start} {fault}: name the folder of a run, or of one '
      'of its checkpoints, such as runs/a/checkpoints/1000'
    )
  return path, None


def _named(tree) -> dict[str, Any]:
  return dict(zip(leaf_names(tree), jax.tree.leaves(tree), strict=True))


def _fitting(like, saved) -> set[str]:
  """Names of the arrays that are in both trees, in the same shape."""
  there = _named(saved)
  return {
    name
    for name, leaf in _named(like).items()
    if name in there and tuple(there[name].shape) == tuple(leaf.shape)
  }


def _merged(fresh, read, carried):
  """The fresh tree with the arrays that are carried over, in its own precision."""
  there = _named(read)
  leaves = [
    np.asarray(there[name], leaf.dtype) if name in carried else leaf
    for name, leaf in _named(fresh).items()
  ]
  return jax.tree.unflatten(jax.tree.structure(fresh), leaves)


def _modules(names: list[str], carried: set[str]) -> tuple[list[str], list[str]]:
  """(blocks that are carried over whole; blocks that are fresh, or layers of those that are so)."""
  paths = {name: name.removeprefix('synthesis.').split('.') for name in names}
  modules: dict[str, list[str]] = {}
  for name, path in paths.items():
    modules.setdefault(path[0], []).append(name)
  whole, fresh = [], []
  for module in sorted(modules, key=_place):
    missing = [name for name in modules[module] if name not in carried]
    if not missing:
      whole.append(module)
    elif len(missing) == len(modules[module]):
      fresh.append(module)
    else:
      fresh += dict.fromkeys('.'.join(paths[name][:2]) for name in missing)
  return whole, fresh


def _place(module: str) -> tuple[bool, int, str]:
  """'mapping' before 'b4', and that before 'b16'."""
  number = module.removeprefix('b')
  return number.isdecimal(), int(number) if number.isdecimal() else 0, module


def _info(checkpoints: Checkpoints, step: int) -> dict[str, Any]:
  """What was saved with it; nothing where that is not there."""
  folder = checkpoints.path / str(step)
  return checkpoints.info(step) if (folder / 'info').is_dir() else {}


def _check_scaling(path: pathlib.Path, config: dict | None, settings: Settings) -> None:
  """Refuses weights that are stored at another scale, so that they would mean something else.

  `config`: of the checkpoint; older versions did not save it.
  """
  if config is None:
    return
  there, here = completed(config)['network']['equalized_lr'], settings.network.equalized_lr
  if there != here:
    raise UserError(
      f'{path} was trained with network.equalized_lr={there}, which stores weights at another '
      f'scale: set it here too, or name another finetune.start'
    )


def _check_shared(start: Start, like: TrainState) -> None:
  """Refuses a start that is of no use."""
  width, wanted = start.saved['w_avg'].shape[0], like.w_avg.shape[0]
  if width != wanted:
    raise UserError(
      f'{start.path} has network.w_dim={width}, not {wanted}: set it here too, or name another '
      'finetune.start'
    )
  if not any(name.endswith('.conv1.weight') for name in start.carried['g_params']):
    conv = 'synthesis.b4.conv1.weight'
    there, here = (list(_named(t)[conv].shape) for t in (start.saved['g_params'], like.g_params))
    raise UserError(
      f'{start.path} shares no block with this G ({conv} is {there} there, {here} here): '
      'use its network.channel_base and channel_max, or name another finetune.start'
    )


def _check_frozen(start: Start, settings: Settings, like: TrainState) -> None:
  """Refuses to leave as they are weights that were never trained."""
  for setting, field in (('freeze_mapping', 'g_params'), ('freeze_d', 'd_params')):
    frozen = freezing.frozen(getattr(like, field), settings.finetune)
    if frozen is None:
      continue
    fresh = [n for n, f in _named(frozen).items() if f and n not in start.carried[field]]
    if fresh:
      value, off = getattr(settings.finetune, setting), '0' if setting == 'freeze_d' else 'False'
      raise UserError(
        f'config field finetune.{setting} = {value} would freeze {fresh[0]}, which is fresh, as '
        f'{start.path} has no such array: set it to {off}'
      )
