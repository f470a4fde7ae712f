"""What follows a run while it trains: the report, TensorBoard, Weights & Biases.

A run of weeks must not die of its log: a watcher that fails is reported and left out.
"""

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting.base import Watcher
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import LogSettings, Settings
from stylegan2_jax.words import reason


class Watchers(Watcher):
  """Several watchers as one that never raises."""

  def __init__(self, watchers: Sequence[Watcher], say: Callable[[str], None]):
    """`say` gets one line about each watcher that fails, which is then asked no more."""
    self._watchers, self._say = list(watchers), say

  def record(self, record: Mapping) -> None:
    """Tells all."""
    self._each(lambda watcher: watcher.record(record))

  def picture(self, kimg: float, path: pathlib.Path) -> None:
    """Tells all."""
    self._each(lambda watcher: watcher.picture(kimg, path))

  def measured(self, record: Mapping) -> None:
    """Tells all."""
    self._each(lambda watcher: watcher.measured(record))

  def snapshot(self) -> None:
    """Tells all."""
    self._each(lambda watcher: watcher.snapshot())

  def close(self) -> None:
    """Ends all. Closing twice is harmless."""
    self._each(lambda watcher: watcher.close())
    self._watchers.clear()

  def _each(self, tell):
    for watcher in tuple(self._watchers):
      try:
        tell(watcher)
      except Exception as error:  # of the disk, the network, somebody else's library
        self._watchers.remove(watcher)
        self._say(_failed(watcher.name, error))
        with contextlib.suppress(Exception):  # it has failed already
          watcher.close()


def open_watchers(
  run: RunDirectory,
  settings: Settings,
  about: Mapping[str, str],
  step: int,
  kimg: float,
  say: Callable[[str], None],
) -> Watchers:
  """The watchers that the settings ask for.

  Args:
    run: open for training, in this process alone.
    settings: of the run.
    about: name and value of what else is to be known of it: versions, devices.
    step: steps done, where training begins now.
    kimg: the same in thousands of images.
    say: prints and logs a line.

  Raises:
    UserError: one that is asked for is not installed or not set up.
  """
  watchers = []
  for name, opened in _openers(run, settings, about, kimg):
    try:
      watchers.append(opened())
    except UserError:
      raise
    except Exception as error:
      say(_failed(name, error))
  return Watchers(watchers, say)


def check(log: LogSettings) -> None:
  """Refuses, before anything is done, watchers that are not installed.

  Raises:
    UserError: names the package.
  """
  if log.wandb:
    from stylegan2_jax.reporting import weights_and_biases

    weights_and_biases.package(log.wandb)


def _openers(run, settings, about, kimg) -> Iterator[tuple[str, Callable[[], Watcher]]]:
  """(name, function that opens it) of each; what it needs is imported only then."""

  def report():
    from stylegan2_jax.reporting.report import Report

    return Report(run, settings, about)

  def tensorboard():
    from stylegan2_jax.reporting.tensorboard import TensorBoard

    return TensorBoard(run, settings, about, kimg)

  def weights_and_biases():
    from stylegan2_jax.reporting.weights_and_biases import WeightsAndBiases

    return WeightsAndBiases(run, settings, about, kimg)

  if settings.log.wandb:
    yield 'Weights & Biases', weights_and_biases  # first: it may refuse, before anything is written
  if settings.log.tensorboard:
    yield 'TensorBoard', tensorboard
  yield 'report.html', report


def _failed(name, error):
  return f'warning: {name} failed ({reason(error)}): the run goes on without it'
