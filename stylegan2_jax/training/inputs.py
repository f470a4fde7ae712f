"""What each step looks at: its batch, and now and then a held-out one, read while another runs.

A batch of the next step is decoded and put on the devices while they compute this one, so that
they need not wait for it. What is read ahead does not count: a position is a number of steps.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.errors import UserError
from stylegan2_jax.training import hosts
from stylegan2_jax.training.chunks import Chunks
from stylegan2_jax.training.engine import Batch
from stylegan2_jax.training.schedule import HELD_OUT_INTERVAL

Put = Callable[[Batch], Chunks]


class StepInputs(NamedTuple):
  """What one step looks at, on the devices."""

  batch: Chunks
  held_out: Chunks | None  # where D looks at held-out images in this step
  error: UserError | None  # of an image that cannot be read; its batch has no images then


class Inputs:
  """The inputs of one step after another."""

  def __init__(self, settings, sources):
    """Opens both rows of batches at their beginning.

    Args:
      settings: of the run.
      sources: of the images to train on, and of held-out ones or None.

    Raises:
      UserError: the hosts do not divide the batch.
    """

    def batches(source):
      size, place = settings.train.batch_size, (hosts.index(), hosts.count())
      return Batches(source, settings.data, size, settings.seed, *place)

    source, held_out = sources
    self._batches = batches(source)
    self._held_out = None if held_out is None else batches(held_out)
    self._ahead: tuple[int, StepInputs] | None = None  # of which step, and what
    self._waited = 0.0

  def close(self) -> None:
    """Ends reading."""
    self._batches.close()
    if self._held_out is not None:
      self._held_out.close()

  def position(self, step: int) -> dict[str, Any]:
    """Where a run goes on that has done so many steps, for JSON; equal on all hosts."""
    return {**self._batches.get_state(), 'step': step}

  def go_to(self, position: dict[str, Any]) -> int:
    """Goes to what `position` returned; the number of steps done there.

    Raises:
      UserError: it belongs to other pictures, another batch size or seed.
    """
    self._batches.set_state(position)
    step, self._ahead = self._batches.step, None
    if self._held_out is not None:
      self._held_out.at_step(-(-step // HELD_OUT_INTERVAL))
    return step

  def read_ahead(self, step: int, put: Put) -> None:
    """Reads what step number `step` looks at, the next one that is taken, and puts it there."""
    self._ahead = step, self._read(step, put)

  def take(self, step: int, put: Put) -> StepInputs:
    """What step number `step` looks at: steps are taken in order."""
    if self._ahead is None or self._ahead[0] != step:
      return self._read(step, put)
    found, self._ahead = self._ahead[1], None
    return found

  def waited(self) -> float:
    """Seconds that reading has taken since this was last asked."""
    waited, self._waited = self._waited, 0.0
    return waited

  def _read(self, step, put):
    begun = time.monotonic()
    batch, error = self._next(self._batches)
    held_out = None
    if self._held_out is not None and step % HELD_OUT_INTERVAL == 0:
      held_out, second = self._next(self._held_out)
      error = error or second
    self._waited += time.monotonic() - begun
    return StepInputs(put(batch), None if held_out is None else put(held_out), error)

  def _next(self, batches):
    """(the next batch, None), or without images (a blank batch, what went wrong)."""
    try:
      return next(batches), None
    except UserError as error:
      return batches.blank(), error
