"""`StyleGAN2`: a trained model in a notebook, thin over the functions below it.

gan = StyleGAN2.load('runs/shapes')
images = gan.sample(24, psi=0.7)
"""

import functools
import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_float
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.sampler import Sampler, noise_maps


class StyleGAN2:
  """A generator (its EMA), its w_avg and noise maps, and the discriminator, ready to use.

  Images are float32 NHWC in about [-1, 1]; labels are class numbers or names, one per image, or
  vectors [N, c_dim].
  """

  def __init__(self, settings: Settings, class_names: Sequence[str], weights: dict):
    """Use `load`. `weights`: generator, discriminator, w_avg, noise_maps."""
    data = settings.data
    self.settings = settings
    self.class_names = tuple(class_names)
    self.generator, self.discriminator = build_networks(
      settings.network, data.resolution, data.channels, len(self.class_names)
    )
    self._weights = jax.tree.map(jnp.asarray, weights)

  @classmethod
  def load(
    cls, workdir: str | os.PathLike, step: int | None = None, discriminator: bool = True
  ) -> 'StyleGAN2':
    """The model of a run, at a saved step (default: the newest).

    Args:
      workdir: folder of the run. Nothing in it is changed, and the training data is not needed.
      step: one of the saved steps.
      discriminator: whether to load D as well, which `discriminate` needs.

    Raises:
      UserError: no run or no such checkpoint there, or it is damaged or of another network.
    """
    run = RunDirectory(workdir)
    settings = run.read_settings()
    checkpoints = Checkpoints(run.checkpoints_path)
    try:
      step = checkpoints.choose(step)
      info = checkpoints.info(step)
      names = info['class_names'] if info['c_dim'] else []
      shapes = _shapes(settings, len(names))
      loaded = checkpoints.restore(step, 'generator', shapes['generator'])
      weights = {
        'generator': loaded['ema_params'],
        'w_avg': loaded['w_avg'],
        'noise_maps': loaded['noise_maps'],
      }
      if discriminator:
        part = checkpoints.restore(step, 'discriminator', shapes['discriminator'])
        weights['discriminator'] = part['d_params']
    finally:
      checkpoints.close()
    return cls(settings, names, weights)

  @property
  def params(self) -> dict:
    """All weights as one tree of arrays: generator, discriminator, w_avg, noise_maps."""
    return self._weights

  def map(self, z, label=None, psi: float = 1.0, cutoff: int | None = None) -> jax.Array:
    """z [N, z_dim] -> ws [N, num_ws, w_dim], truncated towards w_avg by ψ below the cutoff."""
    label = self._labels(label, len(z))
    ws = _map(self.generator, self._weights['generator'], jnp.asarray(z), label)
    return truncate(ws, self._weights['w_avg'], psi, cutoff)

  def synthesize(self, ws, noise: str = 'const', seed: int = 0) -> jax.Array:
    """ws [N, num_ws, w_dim] -> images [N, R, R, channels].

    Args:
      ws: from `map`, or edited.
      noise: 'const' (the stored maps), 'random' (new ones from `seed`) or 'none'.
      seed: of the random noise.

    Raises:
      ValueError: no such noise mode.
    """
    ws = jnp.asarray(ws)
    keys = jax.random.split(jax.random.key(seed), len(ws))
    resolution = self.generator.synthesis.resolution
    maps = noise_maps(noise, self._weights['noise_maps'], keys, resolution)
    return _synthesize(self.generator, self._weights['generator'], ws, maps)

  def discriminate(self, img, label=None) -> jax.Array:
    """Images [N, R, R, channels] -> logits [N, 1]; positive means real.

    N is a multiple of the minibatch-std group, or smaller than it.
    """
    if 'discriminator' not in self._weights:
      raise UserError('no discriminator was loaded: use StyleGAN2.load(..., discriminator=True)')
    label, params = self._labels(label, len(img)), self._weights['discriminator']
    return _discriminate(self.discriminator, params, jnp.asarray(img), label)

  def sample(
    self, n: int, psi: float = 1.0, seed: int = 0, label=None, noise: str = 'const'
  ) -> np.ndarray:
    """n images [n, R, R, channels]: as `launch.py sample` draws seeds `seed`, `seed` + 1, …"""
    return to_float(self.sample_seeds(range(seed, seed + n), psi, label, noise))

  def sample_seeds(
    self, seeds: Sequence[int], psi: float = 1.0, label=None, noise: str = 'const'
  ) -> np.ndarray:
    """One picture per seed: uint8 [len(seeds), R, R, channels]."""
    weights = self._weights
    sampler = Sampler(self.generator, weights['generator'], weights['w_avg'], weights['noise_maps'])
    return sampler.sample(seeds, psi, self._labels(label, len(seeds)), noise)

  def class_number(self, name: int | str) -> int:
    """The number of a class given by number or name.

    Raises:
      UserError: the model has no classes, or not this one.
    """
    if not self.class_names:
      raise UserError('this model is unconditional, trained without labels: leave the class out')
    if str(name) in self.class_names:
      return self.class_names.index(str(name))
    if str(name).isdecimal() and int(name) < len(self.class_names):
      return int(name)
    raise UserError(f'there is no class {name}: there are {", ".join(self.class_names)}')

  def _labels(self, label, n: int) -> np.ndarray | None:
    """[n, c_dim] from one class for all, a class for each, or vectors; None if unconditional."""
    if label is None:
      if self.class_names:
        raise UserError(
          f'this model is conditional: name a class out of {", ".join(self.class_names)}'
        )
      return None
    if np.ndim(label) == 2:
      return np.asarray(label, np.float32)
    classes = [label] * n if np.ndim(label) == 0 else list(label)
    numbers = [self.class_number(c.item() if hasattr(c, 'item') else c) for c in classes]
    return np.eye(len(self.class_names), dtype=np.float32)[numbers]


def _shapes(settings: Settings, c_dim: int) -> dict:
  """What the parts of a checkpoint look like, without computing anything."""
  data = settings.data
  networks = build_networks(settings.network, data.resolution, data.channels, c_dim)
  g_params, d_params, noise_maps = variable_shapes(*networks)
  w_avg = jax.ShapeDtypeStruct((settings.network.w_dim,), jnp.float32)
  return {
    'generator': {'ema_params': g_params, 'w_avg': w_avg, 'noise_maps': noise_maps},
    'discriminator': {'d_params': d_params},
  }


@functools.partial(jax.jit, static_argnums=0)
def _map(generator, params, z, label):
  return generator.apply({'params': params}, z, label, method='map')


@functools.partial(jax.jit, static_argnums=0)
def _synthesize(generator, params, ws, noise):
  return generator.apply({'params': params}, ws, noise, method='synthesize')


@functools.partial(jax.jit, static_argnums=0)
def _discriminate(discriminator, params, img, label):
  return discriminator.apply({'params': params}, img, label)
