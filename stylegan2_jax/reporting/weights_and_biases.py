"""Scalars and grids for Weights & Biases (https://wandb.ai), where `log.wandb` names a project.

The id of the W&B run is kept in the run's folder: started again, the run goes on there too. As in
TensorBoard the axis `step` is the number of real images shown. W&B takes no step twice: those that
a resumed run does again, which give the same numbers, are left out.
"""

import pathlib
import secrets
from collections.abc import Mapping

from stylegan2_jax import config as config_lib
from stylegan2_jax import files
from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting.base import Watcher
from stylegan2_jax.reporting.ticks import Ticks
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings
from stylegan2_jax.words import reason


class WeightsAndBiases(Watcher):
  """Logs to W&B through the package `wandb`, which keeps its own files in RUN/wandb."""

  name = 'Weights & Biases'

  def __init__(self, run: RunDirectory, settings: Settings, about: Mapping[str, str], kimg: float):
    """Opens the W&B run; training begins at `kimg`.

    Raises:
      UserError: the package is not installed, or nobody is logged in.
    """
    self._ticks = Ticks(settings.log.scalars_kimg, kimg)
    self._wandb = package(settings.log.wandb)
    try:
      self._run = self._wandb.init(
        project=settings.log.wandb,
        dir=str(run.path),
        id=_run_id(run.path / 'wandb_id.txt'),
        name=run.path.resolve().name,
        resume='allow',
        config={**config_lib.flatten(settings), 'about': dict(about)},
        settings=self._wandb.Settings(console='off'),  # the run has a log of its own
      )
    except self._wandb.errors.UsageError as error:
      raise UserError(
        f'Weights & Biases refuses project {settings.log.wandb} ({reason(error)}): set it up, or '
        "give --config.log.wandb=''"
      ) from None
    self._first, self._newest = self._run.starting_step, 0

  def record(self, record: Mapping) -> None:
    """Logs the means of a stretch when it is full."""
    tick = self._ticks.add(record)
    if tick is not None:
      self._log(tick['kimg'], tick)

  def picture(self, kimg: float, path: pathlib.Path) -> None:
    """Logs the grid."""
    self._log(kimg, {'kimg': kimg, 'fakes': self._wandb.Image(str(path))})

  def measured(self, record: Mapping) -> None:
    """Logs its values.

    Of a run that goes on and measures first, W&B has the step already: they go to the next.
    """
    values = {f'metrics/{name}': value for name, value in record['values'].items()}
    images = round(1000 * record['kimg'])
    late = 0.001 if images == self._first - 1 else 0.0
    self._log(record['kimg'] + late, {'kimg': record['kimg'], **values})

  def snapshot(self) -> None:
    """Logs the stretch as far as it has come: a run that goes on from here begins another."""
    tick = self._ticks.take()
    if tick is not None:
      self._log(tick['kimg'], tick)

  def close(self) -> None:
    """Ends the upload; W&B waits for it."""
    self.snapshot()
    self._run.finish()

  def _log(self, kimg, values):
    images = round(1000 * kimg)
    if images >= self._first:
      self._newest = max(images, self._newest)  # the grid of step 0 comes after the first step
      self._run.log(values, step=self._newest)


def package(project: str):
  """The module wandb, for this project.

  Raises:
    UserError: it is not installed.
  """
  try:
    import wandb
  except ModuleNotFoundError as error:
    if error.name != 'wandb':
      raise
    raise UserError(
      f'log.wandb = {project!r}, but the Python package wandb is not installed: pip install wandb, '
      "or give --config.log.wandb=''"
    ) from None
  return wandb


def _run_id(path):
  """The id that the run has at W&B, chosen at its first start."""
  try:
    known = path.read_text(encoding='utf-8').strip()
  except FileNotFoundError:
    known = ''
  if known:
    return known
  chosen = secrets.token_hex(8)
  with files.replacing(path) as file:
    file.write(f'{chosen}\n'.encode())
  return chosen
