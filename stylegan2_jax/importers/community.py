"""The .pt files of the widespread community PyTorch version of StyleGAN2.

A dict with state dictionaries `g_ema` (the average), `g` and `d`, often `latent_avg`, and what
training needs besides (optimizers, arguments), which is left; or the dictionary of `g_ema` alone.
The networks are unconditional, `skip` and `resnet`, with the group of 4 in the minibatch standard
deviation. Their sizes are read from the shapes.

How it differs from the official PyTorch layout: modulated kernels have an axis of length 1 in front
[1, out, in, k, k]; of each resolution the convolutions are numbered in one list, `convs.0`,
`convs.1`, ...; biases of activated layers lie with the activation; ToRGB's bias is [1, C, 1, 1],
noise strengths [1], noise maps [1, 1, h, w], named by number. The networks compute the same: the
transposed convolution scatters its kernel unflipped; biases of style affines include their 1;
mapping weights are stored divided by 0.01, which the file does not say: another multiplier cannot
be told; leaky ReLU has slope 0.2 and gain √2; the sum of a residual block is divided by √2, which
here lies in its two branches; groups of the minibatch standard deviation are strided. As in the
TensorFlow original, modulated weights have the gain of equalized learning rate, which demodulation
cancels but for its ε of 1e-8.

Read off the published code. Checked against files that the tests make by the inverse mapping, and
against a slow plain form of generator and discriminator computed from such a file's keys. No
published file was at hand: that one loads and draws what it should remains to be seen.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import community_places as places
from stylegan2_jax.importers.filling import MOST_CHANNELS, Arrays, Place
from stylegan2_jax.importers.imported import Imported
from stylegan2_jax.importers.network_fields import width_fields
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.noise import constant_noise
from stylegan2_jax.ops.fir import RESAMPLE_TAPS
from stylegan2_jax.settings import NetworkSettings
from stylegan2_jax.words import one_line

_SMALLEST, _LARGEST = 8, 1024  # resolutions of the published code
_MEAN_BATCHES, _MEAN_BATCH = 10, 1000  # latents of the mean w where a file has none


def recognises(value: object) -> bool:
  """Whether a file's content is of this kind."""
  if not isinstance(value, Mapping):
    return False
  average = value.get('g_ema', value)
  return isinstance(average, Mapping) and 'style.1.weight' in _plain_names(average)


def convert(value: Mapping) -> Imported:
  """The networks of a community .pt file: the whole dict, or the state dictionary of g_ema.

  Raises:
    UserError: it is damaged, or holds networks that this project does not have.
  """
  content = value if 'g_ema' in value else {'g_ema': value}
  states = {name: content.get(name) for name in ('g_ema', 'g', 'd')}
  found = {
    name: Arrays(f'{name} of the community .pt file', _plain_names(state))
    for name, state in states.items()
    if isinstance(state, Mapping)
  }
  average = found['g_ema']
  network, resolution, channels = _sizes(average)
  pair = build_networks(network, (resolution, resolution), channels, 0)
  g_shapes, d_shapes, map_shapes = variable_shapes(*pair)
  remarks = []
  params = average.fill(g_shapes, places.generator_place)
  maps = _noise_maps(average, map_shapes, resolution, remarks)
  _finish(average, 4)
  others: dict[str, Any] = {'g': None, 'd': None}
  if 'g' in found:
    others['g'] = found['g'].fill(g_shapes, places.generator_place)
    _noise_maps(found['g'], map_shapes, resolution, [])  # the average's are taken
    _finish(found['g'], 4)
  if 'd' in found:
    others['d'] = found['d'].fill(
      d_shapes, lambda path: places.discriminator_place(path, resolution)
    )
    _finish(found['d'], 1)
  return Imported(
    kind='a .pt of the community PyTorch version',
    network=network,
    resolution=resolution,
    channels=channels,
    c_dim=0,
    ema_params=params,
    w_avg=_mean_w(content, pair[0].mapping, params['mapping'], remarks),
    noise_maps=maps,
    g_params=others['g'],
    d_params=others['d'],
    remarks=tuple(remarks),
  )


def _sizes(arrays: Arrays) -> tuple[NetworkSettings, int, int]:
  """(settings, resolution, channels of the images), read from the shapes of a generator's arrays.

  Raises:
    UserError: an array that tells is missing or of another form.
  """
  levels = arrays.count('to_rgbs.{}.bias')
  resolution = 4 << min(levels, 20)
  if not _SMALLEST <= resolution <= _LARGEST:
    raise UserError(
      f'g_ema of the community .pt file has {levels} layers to_rgbs, which is for no image of '
      f'{_SMALLEST} to {_LARGEST} pixels: it is damaged'
    )
  width = {4: arrays.shape('input.input', 4)[1]}
  for level in range(1, levels + 1):
    width[4 << level] = arrays.shape(f'convs.{2 * level - 1}.conv.weight', 5)[1]
  w_dim, z_dim = arrays.shape('style.1.weight', 2)
  network = NetworkSettings(
    z_dim=z_dim,
    w_dim=w_dim,
    mapping_layers=arrays.count('style.{}.weight', first=1),
    d_mapping_layers=0,
    **width_fields(width, 'g_ema of the community .pt file'),
  )
  channels = arrays.shape('to_rgb1.bias', 4)[1]
  if channels > MOST_CHANNELS:
    raise UserError(
      f'g_ema of the community .pt file draws images of {channels} channels: '
      f'networks here have up to {MOST_CHANNELS}'
    )
  return network, resolution, channels


def _noise_maps(arrays, shapes, resolution, remarks):
  """The stored maps; of files from before they were stored, maps of a fixed seed."""
  if 'noises.noise_0' in arrays:
    return arrays.fill(shapes, places.noise_place)
  remarks.append('the file has no noise maps: they were drawn anew, always the same')
  return jax.tree.map(np.asarray, constant_noise(jax.random.key(0), (resolution, resolution)))


def _mean_w(content, mapping, params, remarks):
  """`latent_avg` [w_dim] or [1, w_dim]; where there is none the mean w of always the same z."""
  if content.get('latent_avg') is not None:
    place = Place('latent_avg', lambda a: a.reshape(mapping.w_dim))
    return Arrays('the community .pt file', content).take(place, (mapping.w_dim,))
  count = _MEAN_BATCHES * _MEAN_BATCH
  remarks.append(f'the file has no latent_avg: w_avg is the mean over {count} z, always the same')

  def mean_of_batch(key):
    z = jax.random.normal(key, (_MEAN_BATCH, mapping.z_dim))
    return mapping.apply({'params': params}, z)[:, 0].mean(axis=0)

  keys = jax.random.split(jax.random.key(0), _MEAN_BATCHES)
  return np.asarray(jax.lax.map(mean_of_batch, keys).mean(axis=0))


def _finish(arrays: Arrays, gain: int) -> None:
  """Refuses what is left, but for the filters that are used here too; those for up have a gain."""
  taps = np.outer(RESAMPLE_TAPS, RESAMPLE_TAPS)
  for name in arrays.unused():
    if name.endswith('.kernel'):
      found = arrays.take(Place(name), taps.shape)
      if not np.allclose(found, gain * taps, atol=1e-4):
        raise UserError(
          f'{arrays.owner}: {one_line(name)} is another filter than [1, 3, 3, 1], '
          'which the networks here do not have: it cannot be imported'
        )
  arrays.check_all_used()


def _plain_names(state: Mapping[str, Any]) -> dict[str, Any]:
  """A state dictionary without the `module.` that DataParallel puts before each name."""
  return {str(name).removeprefix('module.'): value for name, value in state.items()}
