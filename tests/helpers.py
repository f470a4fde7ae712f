"""Networks and settings small enough to compile in seconds, and what several tests need."""

import dataclasses
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.config import DataSettings, NetworkSettings, Settings, TrainSettings
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training.state import TrainState, make_state


def network_settings(**changes) -> NetworkSettings:
  """The tiniest NetworkSettings in which every part exists."""
  tiny = {
    'z_dim': 8,
    'w_dim': 8,
    'mapping_layers': 2,
    'd_mapping_layers': 1,
    'channel_base': 64,
    'channel_max': 8,
    'mbstd_group': 2,
  }
  return NetworkSettings(**{**tiny, **changes})


def settings(resolution: int = 8, network: dict | None = None, **train) -> Settings:
  """Settings of a tiny run, with changes of the network and of the training."""
  return Settings(
    data=DataSettings(resolution=resolution),
    network=network_settings(**(network or {})),
    train=TrainSettings(**{'batch_size': 8, **train}),
  )


def networks(resolution: int = 8, channels: int = 3, c_dim: int = 0, dtype=jnp.float32, **changes):
  """(generator, discriminator) of `network_settings(**changes)`."""
  return build_networks(network_settings(**changes), resolution, channels, c_dim, dtype)


def shapes_of(generator, discriminator):
  """Shapes and dtypes of the parameters of both networks, without drawing them."""
  return variable_shapes(generator, discriminator)[:2]


def state_shapes(generator, discriminator, train: TrainSettings) -> TrainState:
  """Shapes and dtypes of the train state, without drawing weights."""

  def make(*variables):
    return make_state(*variables, generator, train, jax.random.key(0))

  return jax.eval_shape(make, *variable_shapes(generator, discriminator))


def random_state(generator, discriminator, train: TrainSettings, seed: int = 0) -> TrainState:
  """A train state of random values, none of them zero."""
  g_params, d_params = random_params(generator, discriminator, seed)
  noise = randomized(variable_shapes(generator, discriminator)[2], seed + 2)
  state = make_state(g_params, d_params, noise, generator, train, jax.random.key(seed))
  w_avg = randomized(state.w_avg, seed + 3)
  return state.replace(w_avg=w_avg, pl_mean=jnp.asarray(0.5, w_avg.dtype))


class SavedRun(NamedTuple):
  """A run's folder, and what its checkpoint holds."""

  path: pathlib.Path
  state: TrainState
  generator: Generator
  discriminator: Discriminator


def saved_run(path: pathlib.Path, class_names=(), step: int = 1, seed: int = 0) -> SavedRun:
  """A run with a checkpoint of random weights, whose training data is not there."""
  config = settings()
  data = dataclasses.replace(config.data, source='/nowhere', labels=bool(class_names))
  config = dataclasses.replace(config, data=data)
  pair = networks(c_dim=len(class_names))
  state = random_state(*pair, config.train, seed)
  # Of G itself and its average only the average draws pictures: they must differ.
  average = random_params(*pair, seed + 100)[0]
  state = state.replace(step=jnp.asarray(step, jnp.int32), ema_params=average)
  info = {'kimg': 0.0, 'data': {}, 'c_dim': len(class_names), 'class_names': list(class_names)}
  with RunDirectory(path).open(config) as run:
    checkpoints = Checkpoints(run.checkpoints_path, keep=5)
    checkpoints.save(state, info)
    checkpoints.close()
  return SavedRun(path, state, *pair)


def randomized(tree, seed: int, scale: float = 1.0, offset: float = 0.0):
  """N(offset, scale²) values in the shapes and dtypes of a tree of arrays or shapes.

  Fresh parameters hold zeros (biases, noise strengths) behind which a fault could hide.
  """
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: jnp.asarray(offset + scale * rng.standard_normal(x.shape), x.dtype), tree
  )


def random_params(generator, discriminator, seed: int = 0):
  """(parameters of G, parameters of D): of plausible size and none of them zero."""
  shapes = shapes_of(generator, discriminator)
  return tuple(_with_mapping(randomized(tree, seed + i)) for i, tree in enumerate(shapes))


def _with_mapping(params):
  """Weights of the mapping network are stored a hundred times as large."""
  if 'mapping' not in params:
    return params
  mapping = {
    name: {**layer, 'weight': layer['weight'] * (100 if name.startswith('fc') else 1)}
    for name, layer in params['mapping'].items()
  }
  return {**params, 'mapping': mapping}


def names(tree) -> dict[str, np.ndarray]:
  """Leaves by dotted path: {'b4.conv1.weight': array, ...}."""
  return {
    jax.tree_util.keystr(path, simple=True, separator='.'): np.asarray(leaf)
    for path, leaf in jax.tree.leaves_with_path(tree)
  }


def assert_trees_equal(actual, expected):
  """The same structure, dtypes and bits."""
  actual, expected = names(actual), names(expected)
  assert actual.keys() == expected.keys()
  for name, value in expected.items():
    assert actual[name].dtype == value.dtype, name
    np.testing.assert_array_equal(actual[name], value, name)


def assert_trees_close(actual, expected, rtol: float):
  """max |actual − expected| ≤ rtol·max |expected| for every leaf."""
  actual, expected = names(actual), names(expected)
  assert actual.keys() == expected.keys()
  for name, value in expected.items():
    assert actual[name].shape == value.shape, name
    error = np.abs(actual[name] - value).max(initial=0)
    assert error <= rtol * np.abs(value).max(initial=0), f'{name} is off by {error}'
