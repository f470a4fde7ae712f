"""What a projection says while it goes on: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from stylegan2_jax.durations import clock

_SECONDS_BETWEEN_LINES = 10.0


class Report:
  """Used as a context, which ends the bar."""

  def __init__(self, asked: Mapping[str, Any], count: int, batches: int, steps: int):
    """Says what is to be done.

    Args:
      asked: what project.json holds; of it the settings.
      count: of the images.
      batches: that they are projected in.
      steps: of each.
    """
    settings = asked['settings']
    several = f', {settings["batch_size"]} at a time' if batches > 1 else ''
    images = f'{count} image' + ('s' if count > 1 else '')
    print(
      f'projecting {images} into {settings["space"]}: {steps} steps, '
      f'{settings["distance"]} distance{several}',
      flush=True,
    )
    self._batches, self._steps = batches, steps
    self._bar = None
    self._number = 0

  def __enter__(self) -> 'Report':
    return self

  def __exit__(self, *unused) -> None:
    self._close()

  def compiling(self, work: Callable[[], None]) -> None:
    """Does the work of compiling, and says how long it took."""
    begun = time.perf_counter()
    work()
    print(f'compiled in {time.perf_counter() - begun:.0f} s', flush=True)

  def begin(self, number: int, step: int) -> None:
    """A batch begins, or goes on from a step."""
    self._close()
    self._number = number
    if step:
      print(f'going on from step {step}{self._of_batch()}', flush=True)
    self._begun = (time.monotonic(), step)
    self._shown = 0.0
    if sys.stdout is not None and sys.stdout.isatty():
      self._bar = tqdm(total=self._steps, initial=step, file=sys.stdout, dynamic_ncols=True)
      self._bar.set_description(f'batch {number + 1}/{self._batches}')

  def at(self, step: int, distances: np.ndarray) -> None:
    """So many steps are done; `distances` [N] are those before the last."""
    text = f'distance {distances.mean():.4f}'
    if self._bar is not None:
      self._bar.set_postfix_str(text, refresh=False)
      self._bar.update(step - self._bar.n)
      return
    now = time.monotonic()
    if step < self._steps and now - self._shown < _SECONDS_BETWEEN_LINES:
      return
    self._shown = now
    rate = (step - self._begun[1]) / max(now - self._begun[0], 1e-9)
    left = (self._steps - step) / rate
    print(f'step {step}/{self._steps}{self._of_batch()}  {text}  {clock(left)} left', flush=True)

  def stopped(self, step: int) -> None:
    """It was asked to stop, and has saved."""
    self._close()
    print(
      f'stopped and saved at step {step} of {self._steps}{self._of_batch()}: '
      'the same command goes on from there',
      flush=True,
    )

  def _of_batch(self):
    return f' of batch {self._number + 1}/{self._batches}' if self._batches > 1 else ''

  def _close(self):
    if self._bar is not None:
      self._bar.close()
      self._bar = None
