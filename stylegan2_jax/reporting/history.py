"""The numbers of a run, thinned: what a plot of a million steps needs, in little memory."""

from collections.abc import Collection, Mapping

from stylegan2_jax.stats import Stats, elapsed_after

_AXES = ('step', 'kimg', 'elapsed_seconds')


class Curve:
  """Count, sum and extremes of one number in one stretch."""

  __slots__ = ('count', 'high', 'low', 'total')

  def __init__(self, value: float):
    self.count, self.total, self.low, self.high = 1, value, value, value

  @property
  def mean(self) -> float:
    """Of the steps that have this number."""
    return self.total / self.count

  def add(self, value: float) -> None:
    """One more value."""
    self.count += 1
    self.total += value
    if value < self.low:
      self.low = value
    elif value > self.high:
      self.high = value

  def merge(self, other: 'Curve') -> None:
    """Takes in what follows."""
    self.count += other.count
    self.total += other.total
    self.low, self.high = min(self.low, other.low), max(self.high, other.high)


class Stretch:
  """Some steps in a row: where the last of them stands, and each number over all of them."""

  __slots__ = ('elapsed', 'kimg', 'numbers', 'step')

  def __init__(self):
    self.step, self.kimg, self.elapsed = 0, 0.0, 0.0
    self.numbers: dict[str, Curve] = {}

  def merge(self, other: 'Stretch') -> None:
    """Takes in the stretch that follows."""
    self.step, self.kimg, self.elapsed = other.step, other.kimg, other.elapsed
    for name, curve in other.numbers.items():
      if name in self.numbers:
        self.numbers[name].merge(curve)
      else:
        self.numbers[name] = curve


class History:
  """Follows a stats.jsonl and keeps at most `limit` stretches of equally many steps.

  When there would be more, each two neighbours become one: at least half of `limit` remain. So
  a stretch holds 1, 2, 4, ... steps.
  """

  def __init__(self, stats: Stats, limit: int = 500):
    self._stats, self._limit = stats, limit
    self._forget()

  @property
  def stretches(self) -> list[Stretch]:
    """Oldest first. They change at the next `update`."""
    return [self._stretches[index] for index in sorted(self._stretches)]

  @property
  def last(self) -> dict | None:
    """The newest record that was read; None if there is none."""
    return self._last

  @property
  def names(self) -> list[str]:
    """Of all numbers met so far, in the order in which they came."""
    return list(dict.fromkeys(name for s in self.stretches for name in s.numbers))

  def update(self, marks: Collection[float] = ()) -> None:
    """Reads what was written since; all, if the file is no longer the one that was read.

    That happens where a run was resumed: the steps that it does again are cut off.

    Args:
      marks: at these kimg, if they come among what is read now, the elapsed time is kept exactly.

    Raises:
      UserError: the file cannot be read.
    """
    if self._last is not None and not self._goes_on():
      self._forget()
    for record, end in self._stats.records(self._end):
      self._add(record)
      if record['kimg'] in marks:
        self._exact[record['kimg']] = self._clock
      self._last, self._start, self._end = record, self._end, end

  def elapsed_at(self, kimg: float) -> float | None:
    """Seconds of training until so many thousand images, between stretches in proportion.

    Exact for the marks of `update`. None if that lies after the last record.
    """
    if kimg in self._exact:
      return self._exact[kimg]
    before, elapsed = 0.0, 0.0
    for stretch in self.stretches:
      if kimg <= stretch.kimg:
        part = (kimg - before) / (stretch.kimg - before) if stretch.kimg > before else 1.0
        return elapsed + max(0.0, part) * (stretch.elapsed - elapsed)
      before, elapsed = stretch.kimg, stretch.elapsed
    return None

  def total(self, name: str) -> float:
    """The sum of a number over all steps; 0 if there is none."""
    return sum(s.numbers[name].total for s in self._stretches.values() if name in s.numbers)

  def _forget(self):
    self._stretches: dict[int, Stretch] = {}  # by the number of the stretch
    self._width = 1  # steps in a stretch
    self._start = self._end = 0  # of the last record, in bytes
    self._last = None
    self._clock = 0.0
    self._exact: dict[float, float] = {}  # kimg: elapsed seconds

  def _goes_on(self):
    """Whether the last record still stands where it was read."""
    return self._stats.first(self._start) == self._last

  def _add(self, record: Mapping):
    index = max(0, record['step'] - 1) // self._width
    stretch = self._stretches.get(index)
    if stretch is None:
      stretch = self._stretches[index] = Stretch()
    self._clock = elapsed_after(record, self._clock)
    stretch.step, stretch.kimg = record['step'], record['kimg']
    stretch.elapsed = self._clock
    numbers = stretch.numbers
    for name, value in record.items():
      if name in _AXES:
        continue
      curve = numbers.get(name)
      if curve is None:
        numbers[name] = Curve(value)
      else:
        curve.add(value)
    while len(self._stretches) > self._limit:
      self._halve()

  def _halve(self):
    self._width *= 2
    merged: dict[int, Stretch] = {}
    for index in sorted(self._stretches):
      stretch = self._stretches[index]
      if index // 2 in merged:
        merged[index // 2].merge(stretch)
      else:
        merged[index // 2] = stretch
    self._stretches = merged
