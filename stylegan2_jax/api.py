"""`StyleGAN2`: a model in a notebook, thin over the functions below it.

gan = StyleGAN2.load('runs/shapes')
gan.sample(24, psi=0.7).grid()
"""

import functools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax import model_files, presets, run_settings, weights_file
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.errors import UserError
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.model import Model, ModelFacts, fresh_model
from stylegan2_jax.networks.builder import build_networks, computing_in
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.sampler import Sampler, seed_latents
from stylegan2_jax.settings import Settings
from stylegan2_jax.training.preemption import StopRequest

_DTYPES = ('float32', 'bfloat16', 'float16', 'float64')


class StyleGAN2(ModelFacts):
  """A generator (its EMA), its w_avg and noise maps, and the discriminator, ready to use.

  Images are float32 NHWC in about [-1, 1]. A label is a class, by number or name, or a vector
  [c_dim]; it stands for all images, or there is one for each: [N] classes, [N, c_dim] vectors.
  A vector may also lie between classes. `LabelSpace.vectors` has the details.
  """

  def __init__(
    self,
    config: Any,
    overrides: Mapping[str, object] | None = None,
    dtype: str = 'float32',
  ):
    """A model to train, with fresh weights. `load` is for trained ones.

    Args:
      config: a preset file, such as 'configs/shapes.py'; what its `get_config()` gives; or
        `Settings`.
      overrides: fields of a preset file to replace: {'data.source': 'photos.zip'}.
      dtype: what to compute in, see `load`; training has its own precision, `network.num_reduced`.

    Raises:
      UserError: the config is wrong, or it has labels and their data cannot be opened.
    """
    self._preset, self._dtype = None, dtype
    self._overrides = {field: str(value) for field, value in (overrides or {}).items()}
    if isinstance(config, str | os.PathLike):
      self._preset = os.fspath(config)
      draft = run_settings.training_settings(self._preset, self._overrides, None)
      settings = run_settings.adapted(draft, self._preset, self._overrides, None)
    elif overrides:
      raise UserError('overrides are for preset files: change the config itself')
    else:
      settings = config if isinstance(config, Settings) else presets.to_settings(config)
    self._take(fresh_model(settings, _labels_of_data(settings)))

  @classmethod
  def load(
    cls,
    path: str | os.PathLike,
    step: int | None = None,
    discriminator: bool = True,
    dtype: str = 'float32',
  ) -> 'StyleGAN2':
    """A trained model.

    Args:
      path: folder of a run, one of its checkpoints, a .safetensors of `save_weights`, or a file
        of another implementation that `launch.py import` knows.
      step: one of the saved steps of a run (default: the newest; `list_checkpoints` has them).
      discriminator: whether to load D as well, which `discriminate` needs.
      dtype: 'float32'; 'float64' for exact results (with jax_enable_x64); 'bfloat16' or 'float16'
        at the highest resolutions, which is faster where the hardware is made for it.

    Raises:
      UserError: nothing is there, it is damaged or of another network, or there is no such dtype.
    """
    self = cls.__new__(cls)
    self._preset, self._overrides, self._dtype = None, {}, dtype
    self._take(model_files.read_model(path, step, discriminator))
    return self

  @staticmethod
  def list_checkpoints(workdir: str | os.PathLike) -> list[int]:
    """The saved steps of a run, oldest first; see `model_files.list_checkpoints`."""
    return model_files.list_checkpoints(workdir)

  def train(self, workdir: str | os.PathLike, restart: bool = False) -> 'StyleGAN2':
    """Trains in `workdir`, as `launch.py train`, and takes the result; returns itself.

    A run that is there goes on. Interrupting saves, and the next call goes on.

    Args:
      workdir: folder of the run.
      restart: begin anew; the run that is there is kept, under the name `workdir`.1 (or .2, ...).

    Raises:
      UserError, TrainingFailed, Preempted: as `session.train`.
    """
    from stylegan2_jax.training import session  # takes a fifth of a second, which drawing need not

    if restart:
      RunDirectory(workdir).set_aside()
    settings = run_settings.adapted(self.settings, self._preset, self._overrides, workdir)
    stop = StopRequest(ends_process=False)
    with stop.listening():
      session.train(settings, pathlib.Path(workdir), stop)
    self._take(model_files.read_model(workdir))
    return self

  def save_weights(self, path: str | os.PathLike) -> None:
    """Writes weights, config and labels into one .safetensors, which `load` reads."""
    weights_file.save(path, self.model)

  def load_weights(self, path: str | os.PathLike) -> None:
    """Takes the weights of a file or run, of networks of the same form.

    Raises:
      UserError: as `load`, or its networks are others.
    """
    found = model_files.read_model(path)
    ours, theirs = (
      (m.settings.network, m.settings.data.size, m.settings.data.channels)
      for m in (self.model, found)
    )
    if ours != theirs:
      raise UserError(f'{path} has other networks than this model: use StyleGAN2.load')
    self._take(found)

  def latents(self, seeds: Sequence[int]) -> jax.Array:
    """z [N, z_dim] of seeds, those that `sample` draws from."""
    return seed_latents(jnp.asarray(seeds, jnp.uint32), self.z_dim, self.w_avg.dtype)[0]

  def map(
    self, z, label=None, psi: float = 1.0, cutoff: int | None = None, center: str = 'global'
  ) -> jax.Array:
    """z [N, z_dim] -> ws [N, num_ws, w_dim], truncated by ψ below the cutoff.

    Towards w_avg, or with `center='class'` towards the mean w of its own class or label vector
    (`Sampler.centers`). The official implementation has the one w_avg for all classes.
    """
    label = self.labels.vectors(label, len(z))
    ws = _map(self.generator, self.params['generator'], jnp.asarray(z), label)
    return truncate(ws, self._sampler.centers(center, label), psi, cutoff)

  def synthesize(self, ws, noise: str | NoiseMaps = 'const', seed: int = 0) -> jax.Array:
    """ws [N, num_ws, w_dim] -> images [N, H, W, channels].

    Args:
      ws: from `map`, or edited.
      noise: 'const' (the stored maps), 'random' (new ones from `seed`), 'none', or maps.
      seed: of the random noise.

    Raises:
      ValueError: no such noise mode.
    """
    return self._sampler.synthesize(jnp.asarray(ws), noise, seed)

  def draw(
    self, ws, noise: str | NoiseMaps = 'const', seed: int = 0, batch_size: int | None = None
  ) -> np.ndarray:
    """As `synthesize`, for any number of ws: uint8 [N, H, W, channels], a batch at a time."""
    return self._sampler.draw(ws, noise, seed, batch_size)

  def discriminate(self, img, label=None) -> jax.Array:
    """Images [N, H, W, channels] -> logits [N, 1]; positive means real.

    N is a multiple of the minibatch-std group, or smaller than it.
    """
    if 'discriminator' not in self.params:
      raise UserError(
        'no discriminator was loaded: use StyleGAN2.load(..., discriminator=True), of a model '
        'that has one'
      )
    label, params = self.labels.vectors(label, len(img)), self.params['discriminator']
    return _discriminate(self.discriminator, params, jnp.asarray(img), label)

  def sample(
    self,
    n: int,
    psi: float = 1.0,
    seed: int = 0,
    label=None,
    noise: str = 'const',
    center: str = 'global',
    cutoff: int | None = None,
  ) -> Images:
    """n images [n, H, W, channels]: as `launch.py sample` draws seeds `seed`, `seed` + 1, …

    A notebook shows them as a grid; `.grid()` and `.save('x.png')` make one.
    """
    seeds = range(seed, seed + n)
    return Images.of(self.sample_seeds(seeds, psi, label, noise, center, cutoff))

  predict = sample  # the name that users of one of this project's origins know

  def sample_seeds(
    self,
    seeds: Sequence[int],
    psi: float = 1.0,
    label=None,
    noise: str = 'const',
    center: str = 'global',
    cutoff: int | None = None,
  ) -> np.ndarray:
    """One picture per seed: uint8 [len(seeds), H, W, channels]; `center` as in `map`."""
    labels = self.labels.vectors(label, len(seeds))
    return self._sampler.sample(seeds, psi, labels, noise, center=center, cutoff=cutoff)

  def class_number(self, name: int | str) -> int:
    """The number of a class given by number or name.

    Raises:
      UserError: the model has no classes, or not this one.
    """
    return self.labels.class_number(name)

  def _take(self, model: Model) -> None:
    """Becomes a model: its networks in the chosen precision, and its weights on the device."""
    dtype, data = self._dtype, model.settings.data
    if dtype not in _DTYPES:
      raise UserError(f'there is no dtype {dtype}: use one of {", ".join(_DTYPES)}')
    if dtype == 'float64' and not jax.config.jax_enable_x64:
      raise UserError("dtype float64 needs jax.config.update('jax_enable_x64', True) first")
    base = jnp.float64 if dtype == 'float64' else jnp.float32
    weights = jax.tree.map(lambda x: jnp.asarray(x, base), model.weights)
    self.model = Model(model.settings, model.labels, weights, model.notice)
    network = computing_in(model.settings.network, dtype)
    self.generator, self.discriminator = build_networks(
      network, data.size, data.channels, model.labels.c_dim, base
    )
    self._sampler = Sampler(
      self.generator, weights['generator'], weights['w_avg'], weights['noise_maps']
    )


def _labels_of_data(settings: Settings) -> LabelSpace:
  """What labels a model of these settings will take."""
  if not settings.data.labels:
    return LabelSpace()
  source = open_source(settings.data)
  return LabelSpace(source.label_dim, tuple(source.class_names), tuple(source.component_names))


@functools.partial(jax.jit, static_argnums=0)
def _map(generator, params, z, label):
  return generator.apply({'params': params}, z, label, method='map')


@functools.partial(jax.jit, static_argnums=0)
def _discriminate(discriminator, params, img, label):
  return discriminator.apply({'params': params}, img, label)
