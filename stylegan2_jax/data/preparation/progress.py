"""How far preparation is: a bar on a terminal, a line every half minute elsewhere."""

import sys
import time

from tqdm import tqdm

from stylegan2_jax.data.notices import notice

_SECONDS_BETWEEN_LINES = 30


class Progress:
  """Counts pictures and shows them on standard error; a context manager."""

  def __init__(self, total: int, done: int = 0):
    """`total` pictures, of which `done` were dealt with before."""
    self.done, self.skipped = done, 0
    self._total = total
    self._start = self._shown = time.perf_counter()
    self._first = done
    self._bar = None
    if sys.stderr.isatty():
      self._bar = tqdm(total=total, initial=done, unit=' pictures', dynamic_ncols=True)

  def __enter__(self) -> 'Progress':
    return self

  def __exit__(self, *unused) -> None:
    if self._bar is not None:
      self._bar.close()

  def advance(self, skipped: bool) -> None:
    """One picture more."""
    self.done += 1
    self.skipped += skipped
    if self._bar is not None:
      if skipped:
        self._bar.set_postfix_str(f'{self.skipped:,} skipped', refresh=False)
      self._bar.update()
    elif time.perf_counter() - self._shown > _SECONDS_BETWEEN_LINES:
      self._shown = time.perf_counter()
      rate = (self.done - self._first) / (self._shown - self._start)
      skips = f', {self.skipped:,} skipped' if self.skipped else ''
      notice(f'{self.done:,}/{self._total:,} pictures, {rate:,.0f} a second{skips}')
