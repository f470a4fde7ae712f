"""Where a run goes on: the newest checkpoint that is whole and of the same run."""

import itertools
from typing import Any, NamedTuple

from stylegan2_jax import config as config_lib
from stylegan2_jax import resuming
from stylegan2_jax.checkpoints import Checkpoints, DamagedError
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings
from stylegan2_jax.training.schedule import snapshot_steps
from stylegan2_jax.training.state import TrainState


class Beginning(NamedTuple):
  """The state that training begins with."""

  state: TrainState  # without device axis
  info: dict[str, Any] | None  # what was saved with it; None where a run is new
  passed_over: dict[int, DamagedError]  # newer steps, whose checkpoints are damaged


def newest_whole(checkpoints: Checkpoints, settings: Settings, fresh: TrainState) -> Beginning:
  """The newest checkpoint that is not damaged; without any checkpoint, `fresh`.

  Raises:
    UserError: all are damaged, or that one is of another config or network.
  """
  passed_over: dict[int, DamagedError] = {}
  for step in reversed(checkpoints.steps()):
    try:
      info = checkpoints.info(step)
      _check_trained(info, checkpoints.path)
      _check_config(info, settings, f'the checkpoint {checkpoints.path / str(step)}')
      _check_name(info, checkpoints.path / str(step))
      state = checkpoints.restore_state(step, fresh)
    except DamagedError as error:
      passed_over[step] = error
      continue
    return Beginning(state, info, passed_over)
  if passed_over:
    newest = next(iter(passed_over.values()))
    raise UserError(
      f'{newest.fault}, and so are all others: put a copy back, or name another --workdir'
    )
  return Beginning(fresh, None, {})


def check_not_lost(run: RunDirectory) -> None:
  """Refuses to begin anew where there must have been checkpoints, whose disk may not be mounted.

  A run that was killed before its first checkpoint was written has a few steps, and none.

  Raises:
    UserError: there is none, though one was written completely.
  """
  last = run.stats.last()
  if last is None:
    return
  # When the second is begun, the first is complete.
  second = list(itertools.islice(snapshot_steps(run.read_settings().train), 2))[-1]
  if last['step'] > second:
    raise UserError(run.lost_checkpoints(last['step']))


def _check_trained(info, path):
  """Weights from elsewhere have no training that could go on."""
  if info.get('imported'):
    raise UserError(
      f'{path.parent} holds an imported model, whose training cannot go on: begin a run with '
      f'--config.finetune.start={path.parent} in another --workdir'
    )


def _check_name(info, path):
  """A folder that was renamed would be later than all that is still to be saved."""
  step = info['data']['step']
  if path.name != str(step):
    fault = f'checkpoint {path} is damaged (info: it is of step {step}, its folder was renamed)'
    raise DamagedError(fault, 'give it its name back')


def _check_config(info, settings, name):
  if 'config' in info:  # older versions did not save it
    saved = config_lib.from_mapping(config_lib.completed(info['config']), f'the config in {name}')
    resuming.check_resume(saved, settings, name)
