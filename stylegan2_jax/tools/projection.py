"""Projection: the w, and noise maps, with which a generator comes closest to a given image.

Source: StyleGAN2 (arXiv 1912.04958), appendix D, with the constants of the official PyTorch
implementation. One step, of N images that know nothing of each other:

  distance + 1e5·Σ(autocorrelations of the noise maps)²  goes down by Adam(0.9, 0.999),

where the image is drawn from w + N(0, (0.05·std·max(0, 1 − t/0.75)²)²), t = step / steps, and the
learning rate is 0.1·min(1, t/0.05)·(1 − cos(π·min(1, (1 − t)/0.25)))/2. After each step every map
is brought to mean 0 and variance 1. w begins at the mean, maps at N(0, 1).

Where this differs from the official projector: the space may be W+ ('w+': a w for each layer, whose
noise is drawn for each); the result keeps the maps that were optimised (the official one saves w
alone, drawn with the stored maps); batches; other distances (metrics/).
"""

import dataclasses
import functools
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

from stylegan2_jax.networks.noise import NoiseMaps, random_noise

SPACES = ('w', 'w+')
_W_SAMPLES, _W_BATCH, _W_SEED = 10_000, 1000, 123  # of the mean and deviation of w
_SMALLEST_MAP = 8  # pixels: of the autocorrelations, on the longer side


@dataclasses.dataclass(frozen=True)
class ProjectionSettings:
  """How a projection goes on; all but `space`, `steps` and `seed` as in the official code."""

  space: str = 'w'
  steps: int = 1000
  seed: int = 0
  learning_rate: float = 0.1
  w_noise: float = 0.05  # in standard deviations of w
  regularize_noise: float = 1e5


@struct.dataclass
class Task:
  """What stays the same during the steps: the generator, the distance, and of N images the rest."""

  params: Any  # of the synthesis network
  distance: Any  # metrics.wavelet.Wavelet, metrics.lpips.Lpips
  target: Any  # features of the images, as the distance has them
  std: jax.Array  # [N], of w
  keys: jax.Array  # uint32 [N, 2], data of the random keys


@struct.dataclass
class Progress:
  """What the steps change."""

  step: jax.Array  # int32 [], how many are done
  w: jax.Array  # [N, 1, w_dim], in W+ [N, num_ws, w_dim]
  noise_maps: NoiseMaps  # [N, h, w] each; empty where the network uses none
  adam: Any
  distances: jax.Array  # [steps, N], before each step; 0 for those to come


def learning_rate(t, peak: float = 0.1):
  """At t in [0, 1): up over the first 5 %, down as a cosine over the last 25 %."""
  down = 0.5 - 0.5 * jnp.cos(jnp.pi * jnp.minimum(1.0, (1.0 - t) / 0.25))
  return peak * down * jnp.minimum(1.0, t / 0.05)


def w_noise_scale(t, std, factor: float = 0.05):
  """The standard deviation of what is added to w at t: gone after three quarters."""
  return std * factor * jnp.maximum(0.0, 1.0 - t / 0.75) ** 2


def noise_loss(maps: NoiseMaps) -> jax.Array:
  """Σ over maps, their halvings and both axes of (mean of n·(n shifted by a pixel))²: [N].

  Maps [N, h, w] are halved, by means over 2×2 pixels, until no side is above 8 pixels. White noise
  has almost none of this; a picture hidden in the maps has much.
  """
  total = 0.0
  for noise in jax.tree.leaves(maps):
    while True:
      for axis in (1, 2):
        total += (noise * jnp.roll(noise, 1, axis)).mean((1, 2)) ** 2
      num, height, width = noise.shape
      if max(height, width) <= _SMALLEST_MAP:
        break
      noise = noise.reshape(num, height // 2, 2, width // 2, 2).mean((2, 4))
  return total


def normalized(maps: NoiseMaps) -> NoiseMaps:
  """Each map [N, h, w] of each image with mean 0 and variance 1."""

  def one(noise):
    noise = noise - noise.mean((1, 2), keepdims=True)
    return noise * jax.lax.rsqrt((noise**2).mean((1, 2), keepdims=True))

  return jax.tree.map(one, maps)


@functools.partial(jax.jit, static_argnums=0)
def w_statistics(mapping, params, label: jax.Array | None) -> tuple[jax.Array, jax.Array]:
  """(mean w [w_dim], √(Σ over samples and dimensions (w − mean)²/N)) of 10,000 z.

  Args:
    mapping: the mapping network.
    params: its parameters.
    label: [c_dim], of all samples; None for unconditional generators.
  """

  def batch(key):
    z = jax.random.normal(key, (_W_BATCH, mapping.z_dim), mapping.dtype)
    labels = None if label is None else jnp.broadcast_to(label, (_W_BATCH, *label.shape))
    return mapping.apply({'params': params}, z, labels)[:, 0]

  keys = jax.random.split(jax.random.key(_W_SEED), _W_SAMPLES // _W_BATCH)
  w = jax.lax.map(batch, keys).reshape(_W_SAMPLES, -1)
  mean = w.mean(0, keepdims=True)
  return mean[0], jnp.sqrt(((w - mean) ** 2).sum() / _W_SAMPLES)


def image_keys(images: np.ndarray, seed: int) -> np.ndarray:
  """Data of the random keys uint32 [N, 2] of images uint8 [N, H, W, C].

  They follow from the image itself, so that its result depends neither on the other images nor on
  its place among them.
  """
  digests = [zlib.crc32(np.ascontiguousarray(image).tobytes()) for image in images]
  keys = jax.vmap(lambda d: jax.random.fold_in(jax.random.key(seed), d))(
    jnp.asarray(digests, jnp.uint32)
  )
  return np.asarray(jax.random.key_data(keys))


def begin(synthesis, settings: ProjectionSettings, task: Task, mean: jax.Array) -> Progress:
  """Before the first step; `mean` [N, w_dim] is where w begins."""
  keys = jax.random.wrap_key_data(task.keys)
  layers = synthesis.num_ws if settings.space == 'w+' else 1
  w = jnp.repeat(mean[:, None, :], layers, axis=1)
  maps = {}
  if synthesis.use_noise:
    map_keys = jax.vmap(lambda key: jax.random.fold_in(key, settings.steps))(keys)
    maps = random_noise(map_keys, synthesis.size, w.dtype)
  distances = jnp.zeros((settings.steps, len(w)), w.dtype)
  return Progress(jnp.int32(0), w, maps, _adam().init((w, maps)), distances)


def advance(synthesis, settings: ProjectionSettings, task: Task, progress: Progress, end: int):
  """Goes on to step `end`: in any pieces the same bits, as a step depends on its number alone.

  `progress` is used up (its memory is taken for the result).
  """
  if jax.default_backend() != 'cpu':
    return _loop(synthesis, settings, task, progress, end)
  # XLA's loops run the convolutions of a CPU on one core: two to five times slower on two.
  for _ in range(int(progress.step), end):
    progress = _single(synthesis, settings, task, progress)
  return progress


def compile_steps(synthesis, settings: ProjectionSettings, task: Task, progress: Progress) -> None:
  """Compiles `advance` by a step whose result is dropped; `progress` is used up."""
  jax.block_until_ready(advance(synthesis, settings, task, progress, int(progress.step) + 1))


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=3)
def _loop(synthesis, settings, task, progress, end):
  def one(_, progress):
    return _step(synthesis, settings, task, progress)

  return jax.lax.fori_loop(progress.step, end, one, progress)


def layers_of(w: jax.Array, num_ws: int) -> jax.Array:
  """[N, 1 or num_ws, w_dim] -> ws [N, num_ws, w_dim]."""
  return jnp.broadcast_to(w, (w.shape[0], num_ws, w.shape[2]))


def _adam():
  return optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)


def _step(synthesis, settings, task, progress):
  t = progress.step.astype(progress.w.dtype) / settings.steps
  keys = jax.random.wrap_key_data(task.keys)
  keys = jax.vmap(lambda key: jax.random.fold_in(key, progress.step))(keys)
  shape = progress.w.shape[1:]
  jitter = jax.vmap(lambda key: jax.random.normal(key, shape, progress.w.dtype))(keys)
  jitter *= w_noise_scale(t, task.std, settings.w_noise)[:, None, None]

  def loss(variables):
    w, maps = variables
    ws = layers_of(w + jitter, synthesis.num_ws)
    images = synthesis.apply({'params': task.params}, ws, maps or None)  # [N, H, W, C]
    distances = task.distance.between(task.target, task.distance.features(images))  # [N]
    total = distances + settings.regularize_noise * noise_loss(maps)
    return total.sum(), distances.astype(progress.distances.dtype)

  variables = (progress.w, progress.noise_maps)
  gradients, distances = jax.grad(loss, has_aux=True)(variables)
  updates, adam = _adam().update(gradients, progress.adam)
  rate = learning_rate(t, settings.learning_rate)
  w, maps = jax.tree.map(lambda x, u: x - rate.astype(x.dtype) * u, variables, updates)
  return Progress(
    progress.step + 1,
    w,
    normalized(maps),
    adam,
    progress.distances.at[progress.step].set(distances),
  )


_single = jax.jit(_step, static_argnums=(0, 1), donate_argnums=3)
