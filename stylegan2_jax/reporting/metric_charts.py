"""Charts of what was measured of a run's generator: one for each metric, its best value named."""

import bisect
from collections.abc import Sequence

from stylegan2_jax.errors import UserError
from stylegan2_jax.metric_records import best_of
from stylegan2_jax.metrics import names
from stylegan2_jax.reporting.charts import Chart, rounded
from stylegan2_jax.reporting.history import Stretch

_NOTES = {
  'fid': 'Fréchet distance of Inception features. Lower is better.',
  'kid': 'Kernel distance of Inception features. Lower is better.',
  'pr': 'How many fakes look real, and how much of the data set they cover. Higher is better.',
  'dc': 'How dense reals are around fakes, and how much of them is covered. Higher is better.',
  'is': 'How sure and how varied the classes of the fakes are. Higher is better.',
  'ppl': 'How much images change on short paths between latents. Lower is better.',
  'swd': 'Distance of patches, sliced Wasserstein. Lower is better.',
  'frechet': 'Fréchet distance of features of a random network, no FID. Lower is better.',
  'kernel': 'Kernel distance of features of a random network. Lower is better.',
  'shapes': 'How far the kinds of shapes are from those of the data set. Lower is better.',
}


def metric_charts(
  records: Sequence[dict], stretches: Sequence[Stretch], decides: str | None
) -> list[dict]:
  """A chart for each metric, in the form of `charts.charts`.

  Each value stands in the stretch in which it was measured, of several the last one.

  Args:
    records: of `MetricRecords.measured`.
    stretches: of a `History`; what was measured after the last of them is left out.
    decides: the name of the value by which the best checkpoint is kept; None: of none.
  """
  result = []
  for metric in dict.fromkeys(record['metric'] for record in records):
    of_metric = [record for record in records if record['metric'] == metric]
    shown, note = _values(metric, of_metric[-1]['values'])
    lines = [_line(name, metric, of_metric, stretches) for name in shown]
    if any(value is not None for line in lines for value in line['mean']):
      note = ' '.join(filter(None, [note, *(_best(n, of_metric, decides) for n in shown)]))
      chart = Chart(metric, note, {}, points=True)
      result.append({**chart._asdict(), 'lines': lines})
  return result


def _values(metric, values):
  """(names of the values of a metric that are worth a curve, what they tell)."""
  try:
    known = names.parse_one(metric)
  except UserError:  # of another version
    return list(values)[:1], ''
  several = names.value_names(known) or (known.headline,)
  return [name for name in several if not name.endswith('_std')], _NOTES[known.kind]


def _line(name, metric, records, stretches):
  ends = [stretch.kimg for stretch in stretches]
  points = [None] * len(ends)
  for record in records:
    place = bisect.bisect_left(ends, record['kimg'])
    value = record['values'].get(name)
    if place < len(points) and value is not None:
      points[place] = rounded(value)
  return {'label': _label(name, metric), 'mean': points, 'low': points, 'high': points}


def _best(name, records, decides):
  best = best_of(name, records)
  if best is None:
    return ''
  label = _label(name, records[0]['metric'])
  kept = ', whose checkpoint is kept' if name == decides else ''
  return f'Best{label and " "}{label}: {best.value:.4g} at {best.kimg:,g} kimg{kept}.'


def _label(name, metric):
  """As in `kind distance`; of a metric's only value ''."""
  return name.removeprefix(metric).replace('_', ' ').strip()
