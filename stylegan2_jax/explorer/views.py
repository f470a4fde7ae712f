"""`View`: everything that decides one picture of the explorer, and its form as JSON."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from stylegan2_jax.errors import UserError
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.tools.directions import METHODS
from stylegan2_jax.tools.style_layers import layer_groups
from stylegan2_jax.validation import CENTERS, NOISE_MODES
from stylegan2_jax.words import listing, one_line

MAX_DIRECTIONS = 10  # of a method and a group
_MAX_MOVES = 80
_LIMITS = {  # of numbers: what is sensible lies well inside
  'seed': (0, 2**32 - 1),
  'mix_seed': (0, 2**32 - 1),
  'noise_seed': (0, 2**32 - 1),
  'psi': (-10.0, 10.0),
  'noise_scale': (0.0, 100.0),
  'strength': (-100.0, 100.0),
}


@dataclasses.dataclass(frozen=True)
class Move:
  """A step of `strength` standard deviations along a direction, in the layers of its group.

  `method` and `group` (a word of `move_groups`) say which set of directions, `number` which of it.
  """

  method: str
  group: str
  number: int
  strength: float


@dataclasses.dataclass(frozen=True)
class View:
  """One picture: the w of a seed, truncated; in some layers another one's; moved; and the noise.

  Labels are in the words of `LabelSpace.vector`, '' where the model is unconditional. `cutoff` None
  truncates all layers. `mix_layers` have the w of `mix_seed` and `mix_label`. `noise_scale` is a
  factor of the maps, `noise_seed` that of the random ones.
  """

  seed: int = 0
  label: str = ''
  psi: float = 1.0
  cutoff: int | None = None
  center: str = 'global'
  mix_seed: int = 1
  mix_label: str = ''
  mix_layers: tuple[int, ...] = ()
  noise: str = 'const'
  noise_scale: float = 1.0
  noise_seed: int = 0
  moves: tuple[Move, ...] = ()

  def to_json(self) -> dict[str, Any]:
    """As `parse_view` reads it."""
    fields = dataclasses.asdict(self)
    return {name: list(x) if isinstance(x, tuple) else x for name, x in fields.items()}


def move_groups(num_ws: int) -> dict[str, tuple[int, ...]]:
  """The groups of layers that directions are found for and act in: 'all', then coarse to fine.

  >>> move_groups(8)
  {'all': (0, 1, 2, 3, 4, 5, 6, 7), 'coarse': (0, 1, 2), 'middle': (3, 4), 'fine': (5, 6, 7)}
  """
  groups = {word: tuple(layers) for word, layers in layer_groups(num_ws).items() if layers}
  return {'all': tuple(range(num_ws)), **groups}


def default_view(labels: LabelSpace) -> View:
  """What the page begins with: the first class, or the first component of vectors alone."""
  names = labels.class_names or labels.component_names
  label = ''
  if labels.c_dim:
    label = names[0] if names else ','.join(['1'] + ['0'] * (labels.c_dim - 1))
  return View(label=label, mix_label=label)


def parse_view(data: Any, num_ws: int, labels: LabelSpace) -> View:
  """A view from JSON; fields left out are those of `default_view`.

  Raises:
    UserError: something is not of the model, out of its limits, or no field; names it.
  """
  if not isinstance(data, Mapping):
    raise UserError('the view must be an object with fields such as "seed"')
  unknown = set(data) - {field.name for field in dataclasses.fields(View)}
  if unknown:
    raise UserError(f'the view has no field {one_line(min(unknown))}')
  given = {**default_view(labels).to_json(), **data}
  cutoff = given['cutoff']
  return View(
    **{name: _whole(name, given[name]) for name in ('seed', 'mix_seed', 'noise_seed')},
    **{name: _number(name, given[name]) for name in ('psi', 'noise_scale')},
    **{name: _label(given[name], labels) for name in ('label', 'mix_label')},
    cutoff=None if cutoff is None else _whole('cutoff', cutoff, (0, num_ws)),
    center=_choice('center', given['center'], CENTERS if labels.c_dim else CENTERS[:1]),
    noise=_choice('noise', given['noise'], NOISE_MODES),
    mix_layers=_layers(given['mix_layers'], num_ws),
    moves=_moves(given['moves'], num_ws),
  )


def parse_set(data: Any, num_ws: int) -> tuple[str, str]:
  """(method, group) of a set of directions, from JSON.

  Raises:
    UserError: there is no such set.
  """
  if not isinstance(data, Mapping):
    raise UserError('a set of directions must be an object with "method" and "group"')
  method = _choice('method', data.get('method'), METHODS)
  return method, _choice('group', data.get('group'), tuple(move_groups(num_ws)))


def _number(name, value, limits=None):
  low, high = limits or _LIMITS[name]
  fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
  if not fits or not math.isfinite(value):
    raise UserError(f'{name} {one_line(value)} does not fit: give a number from {low} to {high}')
  return float(value)


def _whole(name, value, limits=None):
  low, high = limits or _LIMITS[name]
  if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
    raise UserError(
      f'{name} {one_line(value)} does not fit: give a whole number from {low} to {high}'
    )
  return value


def _choice(name, value, choices):
  if not isinstance(value, str) or value not in choices:
    raise UserError(f'{name} {one_line(value)} is not known: use {" or ".join(choices)}')
  return value


def _label(value, labels):
  if not isinstance(value, str):
    raise UserError(f'the label {one_line(value)} is no text: write it as "{one_line(value)}"')
  if labels.c_dim or value:
    labels.vector(value)  # complains
  return value


def _layers(value, num_ws):
  if not isinstance(value, list | tuple) or len(value) > num_ws:
    raise UserError(f'mix_layers must be a list of layers 0 to {num_ws - 1}, each once')
  layers = {_whole('layer', layer, (0, num_ws - 1)) for layer in value}
  return tuple(sorted(layers))


def _moves(value, num_ws):
  if not isinstance(value, list | tuple) or len(value) > _MAX_MOVES:
    raise UserError(f'moves must be a list of at most {_MAX_MOVES}')
  return tuple(_move(each, num_ws) for each in value)


def _move(value, num_ws):
  fields = [field.name for field in dataclasses.fields(Move)]
  if not isinstance(value, Mapping) or set(value) != set(fields):
    raise UserError(f'a move must have the fields {listing(fields)}')
  number = _whole('number', value['number'], (0, MAX_DIRECTIONS - 1))
  return Move(*parse_set(value, num_ws), number, _number('strength', value['strength']))
