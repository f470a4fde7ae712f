"""The official TensorFlow pickles: a tuple (G, D, Gs) of dnnlib.tflib.network.Network.

Each network holds its keyword arguments and its variables by name; G and Gs (the average) have them
in two components, mapping and synthesis.

Understood are StyleGAN2's configs E and F and StyleGAN2-ADA; and configs B to D, whose progressive
growing has ended: the one RGB layer left makes them `orig`. A conditional StyleGAN2 from before ADA
normalises z and label jointly and has a logit for each class: no network here does that.

Two differences are not carried over, nor does the official conversion to PyTorch. Those networks
have the 1/√(C_in·k²) of equalized learning rate in the modulated weights too, where demodulation
cancels it but for its ε of 1e-8. And where they clamp, a skip D clamps FromRGB at 4×4 as well.

Checked against the reference file official_tf_r32.pkl and its answers: unconditional, skip and
resnet. Conditional networks, the other architectures, configs B to D and reduced precision were
read off the published code, and seen only in files that the tests make by the inverse mapping. No
published file was at hand: that one loads and draws what it should remains to be seen.
"""

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import tensorflow_places as places
from stylegan2_jax.importers.filling import LONGEST_PART, Arrays, Place
from stylegan2_jax.importers.imported import Imported
from stylegan2_jax.importers.network_fields import precision_fields
from stylegan2_jax.importers.pickle_reader import Object
from stylegan2_jax.importers.tensorflow_settings import (
  Arguments,
  Sizes,
  discriminator_settings,
  generator_settings,
)
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.settings import NetworkSettings
from stylegan2_jax.words import one_line

NETWORK = 'dnnlib.tflib.network.Network'
_FIRST_VERSION = 4  # of a pickled network, in StyleGAN2
_RGB_OF_LEVEL = re.compile(r'(synthesis/)?(ToRGB|FromRGB)_lod(\d+)/(\w+)')


@dataclasses.dataclass(frozen=True)
class _Network:
  """What a pickled network says of itself."""

  function: str  # that builds it
  arguments: Arguments
  arrays: Arrays


def recognises(value: object) -> bool:
  """Whether a pickle's content is of this kind."""
  networks = value if isinstance(value, tuple | list) else (value,)
  return bool(networks) and all(
    isinstance(network, Object) and network.name == NETWORK for network in networks
  )


def convert(value: object) -> Imported:
  """The networks of a TensorFlow pickle: (G, D, Gs), or Gs alone.

  Raises:
    UserError: it is damaged, or holds networks that this project does not have.
  """
  found = list(value) if isinstance(value, tuple | list) else [value]
  if len(found) not in (1, 3):
    raise UserError(f'a TensorFlow pickle of {len(found)} networks: it must hold G, D and Gs')
  average = _parsed(found[-1], 'Gs of the TensorFlow pickle')
  _refuse_joint_normalisation(average)
  sizes, fields, multiplier = generator_settings(average.arguments)
  generator = discriminator = None
  d_multiplier = 1.0
  if len(found) == 3:
    generator = _parsed(found[0], 'G of the TensorFlow pickle')
    g_sizes, g_fields, g_multiplier = generator_settings(generator.arguments)
    _check_equal('G', {**vars(g_sizes), **g_fields}, {**vars(sizes), **fields})
    discriminator = _parsed(found[1], 'D of the TensorFlow pickle')
    groups_of_4 = discriminator.function in ('D_stylegan2', 'D_stylegan')
    d_sizes, d_fields, d_multiplier = discriminator_settings(discriminator.arguments, groups_of_4)
    _check_equal('D', vars(d_sizes), vars(sizes))
    fields = {**fields, **d_fields}
  network = _network_settings(sizes, fields)
  pair = build_networks(network, (sizes.resolution,) * 2, sizes.channels, sizes.c_dim)
  g_shapes, d_shapes, map_shapes = variable_shapes(*pair)
  read = functools.partial(_read_generator, shapes=(g_shapes, map_shapes), multiplier=multiplier)
  ema_params, w_avg, noise_maps = read(average, network)
  return Imported(
    kind='an official TensorFlow pickle',
    network=network,
    resolution=sizes.resolution,
    channels=sizes.channels,
    c_dim=sizes.c_dim,
    ema_params=ema_params,
    w_avg=w_avg,
    noise_maps=noise_maps,
    g_params=read(generator, network, multiplier=g_multiplier)[0] if generator else None,
    d_params=_read_discriminator(discriminator, d_shapes, d_multiplier) if discriminator else None,
  )


def _read_generator(generator, network, shapes, multiplier):
  """(parameters, w_avg, noise maps; zeros where no noise is added)."""
  g_shapes, map_shapes = shapes
  arrays = generator.arrays
  params = arrays.fill(g_shapes, lambda path: places.generator_place(path, multiplier))
  w_avg = arrays.take(Place('dlatent_avg'), (network.w_dim,))
  if network.noise:
    maps = arrays.fill(map_shapes, places.noise_place)
  else:
    maps = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), map_shapes)
  arrays.check_all_used()
  return params, w_avg, maps


def _read_discriminator(discriminator, shapes, multiplier):
  arrays = discriminator.arrays
  params = arrays.fill(shapes, lambda path: places.discriminator_place(path, multiplier))
  arrays.check_all_used()
  return params


def _network_settings(sizes: Sizes, fields: Mapping[str, Any]) -> NetworkSettings:
  return NetworkSettings(
    channel_base=sizes.channel_base,
    channel_max=sizes.channel_max,
    **{**precision_fields(sizes.num_reduced, sizes.clamp), **fields},
  )


def _refuse_joint_normalisation(generator: _Network) -> None:
  if 'mapping/LabelConcat/weight' in generator.arrays:
    raise UserError(
      'this is a conditional StyleGAN2 from before ADA, which normalises z and label jointly '
      '(LabelConcat): no network here does that, so it cannot be imported'
    )


def _check_equal(name: str, found: Mapping, expected: Mapping) -> None:
  """Refuses networks that no one config can describe."""
  for key, value in expected.items():
    if found[key] != value:
      raise UserError(
        f'{name} of the TensorFlow pickle has {key} {found[key]} and Gs has {value}: '
        'one config here cannot describe both'
      )


def _parsed(network: Object, owner: str) -> _Network:
  """A pickled network, its arguments and variables sorted.

  Raises:
    UserError: it is damaged, of another version, or an argument cannot be represented.
  """
  state = network.state if isinstance(network.state, Mapping) else {}
  version = state.get('version')
  if type(version) is not int:
    raise UserError(f'{owner} has no version: the file is damaged')
  if version < _FIRST_VERSION:
    raise UserError(
      f'{owner} is of version {version}: networks before version {_FIRST_VERSION} are no StyleGAN2'
    )
  variables = dict(_variables(state, owner))
  kwargs = dict(_mapping(state.get('static_kwargs'), owner))
  if any(_RGB_OF_LEVEL.fullmatch(name) for name in variables):
    variables = _without_growing(variables, kwargs.get('resolution', 1024), owner)
    kwargs['architecture'] = 'orig'
  arrays = Arrays(owner, variables)
  arrays.leave('lod', 'synthesis/lod')
  return _Network(str(state.get('build_func_name')), Arguments(owner, kwargs), arrays)


def _variables(state: Mapping, owner: str) -> Iterator[tuple[str, Any]]:
  """(name, array) of a network and, their names in front, of its components."""
  parts = {'': state, **_mapping(state.get('components', {}), owner)}
  for part, inner in parts.items():
    if not isinstance(part, str) or len(part) > LONGEST_PART:
      raise UserError(f'{owner} has a component of unknown form: the file is damaged')
    inner = inner.state if isinstance(inner, Object) else inner
    variables = _mapping(inner, owner).get('variables')
    if not isinstance(variables, list | tuple):
      raise UserError(f'{owner} has no list of variables: the file is damaged')
    for variable in variables:
      if not isinstance(variable, list | tuple) or len(variable) != 2:
        raise UserError(f'{owner} has a variable without a name: the file is damaged')
      yield f'{part}/{variable[0]}' if part else str(variable[0]), variable[1]


def _without_growing(variables: Mapping, resolution: object, owner: str) -> dict[str, Any]:
  """Of the RGB layers of each resolution the one at the end of progressive growing, by its place.

  Raises:
    UserError: it has not ended.
  """
  for name in ('lod', 'synthesis/lod'):
    if np.any(np.asarray(variables.get(name, 0)) != 0):
      raise UserError(f'{owner} has {one_line(name)} > 0: its progressive growing has not ended')
  if type(resolution) is not int:
    raise UserError(f'{owner} has a resolution that is no number: the file is damaged')
  kept = {}
  for name, array in variables.items():
    match = _RGB_OF_LEVEL.fullmatch(name)
    if match is None:
      kept[name] = array
    elif match[3] == '0':
      kept[f'{match[1] or ""}{resolution}x{resolution}/{match[2]}/{match[4]}'] = array
  return kept


def _mapping(value: object, owner: str) -> Mapping:
  if not isinstance(value, Mapping):
    raise UserError(f'{owner} lacks its settings: the file is damaged')
  return value
