"""What the arguments of the official TensorFlow networks say, as settings of this project.

The networks take any keyword argument and keep quiet about those they do not know; so each that a
file names is either understood here, or known to change nothing, or refused by name.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers.filling import MOST_CHANNELS
from stylegan2_jax.networks.layers import num_channels
from stylegan2_jax.validation import ARCHITECTURES
from stylegan2_jax.words import one_line

# Of sampling, of training, or of how the same thing is computed.
_WITHOUT_EFFECT = {
  'truncation_psi', 'truncation_cutoff', 'truncation_psi_val', 'truncation_cutoff_val',
  'dlatent_avg_beta', 'style_mixing_prob', 'mapping_func', 'synthesis_func', 'dlatent_broadcast',
  'randomize_noise', 'fused_modconv', 'structure', 'augment_strength', 'pagan_num', 'pagan_fade',
  'freeze_layers', 'w_avg_beta',
}  # fmt: skip
# What has but one value here.
_FIXED = {
  'fmap_decay': 1,
  'nonlinearity': 'lrelu',
  'mapping_nonlinearity': 'lrelu',
  'normalize_latents': True,
  'dtype': 'float32',
  'resample_kernel': [1, 3, 3, 1],
  'return_dlatents': False,
  'use_pagan': False,
  'use_spectral_norm': False,
  'adaptive_dropout': 0,
  'score_size': 1,
  'score_max': 1,
}
_LONGEST = 16  # of an argument that is an array; others are refused, and need not be shown
_LARGEST = 1 << 20  # of any size: beyond every network, and small enough to compute with
_MOST_LAYERS = 100  # of a mapping network; building thousands would take minutes


@dataclasses.dataclass(frozen=True)
class Sizes:
  """What both networks of a file must agree on."""

  resolution: int
  channels: int
  c_dim: int
  channel_base: int
  channel_max: int
  num_reduced: int
  clamp: float | None


class Arguments:
  """The keyword arguments of one network."""

  def __init__(self, owner: str, values: Mapping[str, Any]):
    """`owner`: whose they are, for messages."""
    self._owner = owner
    self._values = {name: _plain(value) for name, value in values.items()}
    self._known = _WITHOUT_EFFECT | _FIXED.keys()
    for name, only in _FIXED.items():
      if name in self._values and self._values[name] != only:
        raise self.refusal(name)

  def value(self, name: str, default: Any) -> Any:
    """An argument, or what the network takes where it is not given."""
    self._known = self._known | {name}
    return self._values.get(name, default)

  def whole(self, name: str, default: int, least: int = 0, most: int = _LARGEST) -> int:
    """An argument that is a whole number."""
    value = self.value(name, default)
    if isinstance(value, float) and value.is_integer():
      value = int(value)
    if type(value) is not int or not least <= value <= most:
      raise self.refusal(name)
    return value

  def number(self, name: str, default: float | None) -> float | None:
    """An argument that is a positive number, or None if that is the default."""
    value = self.value(name, default)
    if value is None and default is None:
      return None
    if type(value) not in (int, float) or not 0 < value < float('inf'):
      raise self.refusal(name)
    return float(value)

  def only(self, name: str, *allowed: Any) -> None:
    """Refuses an argument that is given and is none of the values."""
    if self.value(name, allowed[0]) not in allowed:
      raise self.refusal(name)

  def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
    """An argument that is one of some words."""
    value = self.value(name, default)
    if value not in choices:
      raise self.refusal(name)
    return value

  def check_all_known(self) -> None:
    """Refuses arguments that nobody asked for."""
    for name in self._values:
      if name not in self._known:
        raise self.refusal(name)

  def refusal(self, name: str) -> UserError:
    """The line for an argument that this project's networks cannot do."""
    return UserError(
      f'{self._owner} was made with {one_line(name)}={one_line(repr(self._values.get(name)))}, '
      'which the networks here do not have: it cannot be imported'
    )


def sizes(arguments: Arguments) -> Sizes:
  """What G and D have in common."""
  found = Sizes(
    resolution=arguments.whole('resolution', 1024, least=4, most=4096),
    channels=arguments.whole('num_channels', 3, 1, MOST_CHANNELS),
    c_dim=arguments.whole('label_size', 0),
    channel_base=2 * arguments.whole('fmap_base', 16384, least=1),
    channel_max=arguments.whole('fmap_max', 512, least=1),
    num_reduced=arguments.whole('num_fp16_res', 0),
    clamp=arguments.number('conv_clamp', None),
  )
  resolution = found.resolution
  if resolution & (resolution - 1):
    raise arguments.refusal('resolution')
  narrowest = num_channels(resolution, found.channel_base, found.channel_max)
  if not narrowest or arguments.whole('fmap_min', 1) > narrowest:
    raise arguments.refusal('fmap_min' if narrowest else 'fmap_base')
  return found


def generator_settings(arguments: Arguments) -> tuple[Sizes, dict[str, Any], float]:
  """(common sizes, fields of NetworkSettings, learning-rate multiplier of the mapping).

  Raises:
    UserError: names an argument that cannot be represented.
  """
  common = sizes(arguments)
  layers = arguments.whole('mapping_layers', 8, 1, _MOST_LAYERS)
  z_dim = arguments.whole('latent_size', 512, least=1)
  w_dim = arguments.whole('dlatent_size', 512, least=1)
  if layers > 1:
    arguments.only('mapping_fmaps', None, w_dim)
  arguments.value('mapping_fmaps', None)
  if common.c_dim and arguments.value('label_fmaps', None) is None and z_dim != w_dim:
    raise arguments.refusal('label_fmaps')  # by default as wide as z, here as w
  arguments.only('label_fmaps', None, w_dim)
  arguments.only('fmap_const', None, num_channels(4, common.channel_base, common.channel_max))
  fields = {
    'z_dim': z_dim,
    'w_dim': w_dim,
    'mapping_layers': layers,
    'g_architecture': arguments.choice('architecture', 'skip', ARCHITECTURES),
    'noise': bool(arguments.value('use_noise', True)),
  }
  multiplier = arguments.number('mapping_lrmul', 0.01)
  arguments.check_all_known()
  return common, fields, multiplier


def discriminator_settings(
  arguments: Arguments, groups_by_default: bool
) -> tuple[Sizes, dict[str, Any], float]:
  """(common sizes, fields of NetworkSettings, learning-rate multiplier of the mapping).

  `groups_by_default`: whether the group of the minibatch standard deviation is 4 unless given, as
  in StyleGAN2, where groups of 0 or 1 switch it off; else it is the whole batch, as in ADA's code.

  Raises:
    UserError: names an argument that cannot be represented.
  """
  common = sizes(arguments)
  width = num_channels(4, common.channel_base, common.channel_max)
  arguments.only('mapping_fmaps', None, width)
  features = arguments.whole('mbstd_num_features', 1)
  if arguments.value('mbstd_group_size', 4 if groups_by_default else None) is None:
    group = None
  else:
    group = arguments.whole('mbstd_group_size', 4)
    if group <= 1:
      features = 0 if groups_by_default or not group else features
      group = 1
  if features and width % features:
    raise arguments.refusal('mbstd_num_features')
  fields = {
    'd_mapping_layers': arguments.whole('mapping_layers', 0, 0, _MOST_LAYERS),
    'd_architecture': arguments.choice('architecture', 'resnet', ARCHITECTURES),
    'mbstd_group': group,
    'mbstd_features': features,
  }
  multiplier = arguments.number('mapping_lrmul', 0.1)
  arguments.check_all_known()
  return common, fields, multiplier


def _plain(value):
  """NumPy's numbers and short sequences as Python's."""
  if isinstance(value, np.generic | np.ndarray):
    return value.tolist() if value.size <= _LONGEST else f'an array of {value.size}'
  return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
