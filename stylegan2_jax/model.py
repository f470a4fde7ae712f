"""A model without its training: settings, labels and weights, whatever file they came from."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from stylegan2_jax import backend
from stylegan2_jax.geometry import Size
from stylegan2_jax.labels import LabelSpace
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.settings import Settings
from stylegan2_jax.training.state import new_state

# Parts of the weights; all but the discriminator are always there.
WEIGHTS = ('generator', 'w_avg', 'noise_maps', 'discriminator')


@dataclasses.dataclass(frozen=True)
class Model:
  """What draws pictures, and judges them.

  `weights` is a tree of arrays: generator (its average), w_avg [w_dim], noise_maps
  (networks/noise.py) and, if it is there, discriminator.
  """

  settings: Settings
  labels: LabelSpace
  weights: dict[str, Any]
  notice: str = ''  # where imported weights are from and whose licence they carry


class ModelFacts:
  """What can be said of `self.model`, and of the `self.generator` built from it."""

  model: Model
  generator: Generator

  @property
  def settings(self) -> Settings:
    """The config of the run, or of what was imported."""
    return self.model.settings

  @property
  def params(self) -> dict[str, Any]:
    """All weights as one tree of arrays: generator, discriminator, w_avg, noise_maps."""
    return self.model.weights

  @property
  def labels(self) -> LabelSpace:
    """What labels the model takes."""
    return self.model.labels

  @property
  def notice(self) -> str:
    """Where imported weights are from and whose licence they carry; '' for those trained here."""
    return self.model.notice

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

  @property
  def z_dim(self) -> int:
    """Width of z."""
    return self.generator.mapping.z_dim

  @property
  def w_dim(self) -> int:
    """Width of w."""
    return self.generator.mapping.w_dim

  @property
  def num_ws(self) -> int:
    """The number of layers that take a w."""
    return self.generator.synthesis.num_ws

  @property
  def size(self) -> Size:
    """(height, width) of the images."""
    return self.generator.synthesis.size

  @property
  def channels(self) -> int:
    """Of the images."""
    return self.generator.synthesis.channels

  @property
  def w_avg(self) -> jax.Array:
    """[w_dim], the centre of W."""
    return self.params['w_avg']

  @property
  def noise_maps(self) -> NoiseMaps:
    """The stored noise maps, as in networks/noise.py."""
    return self.params['noise_maps']


def fresh_model(settings: Settings, labels: LabelSpace) -> Model:
  """The model that training with these settings begins with."""
  backend.run_where_called()
  data = settings.data
  pair = build_networks(settings.network, data.size, data.channels, labels.c_dim)
  state = new_state(settings.seed, *pair, settings.train)
  weights = (state.ema_params, state.w_avg, state.noise_maps, state.d_params)
  return Model(settings, labels, dict(zip(WEIGHTS, weights, strict=True)))


def weight_shapes(settings: Settings, c_dim: int) -> dict[str, Any]:
  """The shapes of the weights of a model, with all its parts, without computing anything."""
  data = settings.data
  networks = build_networks(settings.network, data.size, data.channels, c_dim)
  g_params, d_params, maps = variable_shapes(*networks)
  w_avg = jax.ShapeDtypeStruct((settings.network.w_dim,), jnp.float32)
  return dict(zip(WEIGHTS, (g_params, w_avg, maps, d_params), strict=True))
