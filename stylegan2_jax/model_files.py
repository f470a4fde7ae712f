"""A model from whatever holds one: a run, a checkpoint of it, saved weights, an official pickle."""

import os
import pathlib

from stylegan2_jax import backend, weights_file
from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.errors import UserError
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.model import Model, weight_shapes
from stylegan2_jax.run_directory import RunDirectory, saved_steps

FOREIGN = ('.pkl', '.pt', '.pth')  # what importers/read.py may know


def read_model(
  path: str | os.PathLike, step: int | str | None = None, discriminator: bool = True
) -> Model:
  """The model at a path. Nothing there is changed, and no training data is needed.

  Args:
    path: the folder of a run; of a checkpoint in it (`runs/shapes/checkpoints/6250`); a
      .safetensors of `weights_file.save`; or a file that `importers.read` knows.
    step: one of a run's saved steps, or 'best', by metrics.jsonl (default: the newest).
    discriminator: whether to read D as well, if it is there.

  Raises:
    UserError: nothing is there, it is damaged, or `step` is not of it; or nothing was measured.
  """
  backend.run_where_called()
  path = pathlib.Path(path)
  if path.is_file() or path.suffix in (weights_file.SUFFIX, *FOREIGN):
    if step is not None:
      raise UserError(f'{path} is one file without steps: leave the step out')
    return _read_file(path, discriminator)
  if path.name.isdecimal() and path.parent.name == 'checkpoints' and path.is_dir():
    if step not in (None, int(path.name)):
      raise UserError(f'{path} is not step {step}: name the folder of the run, or leave it out')
    return _read_run(path.parent.parent, int(path.name), discriminator)
  return _read_run(path, step, discriminator)


def list_checkpoints(workdir: str | os.PathLike) -> list[int]:
  """The steps that a run has saved, oldest first.

  Raises:
    UserError: there is no run.
  """
  run = RunDirectory(workdir)
  run.read_settings()
  return saved_steps(run.checkpoints_path)


def choose_step(run: RunDirectory, checkpoints: Checkpoints, step: int | str | None) -> int:
  """A saved step of a run: that one, the newest where it is None, or the 'best' by its metrics.

  Raises:
    UserError: there is no such checkpoint, or no metric of one.
  """
  if step != 'best':
    return checkpoints.choose(step)
  best = run.metrics.best(run.read_settings().metrics, checkpoints.steps())
  if best is None:
    raise UserError(
      f'no checkpoint in {run.checkpoints_path} was measured: leave the step out for the newest, '
      'or measure some (launch.py evaluate)'
    )
  return best.step


def _read_file(path, discriminator):
  if path.suffix == weights_file.SUFFIX:
    return weights_file.load(path, discriminator)
  from stylegan2_jax.importers import read

  return read.read_model(path).model(discriminator)


def _read_run(path, step, discriminator):
  run = RunDirectory(path)
  settings = run.read_settings()
  checkpoints = Checkpoints(run.checkpoints_path)
  try:
    step = choose_step(run, checkpoints, step)
    info = checkpoints.info(step)
    labels = LabelSpace.of_checkpoint(info)
    shapes = weight_shapes(settings, labels.c_dim)
    like = {'ema_params': shapes['generator'], **{n: shapes[n] for n in ('w_avg', 'noise_maps')}}
    weights = checkpoints.restore(step, 'generator', like)
    weights['generator'] = weights.pop('ema_params')
    if discriminator and checkpoints.saved(step, 'discriminator') is not None:
      part = checkpoints.restore(step, 'discriminator', {'d_params': shapes['discriminator']})
      weights['discriminator'] = part['d_params']
  finally:
    checkpoints.close()
  return Model(settings, labels, weights, info.get('notice', ''))
