"""The settings of a run on their way to JSON and back, also those that older versions saved."""

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Mapping

from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import (
  AugmentSettings,
  FinetuneSettings,
  LogSettings,
  MetricSettings,
  Settings,
)

# Fields that runs of older versions lack, with what those versions did.
_BEFORE = {
  'data': {'aspect': '1:1', 'subset': 0, 'held_out': 0.0},
  'network': {'noise': True, 'demodulation': 'weights', 'equalized_lr': True},
  'train': {
    'keep_every': 0.0,
    'deterministic': False,
    'on_nonfinite': 'clean',
    'max_bad_steps': 20,
    'd_learning_rate': None,
    'loss': 'non_saturating',
    'r2_gamma': 0.0,
    'gp_weight': 0.0,
  },
  'augment': dataclasses.asdict(AugmentSettings()),
  'finetune': dataclasses.asdict(FinetuneSettings()),
  'metrics': dataclasses.asdict(MetricSettings()),
  'log': dataclasses.asdict(LogSettings()),
}


def field_types() -> dict[str, type]:
  """Dotted name of every field, in order, with its annotated type.

  >>> field_types()['train.batch_size']
  <class 'int'>
  """
  result = {}
  for outer in dataclasses.fields(Settings):
    if dataclasses.is_dataclass(outer.type):
      result |= {f'{outer.name}.{f.name}': f.type for f in dataclasses.fields(outer.type)}
    else:
      result[outer.name] = outer.type
  return result


def flatten(settings: Settings) -> dict[str, object]:
  """Dotted name of every field, in order, with its value."""
  return flatten_mapping(dataclasses.asdict(settings))


def to_json(settings: Settings) -> str:
  """Nested JSON, one field a line; `from_json` reads it back to an equal value."""
  return json.dumps(dataclasses.asdict(settings), indent=2) + '\n'


def from_json(text: str, name: str = 'config.json') -> Settings:
  """The `Settings` that `to_json` wrote, in this version or one that had fewer fields.

  Raises:
    UserError: not JSON, or a field is unknown, missing, or of a wrong type; `name` says where.
  """
  try:
    values = json.loads(text)
  except ValueError as error:
    raise UserError(f'{name} is not valid JSON ({error}): restore or remove it') from None
  if not isinstance(values, dict):
    raise UserError(f'{name} does not hold a config: restore or remove it')
  return from_mapping(completed(values), name)


def completed(values: Mapping) -> dict[str, object]:
  """Nested fields that an older version saved, with those that it lacked."""
  filled = dict(values)
  for group, before in _BEFORE.items():
    if isinstance(filled.setdefault(group, {}), Mapping):
      filled[group] = {**before, **filled[group]}
  return filled


def from_mapping(values: Mapping, where: str) -> Settings:
  """The `Settings` with exactly these nested fields; whole numbers are taken for floats.

  Raises:
    UserError: a field is unknown, missing, or of a wrong type; `where` says in which place.
  """
  given, types_of = flatten_mapping(values), field_types()
  for field in given:
    if field not in types_of:
      raise UserError(unknown_field(field, where))
  for field in types_of:
    if field not in given:
      raise UserError(f'{where} lacks the field {field}: add it (configs/default.py explains it)')
  nested: dict = {}
  for field, value in given.items():
    group, _, name = field.rpartition('.')
    target = nested.setdefault(group, {}) if group else nested
    target[name] = _checked(field, value, types_of[field])
  groups = {f.name: f.type for f in dataclasses.fields(Settings)}
  return Settings(**{k: groups[k](**v) if isinstance(v, dict) else v for k, v in nested.items()})


def flatten_mapping(values: Mapping) -> dict[str, object]:
  """`{'train': {'keep': 2}, 'seed': 0}` as `{'train.keep': 2, 'seed': 0}`."""
  flat = {}
  for key, value in values.items():
    if isinstance(value, Mapping):
      flat |= {f'{key}.{name}': inner for name, inner in value.items()}
    else:
      flat[key] = value
  return flat


def _checked(field: str, value: object, annotation: type) -> object:
  allowed = typing.get_args(annotation) or (annotation,)
  if float in allowed and type(value) is int:
    return float(value)
  if type(value) not in allowed:
    raise UserError(f'config field {field} = {value!r} must be {type_name(annotation)}')
  return value


def type_name(annotation: type) -> str:
  """The type of a field in words: `a number or none`."""
  names = {int: 'a whole number', float: 'a number', bool: 'true or false', str: 'text'}
  names[types.NoneType] = 'none'
  return ' or '.join(names[t] for t in typing.get_args(annotation) or (annotation,))


def unknown_field(field: str, where: str) -> str:
  """The line that says so, with the nearest name that exists."""
  by_word = {name.rpartition('.')[2]: name for name in field_types()}
  close = difflib.get_close_matches(field.rpartition('.')[2], by_word, 1)
  hint = f'did you mean {by_word[close[0]]}?' if close else 'configs/default.py lists all'
  return f'unknown config field {field} in {where}: {hint}'
