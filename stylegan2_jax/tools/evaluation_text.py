"""Results of metrics as text: a line when there is one, a table at the end."""

from collections.abc import Iterator, Sequence

from stylegan2_jax.metrics.evaluation import Result
from stylegan2_jax.tools.tables import aligned


def table(found: Sequence[Result]) -> list[str]:
  """Lines: a value each with what it is of, then what has to be said beside them."""
  return [*aligned(list(_rows(found)), '<><'), *_notes(found)]


def one_line(result: Result) -> str:
  """A result with its seconds."""
  values = ', '.join(f'{name} {value:.5g}' for name, value in result.values.items())
  return f'{values}  ({result.seconds:.1f} s)'


def _notes(found: Sequence[Result]) -> Iterator[str]:
  """Each once, with the metrics that it is about."""
  about: dict[str, list[str]] = {}
  for result in found:
    for note in result.recipe['notes']:
      about.setdefault(note, []).append(result.metric.name)
  yield from (f'note on {", ".join(those)}: {note}' for note, those in about.items())


def _rows(found: Sequence[Result]) -> Iterator[tuple[str, str, str]]:
  for result in found:
    recipe = result.recipe
    sides = (f'{recipe[side]["count"]} {side}' for side in ('fakes', 'reals') if side in recipe)
    about = f'{", ".join(sides)}; {recipe["features"]["network"]}'
    for name, value in result.values.items():
      yield name, f'{value:.5g}', about
      about = ''
