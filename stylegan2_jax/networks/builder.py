"""From settings to the two modules, and their fresh variables."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from stylegan2_jax.geometry import Size
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.networks.initial_weights import few_draws
from stylegan2_jax.networks.mapping import Mapping
from stylegan2_jax.networks.noise import constant_noise
from stylegan2_jax.networks.synthesis import Synthesis
from stylegan2_jax.settings import NetworkSettings


def build_networks(
  network: NetworkSettings, size: Size, channels: int, c_dim: int, dtype: Any = jnp.float32
) -> tuple[Generator, Discriminator]:
  """The generator and the discriminator of a config.

  Args:
    network: sizes, architectures, precision.
    size: (height, width) of the images; geometry.py says which there are.
    channels: of the images.
    c_dim: width of the labels, 0 for unconditional networks.
    dtype: of the parameters and of all that is not in reduced precision.

  Raises:
    ValueError: no network has this size.
  """
  common = {
    'size': size,
    'channels': channels,
    'channel_base': network.channel_base,
    'channel_max': network.channel_max,
    'num_reduced': network.num_reduced,
    'reduced_dtype': jnp.dtype(network.reduced_dtype),
    'clamp': network.clamp if network.num_reduced > 0 else None,
    'equalized': network.equalized_lr,
    'dtype': dtype,
    'param_dtype': dtype,
  }
  synthesis = Synthesis(
    architecture=network.g_architecture,
    use_noise=network.noise,
    demodulation=network.demodulation,
    **common,
  )
  mapping = Mapping(
    z_dim=network.z_dim,
    c_dim=c_dim,
    w_dim=network.w_dim,
    num_layers=network.mapping_layers,
    num_ws=synthesis.num_ws,
    equalized=network.equalized_lr,
    dtype=dtype,
    param_dtype=dtype,
  )
  discriminator = Discriminator(
    architecture=network.d_architecture,
    c_dim=c_dim,
    mbstd_group=network.mbstd_group,
    mbstd_features=network.mbstd_features,
    mapping_layers=network.d_mapping_layers,
    **common,
  )
  return Generator(mapping, synthesis), discriminator


def computing_in(network: NetworkSettings, dtype: str) -> NetworkSettings:
  """The same networks with another precision, for using them, not for training.

  'float32' and 'float64' compute everything so (64 bits also need `build_networks(dtype=...)`);
  'bfloat16' and 'float16' the highest resolutions, as many as in training, else 4. The clamp of
  networks with reduced precision stays in any: it is part of what they learned, and the official
  code keeps it too.
  """
  reduced = dtype in ('bfloat16', 'float16')
  if reduced and network.num_reduced == 0:
    network = dataclasses.replace(network, num_reduced=4, clamp=None)
  return dataclasses.replace(network, reduced_dtype=dtype)


def example_inputs(generator: Generator, discriminator: Discriminator, n: int = 1):
  """Zeros: (z [n, z_dim], label [n, c_dim] or None, img [n, *size, channels])."""
  mapping = generator.mapping
  z = jnp.zeros((n, mapping.z_dim), mapping.dtype)
  label = jnp.zeros((n, mapping.c_dim), mapping.dtype) if mapping.c_dim else None
  return z, label, jnp.zeros((n, *discriminator.size, discriminator.channels), mapping.dtype)


def init_networks(key: jax.Array, generator: Generator, discriminator: Discriminator):
  """Fresh variables.

  Returns:
    (parameters of G, parameters of D, constant noise maps, also for a G that ignores them).
  """
  return _compiled_init(key, generator, discriminator)


def variable_shapes(generator: Generator, discriminator: Discriminator):
  """What `init_networks` would return, as jax.ShapeDtypeStruct, without computing it."""
  return jax.eval_shape(lambda key: _init(key, generator, discriminator), jax.random.key(0))


def _init(key, generator, discriminator):
  weight_key, noise_key = jax.random.split(key)
  z, label, img = example_inputs(generator, discriminator)
  with few_draws(weight_key):
    g_params = generator.init(key, z, label)['params']
    d_params = discriminator.init(key, img, label)['params']
  dtype = generator.mapping.param_dtype
  return g_params, d_params, constant_noise(noise_key, generator.synthesis.size, dtype)


# Runs once: compiled in less than half the time without optimization.
_compiled_init = jax.jit(
  _init, static_argnums=(1, 2), compiler_options={'xla_backend_optimization_level': 0}
)
