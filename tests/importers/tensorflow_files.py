"""Pickles in the layout of the official TensorFlow code, made from weights of this project.

The names and forms are written out here a second time, the other way round.
"""

import contextlib
import functools
import io
import pickle
import sys
import types

import jax.numpy as jnp
import numpy as np

from stylegan2_jax.importers import tensorflow
from stylegan2_jax.importers.pickle_reader import Object
from stylegan2_jax.networks.builder import variable_shapes
from tests import helpers


class Network:
  """Pickled as dnnlib.tflib.network.Network."""

  def __init__(self, **state):
    self.__dict__.update(state)


class EasyDict(dict):
  """Pickled as dnnlib.util.EasyDict."""


@contextlib.contextmanager
def _dnnlib():
  """Lets pickle find the classes where the published files name them."""
  classes = {'dnnlib.tflib.network': Network, 'dnnlib.util': EasyDict}
  names = ('dnnlib', 'dnnlib.tflib', *classes)
  sys.modules |= {name: types.ModuleType(name) for name in names}
  for name, cls in classes.items():
    setattr(sys.modules[name], cls.__name__, cls)
    cls.__module__ = name
  try:
    yield
  finally:
    for name in names:
      del sys.modules[name]


def pickled(value, protocol: int = 3) -> bytes:
  """The pickle. Published ones are of protocol 2 or 3 and have the names of NumPy before 2."""
  buffer = io.BytesIO()
  with _dnnlib():
    pickle.dump(value, buffer, protocol)
  return buffer.getvalue().replace(b'cnumpy._core.multiarray\n', b'cnumpy.core.multiarray\n')


def generator(params, maps, w_avg, size: int, kwargs: dict, **changes) -> Network:
  """G or Gs. `changes`: variables to put in place of those made; None takes one away."""
  mapping, synthesis = params['mapping'], params['synthesis']
  variables = {'lod': np.float32(0), 'dlatent_avg': np.asarray(w_avg)}
  for layer, values in mapping.items():
    name = 'LabelEmbed' if layer == 'embed' else f'Dense{layer[2:]}'
    variables |= {f'mapping/{name}/{kind}': np.asarray(x) for kind, x in values.items()}
  variables['synthesis/4x4/Const/const'] = np.asarray(synthesis['b4']['const']).transpose(2, 0, 1)[
    None
  ]
  number = 0
  for r in _resolutions(size):
    block = synthesis[f'b{r}']
    for layer, name in (('conv0', 'Conv0_up'), ('conv1', 'Conv1' if r > 4 else 'Conv')):
      if layer in block:
        variables |= _modulated(f'synthesis/{r}x{r}/{name}', block[layer], layer == 'conv0')
        variables[f'synthesis/noise{number}'] = np.asarray(maps[f'b{r}'][layer])[None, None]
        number += 1
    if 'torgb' in block:
      variables |= _modulated(f'synthesis/{r}x{r}/ToRGB', block['torgb'])
    if 'skip' in block:
      variables[f'synthesis/{r}x{r}/Skip/weight'] = np.asarray(block['skip']['weight'])
  variables = _changed(variables, changes)
  parts = {
    part: _network(part, kwargs, _under(variables, f'{part}/')) for part in ('mapping', 'synthesis')
  }
  own = {name: x for name, x in variables.items() if not name.startswith(tuple(parts))}
  return _network('G', kwargs, own, EasyDict(parts))


def discriminator(params, size: int, kwargs: dict, **changes) -> Network:
  """D. `changes` as of `generator`."""
  variables = {}
  for layer, values in params.get('mapping', {}).items():
    name = 'LabelEmbed' if layer == 'embed' else f'Mapping{layer[2:]}'
    variables |= {f'{name}/{kind}': np.asarray(x) for kind, x in values.items()}
  names = {'fromrgb': 'FromRGB', 'conv0': 'Conv0', 'conv1': 'Conv1_down', 'skip': 'Skip'}
  names |= {'conv': 'Conv', 'fc': 'Dense0'}
  for r in _resolutions(size):
    for layer, values in params[f'b{r}'].items():
      scope = 'Output' if layer == 'out' else f'{r}x{r}/{names[layer]}'
      variables |= {f'{scope}/{kind}': np.asarray(x) for kind, x in values.items()}
  return _network('D', kwargs, _changed(variables, changes))


def _modulated(scope, layer, flipped=False):
  weight = np.asarray(layer['weight'])
  variables = {
    f'{scope}/weight': weight[::-1, ::-1] if flipped else weight,
    f'{scope}/bias': np.asarray(layer['bias']),
    f'{scope}/mod_weight': np.asarray(layer['affine']['weight']),
    f'{scope}/mod_bias': np.asarray(layer['affine']['bias']) - 1,
  }
  if 'noise_strength' in layer:
    variables[f'{scope}/noise_strength'] = np.float32(layer['noise_strength'])
  return variables


def _resolutions(size):
  return [2**i for i in range(2, size.bit_length())]


def _network(name, kwargs, variables, components=None):
  return Network(
    version=4,
    name=name,
    static_kwargs=EasyDict(kwargs),
    components=components or EasyDict(),
    build_module_src='raise SystemExit',
    build_func_name=f'{name}_main',
    variables=list(variables.items()),
  )


def _under(variables, prefix):
  return {n.removeprefix(prefix): x for n, x in variables.items() if n.startswith(prefix)}


def _changed(variables, changes):
  return {name: x for name, x in {**variables, **changes}.items() if x is not None}


def as_read(network: Network) -> Object:
  """What pickle_reader.py makes of it."""
  state = dict(vars(network))
  state['components'] = {name: as_read(part) for name, part in state['components'].items()}
  return Object('dnnlib.tflib.network.Network', state)


KWARGS = {
  'num_channels': 3,
  'resolution': 16,
  'label_size': 0,
  'fmap_base': 32,
  'fmap_max': 8,
}
G_KWARGS = KWARGS | {'latent_size': 8, 'dlatent_size': 8, 'mapping_fmaps': 8, 'mapping_layers': 2}
D_KWARGS = KWARGS | {'mbstd_group_size': 2}


@functools.cache
def _weights(c_dim, **network):
  """(G's average, D, G, noise maps, w_avg)."""
  pair = helpers.networks(16, c_dim=c_dim, **network)
  ema_params, d_params = helpers.random_params(*pair)
  maps = helpers.randomized(variable_shapes(*pair)[2], 5)
  w_avg = np.asarray(helpers.randomized(jnp.zeros(8), 6))
  return ema_params, d_params, helpers.random_params(*pair, seed=10)[0], maps, w_avg


class Made:
  """Random weights, and the TensorFlow networks that hold them."""

  def __init__(self, g_kwargs=None, d_kwargs=None, c_dim=0, changes=None, **network):
    self.g_kwargs = G_KWARGS | {'label_size': c_dim} | (g_kwargs or {})
    self.d_kwargs = D_KWARGS | {'label_size': c_dim} | (d_kwargs or {})
    drawn = _weights(c_dim, **{'d_mapping_layers': 0, **network})
    self.ema_params, self.d_params, self.g_params, self.maps, self.w_avg = drawn
    self.changes = changes or {}

  def networks(self):
    """(G, D, Gs); `changes` are of Gs."""
    other_maps = helpers.randomized(self.maps, 7)
    return (
      generator(self.g_params, other_maps, -self.w_avg, 16, self.g_kwargs),
      discriminator(self.d_params, 16, self.d_kwargs),
      generator(self.ema_params, self.maps, self.w_avg, 16, self.g_kwargs, **self.changes),
    )

  def imported(self):
    return tensorflow.convert(tuple(map(as_read, self.networks())))
