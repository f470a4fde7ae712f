"""What the modules of an official PyTorch network say of themselves, as this project's settings."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import block_resolutions
from stylegan2_jax.importers.network_fields import precision_fields, width_fields
from stylegan2_jax.importers.official_modules import Module, check_layers
from stylegan2_jax.words import one_line

_RESOLUTIONS = tuple(2**level for level in range(2, 13))


def generator_fields(module: Module) -> tuple[dict[str, Any], int, int, int]:
  """(fields of NetworkSettings, resolution, channels, c_dim) of a generator.

  Raises:
    UserError: it is damaged, or none that this project has.
  """
  mapping, synthesis = module.child('mapping'), module.child('synthesis')
  if 'b4' not in synthesis.children():
    raise UserError(
      f'{module.owner} is no StyleGAN2 (its layers have other names, as those of the alias-free '
      'generators of StyleGAN3): only StyleGAN2 networks can be imported'
    )
  resolution = _resolution(module)
  blocks = _blocks(synthesis, resolution)
  fields = {
    'z_dim': mapping.whole('z_dim', 1),
    'w_dim': mapping.whole('w_dim', 1),
    'mapping_layers': _mapping_layers(mapping),
    'g_architecture': _same(blocks, 'architecture', 'orig', 'skip', 'resnet'),
    **width_fields({r: _width(b.child('conv1')) for r, b in blocks.items()}, module.owner),
    **_precision(blocks, [b.child(n) for b in blocks.values() for n in _activated(b)]),
  }
  layers = [block.child(n) for block in blocks.values() for n in _activated(block) if n != 'torgb']
  check_layers(synthesis)
  noise = {layer.one_of('use_noise', True, False) for layer in layers}
  if len(noise) > 1:
    raise UserError(f'{module.owner} adds noise in some layers only: it cannot be imported')
  fields['noise'] = noise.pop()
  return fields, resolution, module.whole('img_channels', 1, 64), module.whole('c_dim')


def discriminator_fields(
  module: Module, g_fields: Mapping[str, Any], resolution: int, channels: int, c_dim: int
) -> dict[str, Any]:
  """Fields of NetworkSettings that a discriminator adds to those of its generator.

  Raises:
    UserError: it is damaged, or none that this project has beside this generator.
  """
  for name, expected in (
    ('img_resolution', resolution),
    ('img_channels', channels),
    ('c_dim', c_dim),
  ):
    if module.whole(name) != expected:
      raise UserError(f'{module.owner} has {name}={module.whole(name)}, its generator {expected}')
  blocks = _blocks(module, resolution)
  epilogue = blocks[4]
  upper = {r: block for r, block in blocks.items() if r > 4}
  check_layers(module)
  convolutions = [block.child(name) for block in upper.values() for name in ('conv0', 'conv1')]
  convolutions.append(epilogue.child('conv'))
  widths = {r: _width(block.child('conv0')) for r, block in upper.items()}
  widths = width_fields({**widths, 4: _width(epilogue.child('conv'))}, module.owner)
  precision = _precision(blocks, convolutions)
  for name, value in (*widths.items(), ('clamp', precision['clamp'])):
    if g_fields[name] != value:
      raise UserError(
        f'{module.owner} has {name} {value} and its generator {g_fields[name]}, '
        'which one config here cannot describe'
      )
  mbstd = epilogue.children().get('mbstd')
  fields = {
    'd_architecture': _same(blocks, 'architecture', 'orig', 'skip', 'resnet'),
    'mbstd_features': 0 if mbstd is None else mbstd.whole('num_channels', 1),
  }
  if fields['mbstd_features'] and _width(epilogue.child('conv')) % fields['mbstd_features']:
    raise UserError(
      f'{mbstd.owner} has num_channels={fields["mbstd_features"]}, which does not divide its width'
    )
  if mbstd is not None:
    whole_batch = mbstd.state.get('group_size') is None
    fields['mbstd_group'] = None if whole_batch else mbstd.whole('group_size', 1)
  if c_dim:
    fields['d_mapping_layers'] = _mapping_layers(module.child('mapping'))
  return fields


def _resolution(module: Module) -> int:
  resolution = module.whole('img_resolution')
  if resolution not in _RESOLUTIONS:
    raise UserError(f'{module.owner} has img_resolution={resolution}: it is damaged')
  return resolution


def _blocks(module: Module, resolution: int) -> dict[int, Module]:
  return {r: module.child(f'b{r}') for r in block_resolutions(resolution)}


def _activated(block: Module) -> list[str]:
  """The layers of a block of G that are clamped."""
  return [name for name in ('conv0', 'conv1', 'torgb') if name in block.children()]


def _same(blocks: Mapping[int, Module], name: str, *known: str) -> str:
  """An attribute that all blocks share."""
  found = {block.one_of(name, *known) for block in blocks.values()}
  if len(found) > 1:
    raise UserError(f'{blocks[4].owner} and other blocks differ in {name}: it cannot be imported')
  return found.pop()


def _mapping_layers(mapping: Module) -> int:
  """The number of layers, which must be like those of this project, but for their multiplier."""
  count = mapping.whole('num_layers', 0, 64)
  for i in range(count):
    mapping.child(f'fc{i}').one_of('activation', 'lrelu')
  return count


def _width(layer: Module) -> int:
  """The number of a convolution's channels: those of its bias."""
  (bias,) = [array for name, array in layer.arrays() if name == 'bias'] or [None]
  if bias is None or np.ndim(bias) != 1 or not np.size(bias):
    raise UserError(f'{layer.owner} has no bias: it is damaged, or not a StyleGAN2')
  return int(np.size(bias))


def _precision(blocks: Mapping[int, Module], layers: list[Module]) -> dict[str, Any]:
  """num_reduced, reduced_dtype and clamp."""
  count = sum(block.state.get('use_fp16') is True for block in blocks.values())
  clamp = layers[0].state.get('conv_clamp')
  if any(layer.state.get('conv_clamp') != clamp for layer in layers):
    raise UserError(
      f'{layers[0].owner} and other layers differ in conv_clamp: it cannot be imported'
    )
  if clamp is not None and (type(clamp) not in (int, float) or not 0 < clamp < float('inf')):
    raise UserError(f'{layers[0].owner} has conv_clamp={one_line(clamp, 30)}: it is damaged')
  return precision_fields(count, None if clamp is None else float(clamp))
