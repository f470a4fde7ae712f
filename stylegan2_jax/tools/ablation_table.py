"""The numbers of an ablation: read from its runs once, and as a table over variants."""

import csv
import difflib
import io
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stylegan2_jax.config import flatten
from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting.history import Curve
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings
from stylegan2_jax.tools.ablation_folder import Row
from stylegan2_jax.tools.ablation_grid import folder_name, short_names, written
from stylegan2_jax.training.schedule import kimg_at, steps_for
from stylegan2_jax.words import listing, one_line

POINTS = 50  # of a curve
# Shown unless others are asked for; those that the runs have.
USUAL = ('loss_g', 'loss_d', 'logits_real', 'logits_fake', 'sign_real', 'r1_penalty')
USUAL += ('path_length', 'loss_pl', 'seconds')
_NO_NUMBERS = ('step', 'kimg', 'elapsed_seconds')


class Numbers(NamedTuple):
  """What an ablation takes from a run. For other files than stats.jsonl extend `read_numbers`."""

  last: dict[str, float]  # each scalar's mean over the last part
  curves: dict[str, list[tuple[float, float]]]  # each scalar's (kimg, mean), stretch by stretch

  @property
  def names(self) -> list[str]:
    """Of all scalars."""
    return list(self.curves)


def read_numbers(run: RunDirectory, settings: Settings, share: float) -> Numbers:
  """Every scalar of a run.

  A scalar that only some steps have, as those of lazy regularizers, is averaged over those.

  Args:
    run: its folder.
    settings: its config.
    share: the part of all its steps, from the end, that `last` is the mean of.

  Raises:
    UserError: stats.jsonl cannot be read.
  """
  batch = settings.train.batch_size
  total = steps_for(settings.train.total_kimg, batch)
  begin = total - max(1, math.ceil(share * total - 1e-9))
  points = min(POINTS, total)
  last: dict[str, Curve] = {}
  curves: dict[str, dict[int, Curve]] = {}
  for record, _ in run.stats.records():
    step = record['step']
    stretch = min(points - 1, max(0, step - 1) * points // total)
    for name, value in record.items():
      if name in _NO_NUMBERS:
        continue
      _add(curves.setdefault(name, {}), stretch, value)
      if begin < step <= total:
        _add(last, name, value)
  ends = [kimg_at(-(-(i + 1) * total // points), batch) for i in range(points)]
  return Numbers(
    {name: curve.mean for name, curve in last.items()},
    {n: [(ends[i], by[i].mean) for i in sorted(by)] for n, by in curves.items()},
  )


def _add(curves: dict, key, value: float) -> None:
  if key in curves:
    curves[key].add(value)
  else:
    curves[key] = Curve(value)


class Spread(NamedTuple):
  """Mean, sample standard deviation (None of a single value), and how many values."""

  mean: float
  deviation: float | None
  count: int

  def __str__(self) -> str:
    mean = f'{self.mean:.4g}'
    return mean if self.deviation is None else f'{mean} ± {self.deviation:.2g}'


def spread(values: Sequence[float]) -> Spread | None:
  """Of some values; None of none.

  >>> str(spread([1.0, 2.0, 4.5])), str(spread([0.25])), spread([])
  ('2.5 ± 1.8', '0.25', None)
  """
  if not values:
    return None
  deviation = statistics.stdev(values) if len(values) > 1 else None
  return Spread(statistics.fmean(values), deviation, len(values))


def chosen(wanted: Sequence[str], known: Iterable[str]) -> list[str]:
  """The scalars to show: those wanted, or without any the usual ones that there are.

  Raises:
    UserError: one that is wanted is not there.
  """
  known = list(dict.fromkeys(known))
  for name in wanted:
    if name not in known:
      close = difflib.get_close_matches(name, known, 1)
      hint = f'did you mean {close[0]}? ' if close else ''
      raise UserError(
        f'--of={one_line(name)}: the runs have no such number; {hint}they have '
        f'{listing(sorted(known), 40)}'
      )
  return list(dict.fromkeys(wanted)) or [name for name in USUAL if name in known]


class Table(NamedTuple):
  """An ablation's results: a line for each variant."""

  fields: list[str]  # that were varied
  names: list[str]  # of the scalars
  lines: list['Line']


class Line(NamedTuple):
  """A variant: its values, how many of its runs finished, its scalars over those."""

  values: list[str]
  folder: str
  finished: int
  runs: int
  cells: list[Spread | None]


def make_table(
  rows: Sequence[Row],
  base: Settings,
  numbers: Mapping[tuple[str, int], Numbers],
  names: Sequence[str],
) -> Table:
  """The table over finished runs.

  Args:
    rows: the variants; a field that one of them does not vary has its value of `base`.
    base: what they share.
    numbers: of the finished runs, by folder name and seed.
    names: of the scalars to show.
  """
  fields = list(dict.fromkeys(field for row in rows for field in row.values))
  shared, lines = flatten(base), []
  for row in rows:
    folder = folder_name(row.values)
    values = [written(row.values.get(field, shared[field])) for field in fields]
    found = [numbers[folder, m.seed] for m in row.members if (folder, m.seed) in numbers]
    cells = [spread([n.last[name] for n in found if name in n.last]) for name in names]
    lines.append(Line(values, folder, len(found), len(row.members), cells))
  return Table(fields, list(names), lines)


def header(table: Table) -> list[str]:
  """The titles of the columns, for people."""
  short = short_names(table.fields)
  return [*(short[field] for field in table.fields), 'finished', *table.names]


def cells(line: Line) -> list[str]:
  """A line of the table, for people."""
  values = [one_line(value) for value in line.values]
  return [*values, f'{line.finished} of {line.runs}', *(str(c or '–') for c in line.cells)]


def to_markdown(table: Table, share: float, troubles: Sequence[str], figure: str) -> str:
  """The table, what it shows, runs that are not finished, and the figure, if there is one."""
  titles = header(table)
  lines = [_row(titles), _row(['---:'] * len(titles))]
  lines += [_row([text.replace('|', r'\|') for text in cells(line)]) for line in table.lines]
  lines += ['', _explained(share)]
  if troubles:
    lines += ['', 'Not finished:', '', *(f'- {text}' for text in troubles)]
  if figure:
    lines += ['', f'![mean and spread over training]({figure})']
  return '\n'.join([*lines, ''])


def _explained(share):
  return (
    f'Mean ± sample standard deviation over the finished seeds, of the mean over the last '
    f'{100 * share:g} % of the steps of each.'
  )


def _row(texts):
  return f'| {" | ".join(texts)} |'


def to_csv(table: Table) -> str:
  """The table for programs: `NAME mean`, `NAME std`, `NAME n` for each scalar, all digits."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  columns = [f'{name} {what}' for name in table.names for what in ('mean', 'std', 'n')]
  writer.writerow(['variant', *table.fields, 'finished', 'runs', *columns])
  for line in table.lines:
    numbers = [part for cell in line.cells for part in (cell or ('', '', 0))]
    numbers = ['' if part is None else part for part in numbers]
    writer.writerow([line.folder, *line.values, line.finished, line.runs, *numbers])
  return text.getvalue()
