"""Where the official TensorFlow networks keep what a leaf of ours holds, and in which form.

Names are those of variables, with those of their component in front: mapping/, synthesis/. Kernels
are HWIO and dense weights [in, out], as here. What differs: the kernels of G's convolutions that
double the resolution are flipped, the bias of a style affine is stored without its 1, and what is
one value or one map has axes of length 1.
"""

import numpy as np

from stylegan2_jax.importers.filling import Path, Place
from stylegan2_jax.networks.mapping import MAPPING_LR_MULTIPLIER


def generator_place(path: Path, multiplier: float = MAPPING_LR_MULTIPLIER) -> Place:
  """Where a parameter of the generator is; `multiplier`: the learning rate's in the mapping.

  >>> generator_place(('synthesis', 'b8', 'conv0', 'affine', 'weight')).name
  'synthesis/8x8/Conv0_up/mod_weight'
  """
  if path[0] == 'mapping':
    return _mapping_place(path[1:], 'mapping/LabelEmbed', 'mapping/Dense', multiplier)
  block, layer, *rest = path[1:]
  r = int(block[1:])
  scope = f'synthesis/{r}x{r}'
  if layer == 'const':
    return Place(f'{scope}/Const/const', lambda a: np.squeeze(a, 0).transpose(1, 2, 0))
  names = {'conv0': 'Conv0_up', 'conv1': 'Conv1', 'torgb': 'ToRGB', 'skip': 'Skip'}
  name = 'Conv' if (r, layer) == (4, 'conv1') else names[layer]
  if rest == ['weight'] and layer in ('conv0', 'skip'):
    return Place(f'{scope}/{name}/weight', lambda a: a[::-1, ::-1])
  if rest == ['affine', 'bias']:
    return Place(f'{scope}/{name}/mod_bias', lambda a: a + 1)
  if rest == ['noise_strength']:
    return Place(f'{scope}/{name}/noise_strength', _scalar)
  return Place(f'{scope}/{name}/{"mod_" if rest[0] == "affine" else ""}{rest[-1]}')


def noise_place(path: Path) -> Place:
  """Where a noise map is: ('b8', 'conv0') -> noise1 [1, 1, 8, 8]."""
  level = int(path[0][1:]).bit_length() - 1
  number = 2 * level - (5 if path[1] == 'conv0' else 4)
  return Place(f'synthesis/noise{number}', lambda a: np.squeeze(a, (0, 1)))


def discriminator_place(path: Path, multiplier: float = MAPPING_LR_MULTIPLIER) -> Place:
  """Where a parameter of the discriminator is."""
  if path[0] == 'mapping':
    return _mapping_place(path[1:], 'LabelEmbed', 'Mapping', multiplier)
  block, layer, kind = path
  if layer == 'out':
    return Place(f'Output/{kind}')
  names = {'fromrgb': 'FromRGB', 'conv0': 'Conv0', 'conv1': 'Conv1_down', 'skip': 'Skip'}
  names |= {'conv': 'Conv', 'fc': 'Dense0'}
  r = int(block[1:])
  return Place(f'{r}x{r}/{names[layer]}/{kind}')


def _mapping_place(path, embed, dense, multiplier):
  """What is stored is divided by the multiplier: another one's values become ours."""
  layer, kind = path
  if layer == 'embed':
    return Place(f'{embed}/{kind}')
  ratio = np.float64(multiplier / MAPPING_LR_MULTIPLIER)
  scale = (lambda a: a) if ratio == 1 else (lambda a: a * ratio)
  return Place(f'{dense}{layer.removeprefix("fc")}/{kind}', scale)


def _scalar(array):
  """[] or [1] to []."""
  return array.reshape(())
