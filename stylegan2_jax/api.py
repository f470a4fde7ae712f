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
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.sampler import Sampler, noise_maps


class StyleGAN2:
  """A generator (its EMA), its w_avg and noise maps, and the discriminator, ready to use.

  Images are float32 NHWC in about [-1, 1]. A label is a class, by number or name, or a vector
  [c_dim]; it stands for all images, or there is one for each: [N] classes, [N, c_dim] vectors.
  A vector may also lie between classes. `LabelSpace.vectors` has the details.
  """

  def __init__(self, settings: Settings, labels: LabelSpace, weights: dict):
    """Use `load`. `weights`: generator, discriminator, w_avg, noise_maps."""
    data = settings.data
    self.settings = settings
    self.labels = labels
    self.generator, self.discriminator = build_networks(
      settings.network, data.size, data.channels, labels.c_dim
    )
    self._weights = weights = jax.tree.map(jnp.asarray, weights)
    self._sampler = Sampler(
      self.generator, weights['generator'], weights['w_avg'], weights['noise_maps']
    )

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
      labels = LabelSpace.of_checkpoint(checkpoints.info(step))
      shapes = _shapes(settings, labels.c_dim)
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
    return cls(settings, labels, weights)

  @property
  def params(self) -> dict:
    """All weights as one tree of arrays: generator, discriminator, w_avg, noise_maps."""
    return self._weights

  @property
  def class_names(self) -> tuple[str, ...]:
    """Names of the classes; empty for unconditional models and for those of label vectors."""
    return self.labels.class_names

  @property
  def component_names(self) -> tuple[str, ...]:
    """What the components of label vectors mean, where known."""
    return self.labels.component_names

  @property
  def c_dim(self) -> int:
    """Width of the label vectors, the number of classes if there are; 0: unconditional."""
    return self.labels.c_dim

  def map(
    self, z, label=None, psi: float = 1.0, cutoff: int | None = None, center: str = 'global'
  ) -> jax.Array:
    """z [N, z_dim] -> ws [N, num_ws, w_dim], truncated by ψ below the cutoff.

    Towards w_avg, or with `center='class'` towards the mean w of its own class or label vector
    (`Sampler.centers`). The official implementation has the one w_avg for all classes.
    """
    label = self.labels.vectors(label, len(z))
    ws = _map(self.generator, self._weights['generator'], jnp.asarray(z), label)
    return truncate(ws, self._sampler.centers(center, label), psi, cutoff)

  def synthesize(self, ws, noise: str = 'const', seed: int = 0) -> jax.Array:
    """ws [N, num_ws, w_dim] -> images [N, H, W, channels].

    Args:
      ws: from `map`, or edited.
      noise: 'const' (the stored maps), 'random' (new ones from `seed`) or 'none'.
      seed: of the random noise.

    Raises:
      ValueError: no such noise mode.
    """
    ws = jnp.asarray(ws)
    keys = jax.random.split(jax.random.key(seed), len(ws))
    size = self.generator.synthesis.size
    maps = noise_maps(noise, self._weights['noise_maps'], keys, size)
    return _synthesize(self.generator, self._weights['generator'], ws, maps)

  def discriminate(self, img, label=None) -> jax.Array:
    """Images [N, H, W, channels] -> logits [N, 1]; positive means real.

    N is a multiple of the minibatch-std group, or smaller than it.
    """
    if 'discriminator' not in self._weights:
      raise UserError('no discriminator was loaded: use StyleGAN2.load(..., discriminator=True)')
    label, params = self.labels.vectors(label, len(img)), self._weights['discriminator']
    return _discriminate(self.discriminator, params, jnp.asarray(img), label)

  def sample(
    self,
    n: int,
    psi: float = 1.0,
    seed: int = 0,
    label=None,
    noise: str = 'const',
    center: str = 'global',
  ) -> np.ndarray:
    """n images [n, H, W, channels]: as `launch.py sample` draws seeds `seed`, `seed` + 1, …"""
    return to_float(self.sample_seeds(range(seed, seed + n), psi, label, noise, center))

  def sample_seeds(
    self,
    seeds: Sequence[int],
    psi: float = 1.0,
    label=None,
    noise: str = 'const',
    center: str = 'global',
  ) -> np.ndarray:
    """One picture per seed: uint8 [len(seeds), H, W, channels]; `center` as in `map`."""
    labels = self.labels.vectors(label, len(seeds))
    return self._sampler.sample(seeds, psi, labels, noise, center=center)

  def class_number(self, name: int | str) -> int:
    """The number of a class given by number or name.

    Raises:
      UserError: the model has no classes, or not this one.
    """
    return self.labels.class_number(name)


def _shapes(settings: Settings, c_dim: int) -> dict:
  """What the parts of a checkpoint look like, without computing anything."""
  data = settings.data
  networks = build_networks(settings.network, data.size, data.channels, c_dim)
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
