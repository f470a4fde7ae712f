"""The official PyTorch pickles: a dict with G, D and G_ema, of StyleGAN2-ADA or StyleGAN3's code.

(StyleGAN3's repository has the same networks as its `stylegan2` configuration.) Each network is a
"persistent object": the name of its class, its source text, which is not looked at, and what was
in it: modules, parameters, buffers and settings. The settings are read off the built modules
rather than off the arguments that built them, whose defaults differ between the repositories.

All numbers are those of the file; the networks here compute the same. float16 at the highest
resolutions is noted as `network.num_reduced`. Clamped networks without it, which the config cannot
say otherwise, become ones with `num_reduced` 4 of reduced_dtype 'float32': the same numbers.

Checked against the reference file official_r32_c0.pkl and its answers (unconditional, skip and
resnet, 32x32). Published files were not at hand: that one loads and draws what it should remains
to be seen.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers.filling import Arrays, Path, Place
from stylegan2_jax.importers.imported import Imported
from stylegan2_jax.importers.official_names import BUFFERS, to_ours
from stylegan2_jax.importers.official_settings import (
  Module,
  discriminator_fields,
  generator_fields,
)
from stylegan2_jax.importers.pickle_reader import Object
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.mapping import MAPPING_LR_MULTIPLIER
from stylegan2_jax.settings import NetworkSettings
from stylegan2_jax.words import one_line

_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def recognises(value: object) -> bool:
  """Whether a pickle's content is of this kind."""
  return isinstance(value, Mapping) and isinstance(value.get('G_ema', value.get('G')), Object)


def convert(value: Mapping) -> Imported:
  """The networks of an official PyTorch pickle.

  Args:
    value: what it holds, as pickle_reader.py gives it.

  Raises:
    UserError: it is damaged, or its generator is none that this project has. A discriminator that
      this project cannot represent is left out, with a remark.
  """
  average = Module.of(value.get('G_ema', value.get('G')), 'G_ema')
  original = Module.of(value['G'], 'G') if _there(value, 'G') else None
  fields, resolution, channels, c_dim = generator_fields(average)
  network, form, d_params, remarks = NetworkSettings(**fields), (resolution, channels), None, []
  if _there(value, 'D'):
    try:
      discriminator = Module.of(value['D'], 'D')
      both = fields | discriminator_fields(discriminator, fields, *form, c_dim)
      d_params = _read_discriminator(
        discriminator, _shapes(NetworkSettings(**both), *form, c_dim)[1]
      )
      network = NetworkSettings(**both)
    except UserError as error:
      remarks = [f'the discriminator was left out: {error}']
  g_shapes, _, map_shapes = _shapes(network, *form, c_dim)
  read = functools.partial(_read_generator, network=network, shapes=(g_shapes, map_shapes))
  ema_params, w_avg, noise_maps = read(average)
  return Imported(
    kind='an official PyTorch pickle',
    network=network,
    resolution=resolution,
    channels=channels,
    c_dim=c_dim,
    ema_params=ema_params,
    w_avg=w_avg,
    noise_maps=noise_maps,
    g_params=read(original)[0] if original is not None else None,
    d_params=d_params,
    remarks=tuple(remarks),
  )


def _shapes(network, resolution, channels, c_dim):
  """(shapes of G, of D, of the noise maps)."""
  return variable_shapes(*build_networks(network, (resolution,) * 2, channels, c_dim))


def _there(value, name):
  return value.get(name) is not None


def _read_generator(module: Module, network: NetworkSettings, shapes):
  """(parameters, w_avg, noise maps; zeros where no noise is added)."""
  g_shapes, map_shapes = shapes
  arrays = Arrays(module.owner, dict(module.arrays()))
  params = arrays.fill(g_shapes, _places(module.child('mapping')))
  w_avg = arrays.take(Place('mapping.w_avg'), (network.w_dim,))
  if network.noise:
    maps = arrays.fill(map_shapes, lambda path: Place(f'synthesis.{".".join(path)}.noise_const'))
  else:
    maps = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), map_shapes)
  _check_rest(arrays, module)
  return params, w_avg, maps


def _read_discriminator(module: Module, shapes) -> dict[str, Any]:
  arrays = Arrays(module.owner, dict(module.arrays()))
  mapping = module.child('mapping') if 'mapping' in shapes else None
  params = arrays.fill(shapes, _places(mapping))
  _check_rest(arrays, module)
  return params


def _places(mapping: Module | None):
  """Where a parameter is; those of the mapping may have another learning-rate multiplier."""

  def place(path: Path) -> Place:
    name, scale = '.'.join(path), 1.0
    if path[0] == 'mapping' and path[1] != 'embed':
      scale = mapping.child(path[1]).number('bias_gain') / MAPPING_LR_MULTIPLIER
    if scale == 1:
      return Place(name, lambda array: to_ours(path[-1], array))
    return Place(name, lambda array: to_ours(path[-1], np.asarray(array, np.float64) * scale))

  return place


def _check_rest(arrays: Arrays, module: Module) -> None:
  """Buffers that stay must be what this project computes with; nothing else may be left."""
  for name, array in module.arrays():
    leaf = name.rpartition('.')[2]
    if leaf == 'resample_filter':
      found = np.asarray(array)
      if found.shape != (4, 4) or not np.allclose(found, _FILTER, atol=1e-6):
        raise UserError(
          f'{arrays.owner} has another resample filter than [1, 3, 3, 1] ({one_line(name)})'
        )
    if leaf in BUFFERS:
      arrays.leave(name)
  arrays.check_all_used()
