"""Networks and settings small enough to compile in seconds, and what several tests need."""

import dataclasses
import io
import json
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from stylegan2_jax.config import from_mapping
from stylegan2_jax.geometry import Size
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.saving import CheckpointWriter
from stylegan2_jax.settings import DataSettings, NetworkSettings, Settings, TrainSettings
from stylegan2_jax.training import parallel
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


def settings(resolution: int = 8, network: dict | None = None, data=None, **train) -> Settings:
  """Settings of a tiny run, with changes of the network, the data and the training."""
  return Settings(
    data=DataSettings(resolution=resolution, **(data or {})),
    network=network_settings(**(network or {})),
    train=TrainSettings(**{'batch_size': 8, **train}),
  )


def changed(**fields):
  """The default settings with fields replaced, dots written as double underscores."""
  values = dataclasses.asdict(Settings())
  for field, value in fields.items():
    group, _, name = field.rpartition('__')
    (values[group] if group else values)[name] = value
  return from_mapping(values, 'test')


def networks(size: int | Size = 8, channels: int = 3, c_dim: int = 0, dtype=jnp.float32, **changes):
  """(generator, discriminator) of `network_settings(**changes)`; a size of one number is square."""
  size = (size, size) if isinstance(size, int) else size
  return build_networks(network_settings(**changes), size, channels, c_dim, dtype)


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


def saved_run(
  path: pathlib.Path, class_names=(), step: int = 1, seed: int = 0, vector=0, component_names=()
) -> SavedRun:
  """A run with a checkpoint of random weights, whose training data is not there.

  `vector` is the width of vector labels, for a model that takes those instead of classes.
  """
  c_dim = vector or len(class_names)
  config = settings()
  data = dataclasses.replace(config.data, source='/nowhere', labels=bool(c_dim))
  config = dataclasses.replace(config, data=data)
  pair = networks(c_dim=c_dim)
  state = random_state(*pair, config.train, seed)
  # Of G itself and its average only the average draws pictures: they must differ.
  average = random_params(*pair, seed + 100)[0]
  state = state.replace(step=jnp.asarray(step, jnp.int32), ema_params=average)
  names = {'class_names': list(class_names), 'component_names': list(component_names)}
  info = {'kimg': 0.0, 'data': {}, 'c_dim': c_dim, **names}
  with RunDirectory(path).open(config) as run:
    checkpoints = CheckpointWriter(run.checkpoints_path, keep=5)
    checkpoints.save(state, info)
    checkpoints.close()
  return SavedRun(path, state, *pair)


def prepared_set(
  path: pathlib.Path, pictures, labels=None, class_names=None, record=None, shards=2
):
  """Writes a prepared TFDS set of a few shards into `path` (NAME/VERSION), and returns `path`.

  Args:
    path: a folder that is not there yet.
    pictures: list of uint8 [H, W, C]; if their sizes differ, the set says so.
    labels: class numbers, float vectors [n, c], or None.
    class_names: of classes.
    record: what to write into preparation.json.
    shards: their number.
  """
  import tensorflow_datasets as tfds
  from array_record.python import array_record_module

  shapes = {picture.shape for picture in pictures}
  shape = shapes.pop() if len(shapes) == 1 else (None, None, pictures[0].shape[2])
  spec = {'image': tfds.features.Image(shape=shape, encoding_format='png')}
  spec['name'] = tfds.features.Text()
  if class_names is not None:
    spec['label'] = tfds.features.ClassLabel(names=list(class_names))
  elif labels is not None:
    spec['label'] = tfds.features.Tensor(shape=np.shape(labels)[1:], dtype=np.float32)
  features = tfds.features.FeaturesDict(spec)
  path.mkdir(parents=True)
  parts = np.array_split(np.arange(len(pictures)), shards)
  for shard, numbers in enumerate(parts):
    file = path / f'{path.parent.name}-train.array_record-{shard:05d}-of-{shards:05d}'
    writer = array_record_module.ArrayRecordWriter(str(file), 'group_size:1')
    for i in numbers:
      example = {'image': png(pictures[i]), 'name': f'{i}.png'}
      if labels is not None:
        example['label'] = labels[i]
      writer.write(features.serialize_example(example))
    writer.close()
  template = tfds.core.ShardedFileTemplate(
    dataset_name=path.parent.name, data_dir=path, split='train', filetype_suffix='array_record'
  )
  lengths = [len(numbers) for numbers in parts]
  split = tfds.core.SplitInfo('train', lengths, 1, template)
  tfds.folder_dataset.write_metadata(
    data_dir=path, features=features, split_infos=[split], check_data=False
  )
  if record is not None:
    (path / 'preparation.json').write_text(json.dumps(record))
  return path


def png(picture) -> bytes:
  """A PNG file of uint8 [H, W, C]."""
  buffer = io.BytesIO()
  Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(buffer, 'png')
  return buffer.getvalue()


def noise_pictures(count: int, height: int = 8, width: int = 8, channels: int = 3, seed: int = 0):
  """List of uint8 [height, width, channels], all different."""
  rng = np.random.default_rng(seed)
  return list(rng.integers(0, 256, (count, height, width, channels), np.uint8))


def limit_devices(patch, count: int) -> None:
  """Makes `parallel` believe that there are so many devices."""
  devices = tuple(jax.local_devices()[:count])
  patch.setattr(parallel, 'devices', lambda: devices)


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
    if actual[name].tobytes() != value.tobytes():  # also tells -0 from 0
      np.testing.assert_array_equal(actual[name], value, name)
      raise AssertionError(f'{name} differs in the bits of zeros or NaN')
    assert actual[name].tobytes() == value.tobytes(), f'{name}: the sign of a zero, or another NaN'


def assert_trees_close(actual, expected, rtol: float, least: float = 0.0):
  """max |actual − expected| ≤ rtol·max |expected| for every leaf.

  A leaf that is tiny beside the others may be a sum in which nearly all cancels: its maximum counts
  as `least` at least.
  """
  actual, expected = names(actual), names(expected)
  assert actual.keys() == expected.keys()
  for name, value in expected.items():
    assert actual[name].shape == value.shape, name
    error = np.abs(actual[name] - value).max(initial=0)
    assert error <= rtol * np.abs(value).max(initial=least), f'{name} is off by {error}'
