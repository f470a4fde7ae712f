"""Pickles in the layout of the official PyTorch code, made from weights of this project.

What a module says of itself is written out here a second time, after the published classes.
"""

import numpy as np

from stylegan2_jax.importers.official_names import from_tree
from tests.importers.hand_pickles import Made, Tensor

_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64


def module(name, arrays=None, modules=None, buffers=None, **attributes):
  """A module of the class `name`."""
  parameters = {
    key: Made('torch._utils._rebuild_parameter', Tensor(x), True, Made('collections.OrderedDict'))
    for key, x in (arrays or {}).items()
  }
  state = {
    'training': False,
    '_parameters': Made('collections.OrderedDict', items=parameters),
    '_buffers': {key: Tensor(np.asarray(x, np.float32)) for key, x in (buffers or {}).items()},
    '_non_persistent_buffers_set': set(),
    '_forward_hooks': Made('collections.OrderedDict'),
    '_modules': Made('collections.OrderedDict', items=modules or {}),
    **attributes,
  }
  meta = {'type': 'class', 'version': 6, 'module_src': 'raise SystemExit', 'class_name': name}
  return Made('torch_utils.persistence._reconstruct_persistent_obj', meta | {'state': state})


def generator(params, maps, w_avg, network, resolution, channels=3, c_dim=0, changes=None):
  """G or G_ema. `changes`: of attributes, by 'b8.conv0.activation'."""
  arrays = _nested(from_tree(params))
  mapping = _mapping(arrays['mapping'], network.z_dim, c_dim, network.w_dim)
  mapping.arguments[0]['state']['_buffers'] = {'w_avg': Tensor(np.asarray(w_avg, np.float32))}
  blocks = {}
  for name, layers in arrays['synthesis'].items():
    const = {'const': layers.pop('const')} if 'const' in layers else {}
    inner = {}
    for layer, values in layers.items():
      affine = {'affine': _dense(values['affine'])} if 'affine' in values else {}
      own = {key: x for key, x in values.items() if key != 'affine'}
      clamp = None if layer == 'skip' else network.clamp
      common = {'activation': 'linear' if layer == 'skip' else 'lrelu', 'conv_clamp': clamp}
      if layer in ('conv0', 'conv1'):
        common['use_noise'] = network.noise
        buffers = {'resample_filter': _FILTER}
        if network.noise:
          buffers['noise_const'] = maps[name][layer]
        inner[layer] = module('SynthesisLayer', own, affine, buffers, **common)
      elif layer == 'torgb':
        inner[layer] = module('ToRGBLayer', own, affine, conv_clamp=clamp)
      else:
        inner[layer] = module('Conv2dLayer', own, {}, {'resample_filter': _FILTER}, **common)
    blocks[name] = module(
      'SynthesisBlock', const, inner, {'resample_filter': _FILTER},
      architecture=network.g_architecture, use_fp16=_fp16(name, network, resolution),
    )  # fmt: skip
  synthesis = module('SynthesisNetwork', modules=blocks, w_dim=network.w_dim)
  sizes = {'z_dim': network.z_dim, 'c_dim': c_dim, 'w_dim': network.w_dim}
  sizes |= {'img_resolution': resolution, 'img_channels': channels}
  return _changed(
    module('Generator', modules={'synthesis': synthesis, 'mapping': mapping}, **sizes), changes
  )


def discriminator(params, network, resolution, channels=3, c_dim=0, changes=None):
  """D; `changes` as in `generator`."""
  arrays = _nested(from_tree(params))
  modules = {}
  for name, layers in arrays.items():
    if name == 'mapping':
      modules[name] = _mapping(layers, 0, c_dim, _out(layers))
      continue
    inner = {}
    for layer, values in layers.items():
      if layer in ('fc', 'out'):
        inner[layer] = _dense(values, 'lrelu' if layer == 'fc' else 'linear')
        continue
      linear = layer == 'skip'
      clamped = not linear and (name, layer) != ('b4', 'fromrgb')
      inner[layer] = module(
        'Conv2dLayer', values, {}, {'resample_filter': _FILTER},
        activation='linear' if linear else 'lrelu',
        conv_clamp=network.clamp if clamped else None,
      )  # fmt: skip
    common = {'architecture': network.d_architecture}
    if name == 'b4':
      if network.mbstd_features:
        inner['mbstd'] = module(
          'MinibatchStdLayer', group_size=network.mbstd_group, num_channels=network.mbstd_features
        )
      modules[name] = module('DiscriminatorEpilogue', modules=inner, **common)
    else:
      common['use_fp16'] = _fp16(name, network, resolution)
      buffers = {'resample_filter': _FILTER}
      modules[name] = module('DiscriminatorBlock', {}, inner, buffers, **common)
  sizes = {'c_dim': c_dim, 'img_resolution': resolution, 'img_channels': channels}
  return _changed(module('Discriminator', modules=modules, **sizes), changes)


def inner(made, *names):
  """The state of a module inside of a module."""
  for name in names:
    made = made.arguments[0]['state']['_modules'].items[name]
  return made.arguments[0]['state']


def _changed(made, changes):
  for path, value in (changes or {}).items():
    *names, attribute = path.split('.')
    inner(made, *names)[attribute] = value
  return made


def _mapping(layers, z_dim, c_dim, w_dim):
  dense = {
    name: _dense(values, *(() if name == 'embed' else ('lrelu', 0.01)))
    for name, values in layers.items()
  }
  count = sum(name.startswith('fc') for name in layers)
  sizes = {'z_dim': z_dim, 'c_dim': c_dim, 'w_dim': w_dim, 'num_layers': count}
  return module('MappingNetwork', modules=dense, **sizes)


def _dense(values, activation='linear', multiplier=1):
  gains = {'weight_gain': multiplier / values['weight'].shape[1] ** 0.5, 'bias_gain': multiplier}
  return module('FullyConnectedLayer', values, activation=activation, **gains)


def _out(layers):
  return max((name, values) for name, values in layers.items())[1]['weight'].shape[0]


def _fp16(block, network, resolution):
  r = int(block[1:])
  return bool(network.num_reduced) and r >= max(2 * resolution >> network.num_reduced, 8)


def _nested(flat):
  tree = {}
  for name, value in flat.items():
    *path, leaf = name.split('.')
    place = tree
    for part in path:
      place = place.setdefault(part, {})
    place[leaf] = np.asarray(value, np.float32)
  return tree
