"""metrics.jsonl: what was measured of a run's generator, and at which step it was best.

A line holds `metric`, its `values` by name, `step`, `kimg`, the `seconds` that it took, and the
`recipe`: all that the values depend on. Steps may come in any order, as a checkpoint can be
measured later; of the same metric at the same step the newest line counts. Lines with `apart: true`
do not count: they cannot be compared with the others, as with another ψ or other real images.
"""

import json
from collections.abc import Collection
from typing import NamedTuple

from stylegan2_jax import files
from stylegan2_jax.json_lines import JsonLines, is_number
from stylegan2_jax.metrics import names
from stylegan2_jax.settings import MetricSettings


class Best(NamedTuple):
  """The best value, and where it was measured."""

  name: str
  value: float
  step: int
  kimg: float


class MetricRecords(JsonLines):
  """The metrics of a run. Values that are no numbers are left out."""

  @staticmethod
  def taken(record: object) -> dict | None:
    """A record of one metric."""
    if not isinstance(record, dict) or not isinstance(record.get('values'), dict):
      return None
    place = type(record.get('step')) is int and is_number(record.get('kimg'))
    if not place or not isinstance(record.get('metric'), str):
      return None
    values = {name: value for name, value in record['values'].items() if is_number(value)}
    return {**record, 'values': values}

  def measured(self) -> list[dict]:
    """The records that count, in the order of their steps.

    Raises:
      UserError: the file cannot be read.
    """
    counting = (record for record, _ in self.records() if not record.get('apart'))
    newest = {(record['step'], record['metric']): record for record in counting}
    return sorted(newest.values(), key=lambda record: record['step'])

  def values_at(self, step: int) -> dict[str, float]:
    """All values of a step, by name.

    Raises:
      UserError: the file cannot be read.
    """
    found = [record['values'] for record in self.measured() if record['step'] == step]
    return {name: value for values in found for name, value in values.items()}

  def best(self, metrics: MetricSettings, among: Collection[int] | None = None) -> Best | None:
    """Where the value that decides was best, of equal ones the latest; None if it is nowhere.

    Args:
      metrics: say which value decides: `best`, or the first one of the first of `names`, or, where
        there are none, of the first metric that was ever measured.
      among: the steps that count; None: all.

    Raises:
      UserError: the file cannot be read.
    """
    records = self.measured()
    name = metrics.best or _first_value(metrics, records)
    return best_of(name, (r for r in records if among is None or r['step'] in among))

  def cut(self, step: int) -> None:
    """Drops the records of steps after `step`.

    Raises:
      OSError: it cannot be written.
      UserError: the file cannot be read.
    """
    self.close()
    records = [record for record, _ in self.records()]
    kept = [record for record in records if record['step'] <= step]
    if len(kept) < len(records):
      with files.replacing(self.path) as file:
        file.write(''.join(f'{json.dumps(record)}\n' for record in kept).encode())
      self._damage = None


def best_of(name: str | None, records) -> Best | None:
  """The best value of a name in records, of equal ones the latest; None if it is in none of them.

  Args:
    name: of the value; None: of none.
    records: as of `measured`.
  """
  sign = 1 if name and names.higher_is_better(name) else -1
  there = (record for record in records if name in record['values'])
  found = [Best(name, r['values'][name], r['step'], r['kimg']) for r in there]
  return max(found, key=lambda best: (sign * best.value, best.step), default=None)


def _first_value(metrics, records):
  """The name of the value that decides where nobody chose one."""
  chosen = names.parse(metrics.names)
  if chosen:
    return chosen[0].headline
  return next((name for record in records for name in record['values']), None)
