"""Every random draw of training, as a function of (root key, step, phase, global index).

Draws never depend on the device: sample draws fold in the global sample index, draws shared by a
micro-batch its global index. No key is used twice.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.noise import NoiseMaps, cut_noise, noise_pixels
from stylegan2_jax.training.chunks import Chunks

# What draws in a step, each from a key of its own. The order counts: it makes the keys.
_DRAWING = ('generator', 'path_length', 'discriminator', 'r1', 'interpolation')
_AUGMENTED = ('generator fake', 'discriminator fake', 'discriminator real', 'r1 fake', 'r1 real')
_AUGMENTED += ('generator real', 'held_out real')
_KEYS = {name: number for number, name in enumerate((*_DRAWING, *_AUGMENTED))}


@struct.dataclass
class Latents:
  """What one phase needs to make a micro-batch of m fakes."""

  z: jax.Array  # [m, z_dim]
  label: jax.Array | None  # [m, c_dim]
  noise: NoiseMaps  # [m, h, w] each
  mixing_z: jax.Array | None  # [m, z_dim], the second latent of style mixing
  mixing_cutoff: jax.Array | None  # int32 [], layers from here on use the second latent
  path_noise: jax.Array | None  # N(0, 1) [m, H, W, C], path-length phase only


def phase_key(root_key_data: jax.Array, step: jax.Array, phase: str) -> jax.Array:
  """The key of one phase of one step."""
  key = jax.random.fold_in(jax.random.wrap_key_data(root_key_data), step)
  return jax.random.fold_in(key, _KEYS[phase])


def augment_keys(
  root_key_data: jax.Array, step: jax.Array, phase: str, what: str, samples: jax.Array
) -> jax.Array:
  """The keys [m] of the augmentation of `what` ('real' or 'fake') in one phase of one step.

  Args:
    root_key_data: of the run.
    step: int32 [].
    phase: its name.
    what: which images.
    samples: int32 [m], global sample indices.
  """
  key = phase_key(root_key_data, step, f'{phase} {what}')
  return jax.vmap(lambda sample: jax.random.fold_in(key, sample))(samples)


def draw_latents(
  key: jax.Array,
  chunk: Chunks,
  generator: Generator,
  labels: jax.Array | None,
  style_mixing_prob: float,
  path_noise: bool = False,
) -> Latents:
  """Latents, labels, noise and style mixing for one micro-batch.

  Args:
    key: of the phase.
    chunk: without leading axis; `sample` [m] says for which samples.
    generator: for its sizes.
    labels: those of the data set, [num_images] classes or [num_images, c_dim] vectors; fakes take
      random ones of them. None for an unconditional generator.
    style_mixing_prob: chance that a micro-batch mixes two latents (StyleGAN, section 3.1).
    path_noise: also draw the path-length phase's image noise.
  """
  mapping, synthesis = generator.mapping, generator.synthesis
  dtype = mapping.dtype
  sample_key, chunk_key, label_key = jax.random.split(key, 3)
  image_shape = (*synthesis.size, synthesis.channels)
  sizes = [mapping.z_dim, mapping.z_dim, noise_pixels(synthesis.size)]
  sizes += [math.prod(image_shape)] if path_noise else []

  def normal(index):
    return jax.random.normal(jax.random.fold_in(sample_key, index), (sum(sizes),), dtype)

  # One draw that is cut compiles faster than a draw for each use.
  pieces = jnp.split(jax.vmap(normal)(chunk.sample), np.cumsum(sizes)[:-1], axis=1)
  z, mixing_z, noise, *path = pieces  # [m, size] each
  cutoff = None
  if style_mixing_prob > 0:
    cutoff = draw_mixing_cutoff(
      jax.random.fold_in(chunk_key, chunk.index), mapping.num_ws, style_mixing_prob
    )
  return Latents(
    z=z,
    label=_draw_labels(label_key, chunk.sample, labels, mapping.c_dim, dtype),
    noise=cut_noise(noise, synthesis.size),
    mixing_z=mixing_z if style_mixing_prob > 0 else None,
    mixing_cutoff=cutoff,
    path_noise=path[0].reshape(-1, *image_shape) if path_noise else None,
  )


def draw_mixing_cutoff(key: jax.Array, num_ws: int, prob: float) -> jax.Array:
  """With `prob` uniform in {1, …, num_ws − 1}, else num_ws (no mixing): int32 []."""
  coin, position = jax.random.uniform(key, (2,))  # one draw compiles faster than two
  cutoff = 1 + jnp.floor(position * (num_ws - 1)).astype(jnp.int32)
  return jnp.where(coin < prob, cutoff, num_ws)


def mix_styles(ws: jax.Array, mixing_ws: jax.Array, cutoff: jax.Array) -> jax.Array:
  """The first `cutoff` layers of ws, the rest of mixing_ws: [N, num_ws, w_dim]."""
  return jnp.where(jnp.arange(ws.shape[1])[None, :, None] < cutoff, ws, mixing_ws)


def label_vectors(labels: jax.Array, c_dim: int, dtype) -> jax.Array:
  """Integer classes [N] become one-hot [N, c_dim]; vectors [N, c_dim] stay."""
  if jnp.issubdtype(labels.dtype, jnp.integer):
    return jax.nn.one_hot(labels, c_dim, dtype=dtype)
  return labels.astype(dtype)


def _draw_labels(key, samples, labels, c_dim, dtype):
  """A random one of the data set's labels per sample: [N, c_dim], or None without labels."""
  if labels is None:
    return None
  keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(samples)
  index = jax.vmap(lambda k: jax.random.randint(k, (), 0, labels.shape[0]))(keys)
  return label_vectors(labels[index], c_dim, dtype)
