"""How far a pass over images is: a line when it begins, now and then, and when it is over."""

import contextlib
import time
from collections.abc import Callable, Iterator

from stylegan2_jax.durations import clock

_SECONDS_BETWEEN_LINES = 15.0


class Progress:
  """Says lines."""

  def __init__(self, say: Callable[[str], None]):
    """`say` prints a line."""
    self._say = say

  @contextlib.contextmanager
  def over(self, what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, all) after each batch of a pass, which `what` describes."""
    self._say(f'{what} ...')
    begun = shown = time.monotonic()
    first = None

    def at(done, count):
      nonlocal shown, first
      now = time.monotonic()
      if first is None:
        first = done, now  # what came before was compilation, or is from another time
      if now - shown < _SECONDS_BETWEEN_LINES or now == first[1] or done == first[0]:
        return
      rate = (done - first[0]) / (now - first[1])
      self._say(f'  {done} of {count}, {rate:.3g} images/s, {clock((count - done) / rate)} left')
      shown = now

    yield at
    self._say(f'  done in {time.monotonic() - begun:.1f} s')
