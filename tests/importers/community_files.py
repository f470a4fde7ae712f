"""State dictionaries in the layout of the community PyTorch version, of weights of this project.

The names and forms are written out here a second time, the other way round.
"""

import numpy as np

_TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64


def generator_state(params, maps) -> dict[str, np.ndarray]:
  """Of `g` or `g_ema`."""
  mapping, synthesis = params['mapping'], params['synthesis']
  state = {}
  for layer, values in mapping.items():
    state |= _dense(f'style.{int(layer[2:]) + 1}', values)
  state['input.input'] = np.asarray(synthesis['b4']['const']).transpose(2, 0, 1)[None]
  state |= _styled('conv1', synthesis['b4']['conv1'])
  state |= _to_rgb('to_rgb1', synthesis['b4']['torgb'])
  state['noises.noise_0'] = np.asarray(maps['b4']['conv1'])[None, None]
  for level in range(1, len(synthesis)):
    block, noise = synthesis[f'b{4 << level}'], maps[f'b{4 << level}']
    state |= _styled(f'convs.{2 * level - 2}', block['conv0'])
    state[f'convs.{2 * level - 2}.conv.blur.kernel'] = _TAPS * 4
    state |= _styled(f'convs.{2 * level - 1}', block['conv1'])
    state |= _to_rgb(f'to_rgbs.{level - 1}', block['torgb'])
    state[f'to_rgbs.{level - 1}.upsample.kernel'] = _TAPS * 4
    state[f'noises.noise_{2 * level - 1}'] = np.asarray(noise['conv0'])[None, None]
    state[f'noises.noise_{2 * level}'] = np.asarray(noise['conv1'])[None, None]
  return state


def discriminator_state(params) -> dict[str, np.ndarray]:
  """Of `d`."""
  blocks = sorted((int(name[1:]) for name in params if name[0] == 'b'), reverse=True)
  state = _conv('convs.0', params[f'b{blocks[0]}']['fromrgb'])
  for number, r in enumerate(blocks[:-1], 1):
    block = params[f'b{r}']
    state |= _conv(f'convs.{number}.conv1', block['conv0'])
    state[f'convs.{number}.conv2.0.kernel'] = _TAPS
    state |= _conv(f'convs.{number}.conv2', block['conv1'], 1)
    state[f'convs.{number}.skip.0.kernel'] = _TAPS
    state |= _conv(f'convs.{number}.skip', block['skip'], 1)
  state |= _conv('final_conv', params['b4']['conv'])
  state |= _dense('final_linear.0', params['b4']['fc'])
  return state | _dense('final_linear.1', params['b4']['out'])


def _dense(name, values):
  weight, bias = np.asarray(values['weight']), np.asarray(values['bias'])
  return {f'{name}.weight': weight.T, f'{name}.bias': bias}


def _conv(name, values, first=0):
  state = {f'{name}.{first}.weight': np.asarray(values['weight']).transpose(3, 2, 0, 1)}
  if 'bias' in values:
    state[f'{name}.{first + 1}.bias'] = np.asarray(values['bias'])
  return state


def _styled(name, layer):
  return {
    f'{name}.conv.weight': np.asarray(layer['weight']).transpose(3, 2, 0, 1)[None],
    **_dense(f'{name}.conv.modulation', layer['affine']),
    f'{name}.noise.weight': np.asarray(layer['noise_strength'])[None],
    f'{name}.activate.bias': np.asarray(layer['bias']),
  }


def _to_rgb(name, layer):
  return {
    f'{name}.conv.weight': np.asarray(layer['weight']).transpose(3, 2, 0, 1)[None],
    **_dense(f'{name}.conv.modulation', layer['affine']),
    f'{name}.bias': np.asarray(layer['bias'])[None, :, None, None],
  }
