"""Settings: the frozen dataclasses that define a run, and their way to JSON and back.

`configs/default.py` explains every field, `presets.py` builds a `Settings` from a preset
file, `validation.py` checks the values. Everything below takes these, or plain arguments.
"""

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Mapping

from stylegan2_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class DataSettings:
  """Where the pictures come from and what form they have."""

  source: str = 'shapes'
  dir: str = 'datasets'
  resolution: int = 32
  aspect: str = '1:1'
  channels: int = 3
  mirror: bool = False
  labels: bool = False
  subset: int = 0
  held_out: float = 0.0
  threads: int = 2

  @property
  def size(self) -> tuple[int, int]:
    """(height, width): `resolution` is the longer side, `aspect` is width:height.

    >>> DataSettings(resolution=512, aspect='4:3').size
    (384, 512)
    """
    width, height = map(int, self.aspect.split(':'))
    longer = max(width, height)
    return self.resolution * height // longer, self.resolution * width // longer


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
  """The architecture of generator and discriminator."""

  z_dim: int = 512
  w_dim: int = 512
  mapping_layers: int = 8
  d_mapping_layers: int = 8
  channel_base: int = 32768
  channel_max: int = 512
  g_architecture: str = 'skip'
  d_architecture: str = 'resnet'
  mbstd_group: int | None = 4
  mbstd_features: int = 1
  noise: bool = True
  demodulation: str = 'weights'
  equalized_lr: bool = True
  num_reduced: int = 0
  reduced_dtype: str = 'bfloat16'
  clamp: float | None = 256.0

  def compared(self, count: int) -> int:
    """Images in a group of the minibatch standard deviation, of `count` at a time; 1: no groups."""
    if not self.mbstd_features:
      return 1
    return count if self.mbstd_group is None else min(self.mbstd_group, count)


@dataclasses.dataclass(frozen=True)
class TrainSettings:
  """The optimization: batch, durations, losses, optimizers, averages."""

  batch_size: int = 32
  micro_batch: int = 0
  total_kimg: float = 25000.0
  snapshot_kimg: float = 200.0
  keep: int = 2
  keep_every: float = 0.0
  deterministic: bool = False
  on_nonfinite: str = 'clean'
  max_bad_steps: int = 20
  learning_rate: float = 0.0025
  d_learning_rate: float | None = None
  adam_b1: float = 0.0
  adam_b2: float = 0.99
  adam_eps: float = 1e-8
  loss: str = 'non_saturating'
  r1_gamma: float = 1.0
  r2_gamma: float = 0.0
  gp_weight: float = 0.0
  r1_interval: int = 16
  pl_weight: float = 2.0
  pl_interval: int = 4
  pl_decay: float = 0.01
  pl_batch_shrink: int = 2
  style_mixing_prob: float = 0.9
  ema_kimg: float = 10.0
  ema_rampup: float | None = None
  w_avg_beta: float = 0.995

  @property
  def chunk_size(self) -> int:
    """Samples in a micro-batch: `micro_batch`, of which 0 means the whole batch."""
    return self.micro_batch or self.batch_size

  @property
  def zero_decides(self) -> bool:
    """Whether D's loss makes a logit of 0 the border between real and fake: r_t builds on that."""
    return self.loss in ('non_saturating', 'hinge')

  @property
  def penalizes_gradient(self) -> bool:
    """Whether any penalty on the gradient of D is on."""
    return any((self.r1_gamma, self.r2_gamma, self.gp_weight))

  @property
  def penalties_not_lazy(self) -> bool:
    """Whether those are part of D's main phase, in every step."""
    return self.penalizes_gradient and self.r1_interval == 0

  @property
  def path_length_not_lazy(self) -> bool:
    """Whether the path length penalty is part of G's main phase, in every step."""
    return self.pl_weight != 0 and self.pl_interval == 0


@dataclasses.dataclass(frozen=True)
class AugmentSettings:
  """What the discriminator sees in place of the images, and how often."""

  kind: str = 'none'
  transforms: str = 'bgc'
  p: float = 0.0
  p_max: float | None = None
  target: float = 0.6
  interval: int = 4
  ada_kimg: float = 500.0
  policy: str = 'color,translation,cutout'


@dataclasses.dataclass(frozen=True)
class FinetuneSettings:
  """Where the first weights come from, and which of them stay."""

  start: str = ''
  freeze_d: int = 0
  freeze_mapping: bool = False


@dataclasses.dataclass(frozen=True)
class SampleSettings:
  """The grids of fakes drawn while training."""

  grid_rows: int = 4
  grid_cols: int = 8
  truncation_psi: float = 1.0


@dataclasses.dataclass(frozen=True)
class LogSettings:
  """Where the numbers and pictures of a run go, beside its folder's own log."""

  scalars_kimg: float = 1.0
  tensorboard: bool = True
  wandb: str = ''


@dataclasses.dataclass(frozen=True)
class Settings:
  """Everything that defines a run. Nested as the fields of `configs/default.py`."""

  seed: int = 0
  data: DataSettings = DataSettings()
  network: NetworkSettings = NetworkSettings()
  train: TrainSettings = TrainSettings()
  augment: AugmentSettings = AugmentSettings()
  finetune: FinetuneSettings = FinetuneSettings()
  sample: SampleSettings = SampleSettings()
  log: LogSettings = LogSettings()


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
