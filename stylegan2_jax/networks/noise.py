"""Noise maps of the synthesis layers, as data: a tree {'b8': {'conv0': map, ...}, ...}.

The synthesis network takes the maps as an argument, so the caller decides what they are: a fixed
set for reproducible pictures (`constant_noise`), fresh ones per sample (`random_noise`), optimised
ones (projection), or None for no noise at all. Source: StyleGAN (arXiv 1812.04948), section 3.2.
"""

import jax
import jax.numpy as jnp

from stylegan2_jax.networks.layers import block_resolutions

NoiseMaps = dict[str, dict[str, jax.Array]]


def noise_layers(resolution: int) -> list[tuple[str, str, int]]:
  """(block, layer, resolution) of every layer that adds noise, coarse to fine."""
  layers = []
  for r in block_resolutions(resolution):
    names = ('conv1',) if r == 4 else ('conv0', 'conv1')
    layers += [(f'b{r}', name, r) for name in names]
  return layers


def constant_noise(key: jax.Array, resolution: int, dtype=jnp.float32) -> NoiseMaps:
  """One stored N(0, 1) map [r, r] per layer, shared by all samples."""
  return cut_noise(jax.random.normal(key, (noise_size(resolution),), dtype), resolution)


def random_noise(keys: jax.Array, resolution: int, dtype=jnp.float32) -> NoiseMaps:
  """A fresh N(0, 1) map per sample and layer: keys [N] -> maps [N, r, r]."""

  def draw(key):
    return jax.random.normal(key, (noise_size(resolution),), dtype)

  return cut_noise(jax.vmap(draw)(keys), resolution)


def noise_size(resolution: int) -> int:
  """Pixels of all maps together."""
  return sum(r * r for _, _, r in noise_layers(resolution))


def cut_noise(values: jax.Array, resolution: int) -> NoiseMaps:
  """Successive pieces of [..., noise_size] as the maps [..., r, r]: no two layers share a value.

  One draw that is cut compiles faster than a draw per layer.
  """
  maps, start = {}, 0
  for block, layer, r in noise_layers(resolution):
    piece = values[..., start : start + r * r]
    maps.setdefault(block, {})[layer] = piece.reshape(*values.shape[:-1], r, r)
    start += r * r
  return maps
