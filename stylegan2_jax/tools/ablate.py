"""`launch.py ablate`: trains combinations of values with several seeds, and compares them."""

import contextlib
import pathlib
from collections.abc import Mapping, Sequence

from stylegan2_jax import files
from stylegan2_jax.console import Console
from stylegan2_jax.errors import CommandError, Preempted, TrainingFailed
from stylegan2_jax.settings import Settings
from stylegan2_jax.tools import ablation_figure, ablation_runs, ablation_table
from stylegan2_jax.tools.ablation_folder import AblationFolder, Member, Row
from stylegan2_jax.tools.ablation_grid import Variant, folder_name, variants
from stylegan2_jax.tools.ablation_runs import Job, Outcome
from stylegan2_jax.tools.ablation_table import Numbers, read_numbers
from stylegan2_jax.tools.tables import aligned
from stylegan2_jax.words import one_line, reason


def ablate_command(
  config: str,
  overrides: Mapping[str, str],
  workdir: pathlib.Path,
  vary: Sequence[str],
  seeds: int = 1,
  devices: Sequence[str | None] = (None,),
  of: Sequence[str] = (),
  last: float = 0.1,
  time_limit: float | None = None,
) -> None:
  """Trains what is not finished yet, then writes the table and the figure of all there is.

  Args:
    config: a preset.
    overrides: fields that all variants share, as text.
    workdir: folder of the ablation. Its earlier variants stay, in the table too.
    vary: `FIELD=VALUE,VALUE,...` each; all combinations are trained.
    seeds: each with so many, from 0.
    devices: CUDA devices, of which each trains one run at a time; None leaves the choice to JAX.
    of: scalars of stats.jsonl to show; empty: the usual ones.
    last: the share of a run's steps, from its end, that the table averages.
    time_limit: seconds after which the runs save and stop.

  Raises:
    UserError: bad input, found before anything starts; or a scalar that no run has.
    TrainingFailed: some runs cannot go on; the others are finished.
    Preempted: stopped from outside; the same command goes on.
  """
  base, grid = variants(config, overrides, vary)
  with contextlib.closing(AblationFolder(workdir)) as folder:
    members = folder.open(base, grid, seeds)
    known = _read(folder.rows, last) if of else {}
    if known:  # a mistake in a name is said before hours of training, where that can be
      ablation_table.chosen(of, _names(known))
    with contextlib.closing(Console(folder.log_path)) as console:
      outcomes = _train(grid, members, devices, console, time_limit)
      troubles = _troubles(folder.rows, outcomes)
      _show(folder, base, of, last, troubles, console)
      _end(members, outcomes, console)


def _train(
  grid: Sequence[Variant],
  members: Sequence[Member],
  devices: Sequence[str | None],
  console: Console,
  time_limit: float | None,
) -> dict[pathlib.Path, Outcome]:
  """Trains the runs that are not finished; the outcome of each that was started, by its folder."""
  waiting = [member for member in members if not member.finished]
  finished = len(members) - len(waiting)
  at_once = f', {len(devices)} at a time' if len(devices) > 1 else ''
  console.say(
    f'{len(members)} runs: {len(grid)} variants x {len(members) // len(grid)} seeds; '
    f'{finished} finished, {len(waiting)} to train{at_once}'
  )
  labels = {variant.name: variant.label for variant in grid}
  jobs = []
  for number, member in enumerate(waiting, finished + 1):
    label = labels[member.run.path.parent.name]
    title = f'[{number}/{len(members)} {label}, seed {member.seed}]'
    jobs.append(Job(title, member.run.path, member.prepare))
  outcomes = ablation_runs.train_all(jobs, devices, console.say, time_limit)
  return {job.path: o for job, o in zip(jobs, outcomes, strict=True) if o is not None}


def _read(rows: Sequence[Row], last: float) -> dict[tuple[str, int], Numbers]:
  """The numbers of all runs that have any, by folder name and seed."""
  found = {}
  for row in rows:
    for member in row.members:
      numbers = read_numbers(member.run, member.settings, last)
      if numbers.names:
        found[folder_name(row.values), member.seed] = numbers
  return found


def _names(numbers: Mapping[tuple[str, int], Numbers]) -> list[str]:
  return [name for found in numbers.values() for name in found.names]


def _troubles(rows: Sequence[Row], outcomes: Mapping[pathlib.Path, Outcome]) -> list[str]:
  """A line for each run that is not finished: what it is, and why."""
  lines = []
  for row in rows:
    for member in row.members:
      if not member.finished:
        variant = Variant(row.values, member.settings).label
        lines.append(f'{variant}, seed {member.seed}: {_why(member, outcomes)}')
  return lines


def _why(member: Member, outcomes: Mapping[pathlib.Path, Outcome]) -> str:
  outcome = outcomes.get(member.run.path)
  if _has_failed(outcome):
    return f'failed: {outcome.line}'
  trouble = member.trouble()
  if outcome is None and trouble is not None:
    return f'failed: {one_line(trouble, 300)}'
  record = member.run.stats.last()
  return f'stopped at {record["kimg"]:g} kimg' if record else 'not begun'


def _show(
  folder: AblationFolder,
  base: Settings,
  of: Sequence[str],
  last: float,
  troubles: Sequence[str],
  console: Console,
) -> None:
  """Writes the table and the figure, and prints the table."""
  numbers = _read(folder.rows, last)
  names = ablation_table.chosen(of, _names(numbers)) if numbers else []
  done = {(folder_name(r.values), m.seed) for r in folder.rows for m in r.members if m.finished}
  finished = {key: found for key, found in numbers.items() if key in done}
  table = ablation_table.make_table(folder.rows, base, finished, names)
  figure = folder.figure_path.name if names else ''
  try:
    with files.replacing(folder.table_path) as file:
      file.write(ablation_table.to_markdown(table, last, troubles, figure).encode())
    with files.replacing(folder.csv_path) as file:
      file.write(ablation_table.to_csv(table).encode())
    if names:
      ablation_figure.write(
        ablation_figure.draw(_by_variant(folder.rows, numbers), names), folder.figure_path
      )
  except OSError as error:
    raise TrainingFailed(
      f'cannot write into {folder.path} ({reason(error)}): make room or mend the disk, then start '
      'again'
    ) from error
  titles = ablation_table.header(table)
  shown = [titles, *(ablation_table.cells(line) for line in table.lines)]
  for line in ['', *aligned(shown, '>' * len(titles)), '']:
    console.say(line)
  for line in troubles:
    console.say(f'not finished: {line}')
  written = [folder.table_path, folder.csv_path, *([folder.figure_path] if names else [])]
  console.say(f'wrote {", ".join(map(str, written))}')


def _by_variant(
  rows: Sequence[Row], numbers: Mapping[tuple[str, int], Numbers]
) -> dict[str, list[Numbers]]:
  """The runs of each variant by its label."""
  result = {}
  for row in rows:
    folder = folder_name(row.values)
    label = Variant(row.values, row.members[0].settings).label if row.members else folder
    keys = [(folder, member.seed) for member in row.members]
    result[label] = [numbers[key] for key in keys if key in numbers]
  return result


def _end(
  members: Sequence[Member], outcomes: Mapping[pathlib.Path, Outcome], console: Console
) -> None:
  """Says how it ended, by an exception unless all runs of the command are finished."""
  left = [member for member in members if not member.finished]
  failed = [member for member in left if _has_failed(outcomes.get(member.run.path))]
  if len(failed) < len(left):
    console.say(f'{len(left)} of {len(members)} runs are not finished: the same command goes on')
    raise Preempted('stopped')
  if failed:
    raise CommandError(
      f'{len(failed)} of {len(members)} runs failed, see above: the same command tries them again'
    )


def _has_failed(outcome: Outcome | None) -> bool:
  return outcome is not None and outcome.status not in (0, Preempted.status)
