"""Pictures from a trained generator: latents of seeds, truncation, noise, in batches."""

import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.networks.noise import NoiseMaps, random_noise
from stylegan2_jax.validation import CENTERS, NOISE_MODES

_BATCH = 16
_CENTER_BATCHES, _CENTER_BATCH, _CENTER_SEED = 10, 1000, 0  # the latents of a class's mean w


class Sampler:
  """Draws pictures by seed; the same seed gives the same picture in any batch."""

  def __init__(self, generator: Generator, params, w_avg: jax.Array, stored_maps: NoiseMaps):
    """Takes the generator's (EMA) parameters, w_avg [w_dim] and its constant noise maps."""
    self._generator = generator
    self._weights = (params, w_avg, stored_maps)
    self._class_centers: dict[bytes, np.ndarray] = {}  # by the bytes of a label

  def sample(
    self,
    seeds: Sequence[int],
    psi: float = 1.0,
    labels: np.ndarray | None = None,
    noise: str = 'const',
    batch_size: int | None = None,
    center: str = 'global',
    cutoff: int | None = None,
  ) -> np.ndarray:
    """One picture per seed.

    Args:
      seeds: of the latents (and of the noise where it is random).
      psi: truncation ψ.
      labels: [len(seeds), c_dim] for conditional generators.
      noise: see `noise_maps`; random ones come from the seeds.
      batch_size: pictures computed at a time (default: 16; on a CPU fewer if they are large).
      center: see `centers`.
      cutoff: how many layers are truncated, from the coarsest; None is all.

    Returns:
      uint8 [len(seeds), H, W, channels].

    Raises:
      UserError: 'class' of an unconditional generator.
      ValueError: no such noise mode, or no such centre.
    """
    params, _, stored_maps = self._weights
    centers = self.centers(center, labels)
    cutoff = jnp.int32(self._generator.synthesis.num_ws if cutoff is None else cutoff)
    seeds = np.asarray(seeds, np.uint32)
    psi = jnp.asarray(psi, self._generator.mapping.dtype)
    pictures = []
    for numbers in batches(len(seeds), self._generator.synthesis.size, batch_size):
      chosen = numbers % len(seeds)
      label = None if labels is None else jnp.asarray(labels[chosen])
      towards = centers if centers.ndim == 1 else centers[chosen]
      weights = (params, towards, stored_maps)
      batch = _draw(
        self._generator, noise, *weights, jnp.asarray(seeds[chosen]), label, psi, cutoff
      )
      pictures.append(np.asarray(batch))
    return np.concatenate(pictures)[: len(seeds)]

  def synthesize(self, ws: jax.Array, noise: str | NoiseMaps, seed: int) -> jax.Array:
    """ws [N, num_ws, w_dim] -> images [N, H, W, channels]; `noise` is a mode or maps.

    Raises:
      ValueError: no such noise mode.
    """
    params, _, stored_maps = self._weights
    if isinstance(noise, str):
      keys = jax.random.split(jax.random.key(seed), len(ws))
      size = self._generator.synthesis.size
      noise = noise_maps(noise, stored_maps, keys, size, self._generator.mapping.dtype)
    return _synthesize(self._generator, params, ws, noise)

  def draw(
    self, ws, noise: str | NoiseMaps, seed: int, batch_size: int | None = None
  ) -> np.ndarray:
    """As `synthesize`, for any number of ws, a batch at a time: uint8 [N, H, W, channels].

    Maps in `noise` are [h, w] for all, or [N, h, w].
    """
    ws, pictures = np.asarray(ws), []
    keys = jax.random.split(jax.random.key(seed), len(ws))
    params, _, stored_maps = self._weights
    synthesis = self._generator.synthesis
    for numbers in batches(len(ws), synthesis.size, batch_size):
      chosen = numbers % len(ws)
      if isinstance(noise, str):
        maps = noise_maps(noise, stored_maps, keys[chosen], synthesis.size, ws.dtype)
      else:
        maps = jax.tree.map(lambda x: x if x.ndim == 2 else x[chosen], noise)  # noqa: B023
      images = _synthesize(self._generator, params, jnp.asarray(ws[chosen]), maps)
      pictures.append(to_uint8(np.asarray(images)))
    return np.concatenate(pictures)[: len(ws)]

  def centers(self, center: str, labels: np.ndarray | None) -> jax.Array:
    """What truncation goes towards.

    Args:
      center: 'global', the tracked w_avg, as in the official implementation also for conditional
        generators; or 'class', for each label the mean of w over 10,000 z of its own, always the
        same: what is typical of the class, where w_avg lies between the classes.
      labels: float32 [N, c_dim], or None.

    Returns:
      [w_dim] or [N, w_dim]. A label's mean is computed once.

    Raises:
      UserError: 'class' of an unconditional generator.
      ValueError: no such centre.
    """
    if center not in CENTERS:
      raise ValueError(f'center {center!r}: use one of {", ".join(CENTERS)}')
    params, w_avg, _ = self._weights
    if center == 'global':
      return w_avg
    if labels is None:
      raise UserError('this model is unconditional, it has one center: use global, not class')
    found = []
    for label in np.asarray(labels, np.float32):
      key = label.tobytes()
      if key not in self._class_centers:
        self._class_centers[key] = np.asarray(_mean_w(self._generator.mapping, params, label))
      found.append(self._class_centers[key])
    return jnp.asarray(np.stack(found))


def usual_batch_size(size: Size, most: int = _BATCH) -> int:
  """Images of a size at a time where nobody says how many: `most`, on a CPU fewer if large."""
  if jax.default_backend() != 'cpu':
    return most
  return max(1, most * 64 * 64 // max(size[0] * size[1], 64 * 64))


def batches(count: int, size: Size, batch_size: int | None = None) -> Iterator[np.ndarray]:
  """Numbers of successive batches of images; those from `count` on only fill the last one.

  All are of one size, so that nothing is compiled twice, and a picture has the same bits in any
  company.

  Args:
    count: of images.
    size: of each.
    batch_size: images at a time; None: `usual_batch_size`.
  """
  step = batch_size or usual_batch_size(size)
  for start in range(0, count, step):
    yield np.arange(start, start + step)


def seed_latents(seeds: jax.Array, z_dim: int, dtype=jnp.float32) -> tuple[jax.Array, jax.Array]:
  """(z [N, z_dim], noise keys [N]) of seeds uint32 [N]."""
  keys = jax.vmap(jax.random.key)(seeds)
  z_keys, noise_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
  return jax.vmap(lambda k: jax.random.normal(k, (z_dim,), dtype))(z_keys), noise_keys


def images_of_seeds(
  generator: Generator, noise: str, weights, seeds: jax.Array, label, psi, cutoff
) -> jax.Array:
  """Images [N, H, W, channels] of seeds uint32 [N]: what `Sampler.sample` draws, pure.

  Args:
    generator: the network.
    noise: a noise mode.
    weights: its parameters, w_avg or [N, w_dim] to truncate towards, and the stored noise maps.
    seeds: of latents and noise.
    label: [N, c_dim], or None.
    psi: ψ of the truncation.
    cutoff: how many layers are truncated.
  """
  params, towards, stored_maps = weights
  mapping, synthesis = generator.mapping, generator.synthesis
  z, noise_keys = seed_latents(seeds, mapping.z_dim, mapping.dtype)
  ws = mapping.apply({'params': params['mapping']}, z, label)
  ws = truncate(ws, towards, psi, cutoff)
  maps = noise_maps(noise, stored_maps, noise_keys, synthesis.size, mapping.dtype)
  return synthesis.apply({'params': params['synthesis']}, ws, maps)


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


@functools.partial(jax.jit, static_argnums=0)
def _mean_w(mapping, params, label):
  """The mean w [w_dim] of a label [c_dim]."""
  labels = jnp.broadcast_to(label, (_CENTER_BATCH, *label.shape))

  def mean_of_batch(key):
    z = jax.random.normal(key, (_CENTER_BATCH, mapping.z_dim), mapping.dtype)
    return mapping.apply({'params': params['mapping']}, z, labels)[:, 0].mean(axis=0)

  keys = jax.random.split(jax.random.key(_CENTER_SEED), _CENTER_BATCHES)
  return jax.lax.map(mean_of_batch, keys).mean(axis=0)


@functools.partial(jax.jit, static_argnums=0)
def _synthesize(generator, params, ws, maps):
  return generator.apply({'params': params}, ws, maps, method='synthesize')


@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(generator, noise, params, w_avg, stored_maps, seeds, label, psi, cutoff):
  """uint8 [N, H, W, channels]."""
  weights = params, w_avg, stored_maps
  return to_uint8(images_of_seeds(generator, noise, weights, seeds, label, psi, cutoff))
