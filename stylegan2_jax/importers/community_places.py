"""Where the community PyTorch version keeps what a leaf of ours holds, and in which form."""

import numpy as np

from stylegan2_jax.importers.filling import Path, Place

_MATRIX = (1, 0)  # [out, in] -> [in, out]
_KERNEL = (2, 3, 1, 0)  # OIHW -> HWIO


def generator_place(path: Path) -> Place:
  """Where a parameter of the generator is.

  >>> generator_place(('synthesis', 'b16', 'conv1', 'affine', 'bias')).name
  'convs.3.conv.modulation.bias'
  """
  if path[0] == 'mapping':
    layer, kind = path[1:]
    return _dense(f'style.{int(layer[2:]) + 1}.{kind}')  # style.0 normalises z
  block, layer, *rest = path[1:]
  if layer == 'const':
    return Place('input.input', lambda a: np.squeeze(a, 0).transpose(1, 2, 0))
  scope = _scope(_level(block), layer)
  if rest[0] == 'affine':
    return _dense(f'{scope}.conv.modulation.{rest[1]}')
  if rest[0] == 'weight':
    return Place(f'{scope}.conv.weight', lambda a: np.squeeze(a, 0).transpose(_KERNEL))
  if rest[0] == 'noise_strength':
    return Place(f'{scope}.noise.weight', lambda a: a.reshape(()))
  if layer == 'torgb':
    return Place(f'{scope}.bias', lambda a: np.squeeze(a, (0, 2, 3)))
  return Place(f'{scope}.activate.bias')


def noise_place(path: Path) -> Place:
  """Where a noise map is."""
  number = 2 * _level(path[0]) - (1 if path[1] == 'conv0' else 0)
  return Place(f'noises.noise_{number}', lambda a: np.squeeze(a, (0, 1)))


def discriminator_place(path: Path, resolution: int) -> Place:
  """Where a parameter of the discriminator of some resolution is."""
  block, layer, kind = path
  if layer in ('fc', 'out'):
    return _dense(f'final_linear.{("fc", "out").index(layer)}.{kind}')
  number = _level(f'b{resolution}') - _level(block) + 1  # convs.0 is FromRGB
  scope, first = {
    'fromrgb': ('convs.0', 0),
    'conv0': (f'convs.{number}.conv1', 0),
    'conv1': (f'convs.{number}.conv2', 1),  # 0 is the filter
    'skip': (f'convs.{number}.skip', 1),
    'conv': ('final_conv', 0),
  }[layer]
  if kind == 'weight':
    return Place(f'{scope}.{first}.weight', lambda a: a.transpose(_KERNEL))
  return Place(f'{scope}.{first + 1}.bias')


def _level(block):
  """Doublings from 4×4 to a block: 'b16' -> 2."""
  return int(block[1:]).bit_length() - 3


def _scope(level, layer):
  if layer == 'torgb':
    return f'to_rgbs.{level - 1}' if level else 'to_rgb1'
  return f'convs.{2 * level - (2 if layer == "conv0" else 1)}' if level else 'conv1'


def _dense(name):
  return Place(name, lambda a: a.transpose(_MATRIX) if name.endswith('weight') else a)
