"""Pictures from a trained generator: latents of seeds, truncation, noise, in batches."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.geometry import Size
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.networks.noise import NoiseMaps, random_noise
from stylegan2_jax.validation import NOISE_MODES


class Sampler:
  """Draws pictures by seed; the same seed gives the same picture in any batch."""

  def __init__(self, generator: Generator, params, w_avg: jax.Array, stored_maps: NoiseMaps):
    """Takes the generator's (EMA) parameters, w_avg [w_dim] and its constant noise maps."""
    self._generator = generator
    self._weights = (params, w_avg, stored_maps)

  def sample(
    self,
    seeds: Sequence[int],
    psi: float = 1.0,
    labels: np.ndarray | None = None,
    noise: str = 'const',
    batch_size: int = 16,
  ) -> np.ndarray:
    """One picture per seed.

    Args:
      seeds: of the latents (and of the noise where it is random).
      psi: truncation ψ.
      labels: [len(seeds), c_dim] for conditional generators.
      noise: see `noise_maps`; random ones come from the seeds.
      batch_size: pictures computed at a time.

    Returns:
      uint8 [len(seeds), H, W, channels].

    Raises:
      ValueError: no such noise mode.
    """
    seeds = np.asarray(seeds, np.uint32)
    pictures = []
    for start in range(0, len(seeds), batch_size):
      chosen = np.arange(start, start + batch_size) % len(seeds)  # the last batch is filled up
      label = None if labels is None else jnp.asarray(labels[chosen])
      batch = _draw(
        self._generator, noise, *self._weights, jnp.asarray(seeds[chosen]), label, jnp.float32(psi)
      )
      pictures.append(np.asarray(batch)[: len(seeds) - start])
    return np.concatenate(pictures)


def seed_latents(seeds: jax.Array, z_dim: int, dtype=jnp.float32) -> tuple[jax.Array, jax.Array]:
  """(z [N, z_dim], noise keys [N]) of seeds uint32 [N]."""
  keys = jax.vmap(jax.random.key)(seeds)
  z_keys, noise_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
  return jax.vmap(lambda k: jax.random.normal(k, (z_dim,), dtype))(z_keys), noise_keys


def noise_maps(
  mode: str, stored: NoiseMaps, keys: jax.Array, size: Size, dtype=jnp.float32
) -> NoiseMaps | None:
  """The maps of a noise mode: 'const' (the stored ones), 'random' (of the keys [N]) or 'none'.

  `size` is that of the images.

  Raises:
    ValueError: no such mode.
  """
  if mode not in NOISE_MODES:
    raise ValueError(f'noise {mode!r}: use one of {", ".join(NOISE_MODES)}')
  if mode == 'random':
    return random_noise(keys, size, dtype)
  return stored if mode == 'const' else None


@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(generator, noise, params, w_avg, stored_maps, seeds, label, psi):
  """uint8 [N, H, W, channels]."""
  mapping, synthesis = generator.mapping, generator.synthesis
  z, noise_keys = seed_latents(seeds, mapping.z_dim, mapping.dtype)
  ws = mapping.apply({'params': params['mapping']}, z, label)
  ws = truncate(ws, w_avg, psi)
  maps = noise_maps(noise, stored_maps, noise_keys, synthesis.size, mapping.dtype)
  return to_uint8(synthesis.apply({'params': params['synthesis']}, ws, maps))
