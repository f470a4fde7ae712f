"""Checks of a `Settings` that need no data: what cannot work is refused before anything starts."""

import dataclasses
import math
import re
from collections.abc import Iterable

from stylegan2_jax import geometry
from stylegan2_jax.augment import transforms
from stylegan2_jax.config import flatten
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics import names
from stylegan2_jax.settings import (
  AugmentSettings,
  DataSettings,
  FinetuneSettings,
  MetricSettings,
  NetworkSettings,
  Settings,
)

ARCHITECTURES = ('orig', 'skip', 'resnet')
NOISE_MODES = ('const', 'random', 'none')  # of sampling: stored maps, new ones, no noise
CENTERS = ('global', 'class')  # that truncation goes towards
DEMODULATIONS = ('weights', 'instance', 'none')
DTYPES = ('float32', 'bfloat16', 'float16')
ON_NONFINITE = ('clean', 'skip')
LOSSES = ('non_saturating', 'hinge', 'wgan', 'relativistic')
AUGMENTATIONS = ('none', 'ada', 'fixed', 'diffaugment')

_POSITIVE = ('train.total_kimg', 'train.snapshot_kimg', 'train.learning_rate', 'train.adam_eps')
_POSITIVE += ('log.scalars_kimg', 'augment.ada_kimg')
_NOT_NEGATIVE = ('seed', 'network.num_reduced', 'train.micro_batch', 'train.r1_gamma')
_NOT_NEGATIVE += ('train.pl_weight', 'train.ema_kimg', 'train.keep_every', 'train.r2_gamma')
_NOT_NEGATIVE += ('train.gp_weight', 'train.r1_interval', 'train.pl_interval', 'data.subset')
_NOT_NEGATIVE += ('augment.p', 'finetune.freeze_d', 'network.mbstd_features', 'metrics.kimg')
_AT_LEAST_1 = ('data.threads', 'network.z_dim', 'network.w_dim', 'network.mapping_layers')
_AT_LEAST_1 += ('network.channel_base', 'network.channel_max')
_AT_LEAST_1 += ('train.batch_size', 'train.pl_batch_shrink', 'train.keep')
_AT_LEAST_1 += ('train.max_bad_steps', 'augment.interval')
_AT_LEAST_1 += ('sample.grid_rows', 'sample.grid_cols')
_FRACTIONS = ('train.style_mixing_prob', 'train.pl_decay', 'train.w_avg_beta')
_BELOW_1 = ('train.adam_b1', 'train.adam_b2', 'data.held_out')
_POSITIVE_OR_NONE = ('network.clamp', 'train.ema_rampup', 'train.d_learning_rate', 'augment.p_max')
_POSITIVE_OR_NONE += ('network.mbstd_group',)


def validate(settings: Settings, num_devices: int) -> None:
  """Refuses settings that cannot work on `num_devices` devices.

  Raises:
    UserError: names the first field at fault and the values that would do.
  """
  validate_networks(settings)
  _check_places(settings.data)
  _check_choice('train.on_nonfinite', settings.train.on_nonfinite, ON_NONFINITE)
  _check_choice('train.loss', settings.train.loss, LOSSES)
  _check_augment(settings.augment)
  if settings.augment.kind == 'ada' and not settings.train.zero_decides:
    rule = f'be fixed, diffaugment or none with train.loss={settings.train.loss}: its logits have '
    raise _error('augment.kind', 'ada', f'{rule}no border at 0 that p could follow')
  _check_finetune(settings.finetune)
  _check_metrics(settings.metrics)
  _check_batch(settings, num_devices)


def validate_fields(settings: Settings) -> None:
  """Refuses values that are wrong by themselves, whatever becomes of other fields.

  Raises:
    UserError: names the first field at fault and the values that would do.
  """
  _check_ranges(flatten(settings))
  _parsed_aspect(settings.data.aspect)
  _check_image(dataclasses.replace(settings.data, aspect='1:1'))  # which has all resolutions


def validate_networks(settings: Settings) -> None:
  """Refuses settings with which the networks cannot be built.

  Raises:
    UserError: names the first field at fault and the values that would do.
  """
  _check_ranges(flatten(settings))
  _check_image(settings.data)
  _check_network(settings.network, geometry.nominal_resolution(settings.data.size))


def _check_ranges(values: dict) -> None:
  """Each field by itself."""
  for field, value in values.items():
    if isinstance(value, float) and not math.isfinite(value):
      raise _error(field, value, 'be finite')
  for fields, holds, rule in (
    (_POSITIVE, lambda v: v > 0, 'be greater than 0'),
    (_NOT_NEGATIVE, lambda v: v >= 0, 'be 0 or greater'),
    (_AT_LEAST_1, lambda v: v >= 1, 'be at least 1'),
    (_FRACTIONS, lambda v: 0 <= v <= 1, 'lie between 0 and 1'),
    (_BELOW_1, lambda v: 0 <= v < 1, 'be at least 0 and less than 1'),
    (_POSITIVE_OR_NONE, lambda v: v is None or v > 0, 'be greater than 0, or none'),
    (('seed',), lambda v: v < 2**32, 'be less than 2**32'),
    (('augment.target',), lambda v: -1 <= v <= 1, 'lie between -1 and 1, as signs do'),
    (('network.d_mapping_layers',), lambda v: v >= 0, 'be 0 or greater'),
  ):
    for field in fields:
      if not holds(values[field]):
        raise _error(field, values[field], rule)


def _check_choice(field: str, value: str, choices: Iterable[str]) -> None:
  if value not in choices:
    raise _error(field, value, f'be one of {", ".join(choices)}')


def _check_augment(augment: AugmentSettings) -> None:
  _check_choice('augment.kind', augment.kind, AUGMENTATIONS)
  for field, parse in (('transforms', transforms.parse), ('policy', transforms.parse_policy)):
    try:
      chosen = parse(getattr(augment, field))
    except ValueError as error:
      raise UserError(f'config field augment.{field}: {error}') from None
    if not chosen and augment.kind in ('ada', 'fixed'):
      raise UserError(f'config field augment.{field} leaves no transform: set augment.kind=none')
  if augment.kind == 'fixed' and not augment.p:
    raise _error('augment.p', augment.p, 'be greater than 0 where augment.kind=fixed')
  if augment.p_max is not None and augment.p > augment.p_max:
    raise _error('augment.p', augment.p, f'be at most augment.p_max = {augment.p_max}')


def _check_finetune(finetune: FinetuneSettings) -> None:
  """What is frozen at its random beginning never becomes anything."""
  for field in ('freeze_d', 'freeze_mapping'):
    value = getattr(finetune, field)
    if value and not finetune.start:
      raise UserError(
        f'config field finetune.{field} = {value} needs finetune.start, which is empty: name the '
        'run whose weights are to stay'
      )


def _check_metrics(metrics: MetricSettings) -> None:
  """What decides about the best checkpoint is measured."""
  try:
    chosen = names.parse(metrics.names)
  except UserError as error:
    raise UserError(f'config field metrics.names: {error}') from None
  if not metrics.best:
    return
  metric = names.of_value(chosen, metrics.best)
  values = names.value_names(metric) if metric else [each.headline for each in chosen]
  if metric is None or (values and metrics.best not in values):
    rule = f'be empty, or such as {" or ".join(values)}' if values else 'be empty without names'
    raise _error('metrics.best', metrics.best, rule)


def _check_image(data: DataSettings) -> None:
  sides = geometry.constant_sides(_parsed_aspect(data.aspect))
  nearest = geometry.nearest_resolutions(data.resolution, sides)
  if data.resolution not in nearest:
    *others, last = map(str, sides)
    factors = f'{", ".join(others)} or {last}' if others else last
    rule = f'be {factors} times a power of two'
    rule += f' for data.aspect={data.aspect}' if data.aspect != '1:1' else ''
    raise _error('data.resolution', data.resolution, f'{rule}, such as {_either(nearest)}')
  if not 1 <= data.channels <= 4:
    rule = 'be 1 (grey), 2 (grey with alpha), 3 (colour) or 4 (colour with alpha)'
    raise _error('data.channels', data.channels, rule)


def _parsed_aspect(aspect: str) -> tuple[int, int]:
  """(width, height) of a ratio in lowest terms that a network can have."""
  match = re.fullmatch(r'([1-9]\d{0,5}):([1-9]\d{0,5})', aspect, re.ASCII)
  if match is None:
    raise _error('data.aspect', repr(aspect), "be width:height in whole numbers, such as '4:3'")
  width, height = int(match[1]), int(match[2])
  common = math.gcd(width, height)
  lowest = width // common, height // common
  if not geometry.constant_sides(lowest):
    near = '{}:{}'.format(*geometry.nearest_aspect(lowest))
    largest = geometry.CONSTANT_SIDES[-1]
    raise _error('data.aspect', aspect, f'be of numbers up to {largest}, such as {near}')
  if common > 1:
    raise _error('data.aspect', aspect, 'be in lowest terms: {}:{}'.format(*lowest))
  return lowest


def _check_places(data: DataSettings) -> None:
  if not data.source:
    raise UserError(
      'config field data.source is empty: name a folder or zip of images, '
      'as in --config.data.source=photos.zip (the config of an imported model has none: to train '
      'on from its weights, use a preset and --config.finetune.start)'
    )
  if not data.dir:
    raise UserError('config field data.dir is empty: name a folder, such as datasets')


def _check_network(network: NetworkSettings, resolution: int) -> None:
  """`resolution` is the nominal one."""
  for field, choices in (
    ('g_architecture', ARCHITECTURES),
    ('d_architecture', ARCHITECTURES),
    ('demodulation', DEMODULATIONS),
    ('reduced_dtype', DTYPES),
  ):
    _check_choice(f'network.{field}', getattr(network, field), choices)
  if network.channel_base < resolution:
    rule = f'be at least {resolution}, to leave a channel at the highest resolution'
    raise _error('network.channel_base', network.channel_base, rule)
  width = min(network.channel_base // 4, network.channel_max)
  if network.mbstd_features and width % network.mbstd_features:
    rule = f'divide the {width} channels at the lowest resolution, or be 0 for no statistics'
    raise _error('network.mbstd_features', network.mbstd_features, rule)


def _check_batch(settings: Settings, num_devices: int) -> None:
  """batch_size = devices x micro-batches of a device x micro-batch; groups fill a micro-batch."""
  train = settings.train
  batch, chunk = train.batch_size, train.chunk_size
  group = settings.network.compared(chunk)
  if batch % num_devices:
    below = batch // num_devices * num_devices
    would_do = _either(n for n in (below, below + num_devices) if n)
    rule = f'be a multiple of the {num_devices} devices, such as {would_do}'
    raise _error('train.batch_size', batch, rule)
  if batch % chunk or (batch // chunk) % num_devices:
    per_device = batch // num_devices
    would_do = [n for n in range(1, per_device + 1) if per_device % n == 0]
    would_do = [n for n in would_do if n % settings.network.compared(n) == 0]
    choices = ', '.join(str(n) for n in would_do)
    place = f'{num_devices} devices' if num_devices > 1 else 'one device'
    rule = f'split the batch of {batch} evenly on {place}: one of {choices}'
    shown = train.micro_batch or '0 (the whole batch)'
    raise _error('train.micro_batch', shown, rule)
  if chunk % group:
    rule = f'divide the micro-batch of {chunk} (train.micro_batch, or the whole batch)'
    raise _error('network.mbstd_group', group, rule)
  if train.pl_weight and chunk < train.pl_batch_shrink:
    rule = f'be at most the micro-batch of {chunk}'
    raise _error('train.pl_batch_shrink', train.pl_batch_shrink, rule)


def _either(numbers: Iterable[int]) -> str:
  return ' or '.join(map(str, numbers))


def _error(field: str, value: object, rule: str) -> UserError:
  return UserError(f'config field {field} = {value} must {rule}')
