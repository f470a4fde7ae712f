"""Noise maps of the synthesis layers, as data: a tree {'b8': {'conv0': map, ...}, ...}.

The synthesis network takes the maps as an argument, so the caller decides what they are: a fixed
set for reproducible pictures (`constant_noise`), fresh ones per sample (`random_noise`), optimised
ones (projection), or None for no noise at all. Source: StyleGAN (arXiv 1812.04948), section 3.2.
"""

import math

import jax
import jax.numpy as jnp

from stylegan2_jax.geometry import Size, block_resolutions, nominal_resolution, size_at

NoiseMaps = dict[str, dict[str, jax.Array]]


def noise_layers(size: Size) -> list[tuple[str, str, Size]]:
  """(block, layer, (height, width)) of every layer that adds noise, coarse to fine."""
  layers = []
  for r in block_resolutions(nominal_resolution(size)):
    names = ('conv1',) if r == 4 else ('conv0', 'conv1')
    layers += [(f'b{r}', name, size_at(size, r)) for name in names]
  return layers


def constant_noise(key: jax.Array, size: Size, dtype=jnp.float32) -> NoiseMaps:
  """One stored N(0, 1) map [h, w] per layer of images of a size, shared by all samples."""
  return cut_noise(jax.random.normal(key, (noise_pixels(size),), dtype), size)


def random_noise(keys: jax.Array, size: Size, dtype=jnp.float32) -> NoiseMaps:
  """A fresh N(0, 1) map per sample and layer: keys [N] -> maps [N, h, w]."""

  def draw(key):
    return jax.random.normal(key, (noise_pixels(size),), dtype)

  return cut_noise(jax.vmap(draw)(keys), size)


def noise_pixels(size: Size) -> int:
  """Pixels of all maps together."""
  return sum(math.prod(of_layer) for _, _, of_layer in noise_layers(size))


def cut_noise(values: jax.Array, size: Size) -> NoiseMaps:
  """Successive pieces of [..., noise_pixels] as maps [..., h, w]: no two layers share a value.

  One draw that is cut compiles faster than a draw per layer.
  """
  maps, start = {}, 0
  for block, layer, (height, width) in noise_layers(size):
    piece = values[..., start : start + height * width]
    maps.setdefault(block, {})[layer] = piece.reshape(*values.shape[:-1], height, width)
    start += height * width
  return maps
