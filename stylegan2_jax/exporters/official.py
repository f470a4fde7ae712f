"""`export --format=official`: weights as the official PyTorch code names and shapes them.

The file holds a dict:

  G_ema        state dictionary of the generator (its average), all buffers included
  D            state dictionary of the discriminator, if it is there
  init_kwargs  {'G_ema': ..., 'D': ...}: what to build the two with
  notice       where imported weights came from and whose licence they carry; '' for own ones

In Python with the StyleGAN2-ADA code of the official PyTorch implementation:

  data = torch.load(path, weights_only=True)
  G = training.networks.Generator(**data['init_kwargs']['G_ema'])
  G.load_state_dict(data['G_ema'])

With that of StyleGAN3 (training.networks_stylegan2), whose generator takes the entries of
`synthesis_kwargs` as arguments of its own: Generator(**kwargs.pop('synthesis_kwargs'), **kwargs).

Names and shapes were checked against the state of the reference file official_r32_c0.pkl, and the
numbers of buffers against those of the official networks of every architecture. That the official
code loads the file has not been seen: it was not at hand.
"""

import os
from collections.abc import Mapping

import jax
import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.torch_writer import write_torch
from stylegan2_jax.files import replacing
from stylegan2_jax.geometry import nominal_resolution, size_text
from stylegan2_jax.importers.official_names import from_tree
from stylegan2_jax.ops.fir import RESAMPLE_TAPS
from stylegan2_jax.settings import NetworkSettings

_UNFILTERED = ('affine', 'torgb', 'fc', 'out')  # layers of the official code without taps


def write_official(gan: StyleGAN2, path: str | os.PathLike) -> None:
  """Writes the weights of a model for the official PyTorch code.

  Args:
    gan: the model; without its discriminator the file has none either.
    path: of the file, by custom a .pt.

  Raises:
    UserError: the official code has no such networks.
    OSError: it cannot be written; then there is no file, or the one that was there before.
  """
  content = official(gan)
  with replacing(path) as file:
    write_torch(file, content)


def official(gan: StyleGAN2) -> dict:
  """What `write_official` writes: dicts of float32 arrays and plain values.

  Raises:
    UserError: the official code has no such networks.
  """
  network = gan.settings.network
  _check_representable(network, gan.settings.data.size)
  weights = jax.tree.map(lambda x: np.asarray(x, np.float32), dict(gan.params))
  kwargs = {'G_ema': generator_kwargs(gan)}
  states = {'G_ema': generator_state(weights, network.noise)}
  if 'discriminator' in weights:
    kwargs['D'] = discriminator_kwargs(gan)
    states['D'] = discriminator_state(weights['discriminator'])
  return {**states, 'init_kwargs': kwargs, 'notice': gan.notice}


def generator_state(weights: Mapping, noise: bool = True) -> dict[str, np.ndarray]:
  """Parameters and buffers of a generator by official name.

  `weights`: generator, w_avg and noise_maps, as `StyleGAN2.params`; the maps belong to a generator
  that adds `noise`.
  """
  state = _with_filters(from_tree(weights['generator']), prefix='synthesis.')
  if noise:
    for block, layers in weights['noise_maps'].items():
      state |= {f'synthesis.{block}.{layer}.noise_const': x for layer, x in layers.items()}
  return {**state, 'mapping.w_avg': weights['w_avg']}


def discriminator_state(params: Mapping) -> dict[str, np.ndarray]:
  """Parameters and buffers of a discriminator by official name."""
  state = _with_filters(from_tree(params), prefix='')
  del state['b4.resample_filter']  # the last block resamples nothing
  return state


def _with_filters(state, prefix):
  """With the taps that each block and each of its convolutions has, whether it resamples or not."""
  layers = {name.rpartition('.')[0] for name in state if name.startswith(f'{prefix}b')}
  layers = {name for name in layers if name.rpartition('.')[2] not in _UNFILTERED}
  blocks = {'.'.join(name.split('.')[: prefix.count('.') + 1]) for name in layers}
  taps = np.asarray(RESAMPLE_TAPS, np.float32)
  taps = np.outer(taps, taps) / taps.sum() ** 2
  return state | {f'{name}.resample_filter': taps for name in sorted(layers | blocks)}


def generator_kwargs(gan: StyleGAN2) -> dict:
  """Arguments of the official class `Generator`."""
  network, data = gan.settings.network, gan.settings.data
  return {
    'z_dim': network.z_dim,
    'c_dim': gan.c_dim,
    'w_dim': network.w_dim,
    'img_resolution': data.size[0],
    'img_channels': data.channels,
    'mapping_kwargs': {'num_layers': network.mapping_layers},
    'synthesis_kwargs': {
      **_common_kwargs(network),
      'architecture': network.g_architecture,
      'use_noise': network.noise,
    },
  }


def discriminator_kwargs(gan: StyleGAN2) -> dict:
  """Arguments of the official class `Discriminator`."""
  network, data = gan.settings.network, gan.settings.data
  return {
    'c_dim': gan.c_dim,
    'img_resolution': data.size[0],
    'img_channels': data.channels,
    'architecture': network.d_architecture,
    **_common_kwargs(network),
    'mapping_kwargs': {'num_layers': network.d_mapping_layers},
    'epilogue_kwargs': {
      'mbstd_group_size': network.mbstd_group,
      'mbstd_num_channels': network.mbstd_features,
    },
  }


def _common_kwargs(network: NetworkSettings) -> dict:
  """The official code has one reduced precision, float16; its clamp is on in any precision."""
  half = 0 if network.reduced_dtype == 'float32' else network.num_reduced
  clamp = network.clamp if network.num_reduced else None
  if clamp is not None and clamp.is_integer():
    clamp = int(clamp)  # old versions of PyTorch let no float into a file of weights
  return {
    'channel_base': network.channel_base,
    'channel_max': network.channel_max,
    'num_fp16_res': half,
    'conv_clamp': clamp,
  }


def _check_representable(network, size):
  resolution = nominal_resolution(size)
  if size != (resolution, resolution):
    raise UserError(
      f'the official code has no networks for {size_text(size)}, only for squares of a power '
      'of two: export such a model, or leave out --format=official'
    )
  for field, ours, official_one in (
    ('demodulation', network.demodulation, 'weights'),
    ('equalized_lr', network.equalized_lr, True),
  ):
    if ours != official_one:
      raise UserError(
        f'the official code has no networks with network.{field} = {ours}: export a model trained '
        f'with {official_one}, or leave out --format=official'
      )
