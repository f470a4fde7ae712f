"""The train state: everything that evolves, in one tree."""

from typing import Any

import jax
import numpy as np
from flax import struct

from stylegan2_jax.networks.builder import init_networks
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.settings import AugmentSettings, TrainSettings
from stylegan2_jax.training.ada import AugmentState, new_augment_state
from stylegan2_jax.training.optimizers import lazy_adam

Params = Any


@struct.dataclass
class TrainState:
  """What a checkpoint holds; with the root key and the step every draw is determined."""

  step: jax.Array  # int32 [], steps done
  key: jax.Array  # uint32 [2], raw data of the root key
  g_params: Params
  d_params: Params
  g_opt: Any  # Adam's state, shared by the phases of G
  d_opt: Any
  ema_params: Params  # of G
  w_avg: jax.Array  # [w_dim], moving mean of w
  pl_mean: jax.Array  # [], moving mean of path lengths
  noise_maps: NoiseMaps  # constant noise, drawn once
  augment: AugmentState
  bad_steps: jax.Array  # int32 [], latest steps in a row that met gradients which are not finite


def g_optimizer(train: TrainSettings):
  """Adam for G, rescaled for the path-length interval."""
  return lazy_adam(
    train.learning_rate, train.adam_b1, train.adam_b2, train.adam_eps, train.pl_interval
  )


def d_optimizer(train: TrainSettings):
  """Adam for D, rescaled for the R1 interval."""
  rate = train.learning_rate if train.d_learning_rate is None else train.d_learning_rate
  return lazy_adam(rate, train.adam_b1, train.adam_b2, train.adam_eps, train.r1_interval)


def new_state(
  seed: int,
  generator: Generator,
  discriminator: Discriminator,
  train: TrainSettings,
  augment: AugmentSettings = AugmentSettings(),  # noqa: B008 (immutable)
) -> TrainState:
  """A fresh state; initial weights and training draws come from different keys."""
  init_key, root_key = jax.random.split(jax.random.key(seed))
  g_params, d_params, noise_maps = init_networks(init_key, generator, discriminator)
  return make_state(g_params, d_params, noise_maps, generator, train, root_key, augment)


def make_state(
  g_params,
  d_params,
  noise_maps,
  generator: Generator,
  train: TrainSettings,
  root_key: jax.Array,
  augment: AugmentSettings = AugmentSettings(),  # noqa: B008 (immutable)
) -> TrainState:
  """The state at step 0 of given weights.

  What is zero comes from the host: JAX would compile a program for each shape.
  """
  dtype = generator.mapping.param_dtype
  state = TrainState(
    step=np.zeros((), np.int32),
    key=jax.random.key_data(root_key),
    g_params=g_params,
    d_params=d_params,
    g_opt=_zeros(g_optimizer(train).init, g_params),
    d_opt=_zeros(d_optimizer(train).init, d_params),
    ema_params=jax.device_put(g_params, may_alias=False),  # a copy: both trees are donated
    w_avg=np.zeros((generator.mapping.w_dim,), dtype),
    pl_mean=np.zeros((), dtype),
    noise_maps=noise_maps,
    augment=new_augment_state(augment, dtype),
    bad_steps=np.zeros((), np.int32),
  )
  return jax.device_put(state)


def _zeros(init, params):
  """What `init` of an Adam makes of parameters: a tree of zeros."""
  return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), jax.eval_shape(init, params))
