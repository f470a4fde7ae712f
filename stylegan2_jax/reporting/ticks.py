"""Means of a run's numbers over stretches of training, for logs that need not have every step."""

import math
from collections.abc import Mapping

_PLACE = ('step', 'kimg')  # of a record, not numbers to log
_NEWEST = {'elapsed_seconds', 'memory_gib', 'device_memory_gib'}  # grow, so the last one says all
_SUMS = {'nonfinite'}  # counts


class Ticks:
  """Gathers records until a stretch of `log.scalars_kimg` is full.

  The stretches end with the first step that reaches a multiple of that length, wherever a run
  begins or goes on, and at `take`. Numbers that a record lacks (phases that were not due) do not
  count in their mean; NaN and infinity are left out, as in stats.jsonl.

  >>> ticks = Ticks(length=1.0)
  >>> ticks.add({'step': 1, 'kimg': 0.5, 'loss_g': 1.0, 'nonfinite': 2})
  >>> ticks.add({'step': 2, 'kimg': 1.0, 'loss_g': 2.0, 'nonfinite': 0})
  {'step': 2, 'kimg': 1.0, 'loss_g': 1.5, 'nonfinite': 2}
  """

  def __init__(self, length: float, begin: float = 0.0):
    """Takes the length of a stretch, and where training begins, in kimg."""
    self._length, self._number = length, self._stretch(begin, length)
    self._clear()

  def add(self, record: Mapping) -> dict | None:
    """Takes a line of stats.jsonl; returns a stretch if this was its last.

    Returns:
      `step` and `kimg` of the newest record, and of each number the mean (of counts the sum, of
      what only grows the newest), or None.
    """
    self._place = {name: record[name] for name in _PLACE}
    for name, value in record.items():
      if name not in _PLACE and math.isfinite(value):
        total, count = self._totals.get(name, (0, 0))
        self._totals[name] = (value, 1) if name in _NEWEST else (total + value, count + 1)
    number = self._stretch(record['kimg'], self._length)
    if number == self._number:
      return None
    self._number = number
    return self.take()

  def take(self) -> dict | None:
    """The stretch as far as it has come, which ends it; None if nothing came since the last."""
    if not self._place:
      return None
    numbers = {k: total if k in _SUMS else total / n for k, (total, n) in self._totals.items()}
    tick = {**self._place, **numbers}
    self._clear()
    return tick

  def _clear(self):
    self._place, self._totals = {}, {}

  @staticmethod
  def _stretch(kimg, length):
    """Number of the stretch that begins or goes on here; 0.3 / 0.1 is not 3 in floating point."""
    return math.floor(round(kimg / length, 6))
