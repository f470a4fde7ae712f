"""Choosing the source of pictures by `data.source`; the built-in, TFDS-backed one."""

import pathlib

import numpy as np

from stylegan2_jax.data import files
from stylegan2_jax.data.base import Example, Source, reading
from stylegan2_jax.errors import UserError


class TfdsSource(Source):
  """A prepared TFDS data set with the features `image` and `label`; needs no TensorFlow."""

  def __init__(self, data, builder):
    """Opens the split `train` of a prepared builder.

    Raises:
      UserError: files of the prepared set are missing or damaged.
    """
    super().__init__(data)
    import tensorflow_datasets as tfds  # only here: folders and zips do without

    self._name = builder.info.full_name
    self._remedy = f'remove {builder.data_dir}, and it will be prepared again'
    self.class_names = tuple(builder.info.features['label'].names)
    with reading(self._name, self._remedy):
      self._records = builder.as_data_source(
        split='train', decoders={'image': tfds.decode.SkipDecoding()}
      )
      self.read(0)

  def __len__(self):
    return len(self._records)

  def read(self, index):
    """Returns the Example `index`."""
    name = f'{self._name}[{index}]'
    with reading(name, self._remedy):
      record = self._records[index]
    return Example(record['image'], int(record['label']), name)

  def describe(self):
    """One line for people."""
    size = f'{self.data.resolution}x{self.data.resolution}'
    return f'{self._name}: {len(self)} images of {size}, {len(self.class_names)} classes'

  def labels(self):
    """All labels, int32 [len]."""
    return np.array([self.read(i).label for i in range(len(self))], np.int32)

  def _identity(self):
    yield f'{self._name} {len(self)}'


def open_source(data):
  """Opens the pictures to train on, and checks them.

  Args:
    data: DataSettings. `source` is `'shapes'` (the built-in set, prepared in `data.dir` if it is
      not there yet), or the path of a folder or of a zip archive. A folder that is itself called
      shapes is reached as `./shapes`.

  Returns:
    Source.

  Raises:
    UserError: one line that names what cannot be used, and the remedy.
  """
  source = _open_shapes(data) if data.source == 'shapes' else _open_path(data)
  if data.labels and not source.class_names:
    raise UserError(f'{data.source} has no labels: set data.labels=False')
  return source


def _open_shapes(data):
  if data.channels != 3:
    raise UserError(f'the data set shapes is RGB: set data.channels=3, not {data.channels}')
  from stylegan2_jax.data import shapes_builder  # only here: it imports TFDS

  config = shapes_builder.shapes_config(data.resolution)
  return TfdsSource(data, shapes_builder.prepare_shapes(data.dir, config))


def _open_path(data):
  path = pathlib.Path(data.source).expanduser()
  if path.is_dir():
    return files.FolderSource(data, path)
  if path.exists():
    return files.ZipSource(data, path)
  raise UserError(
    f"data.source={data.source} does not exist: give 'shapes', a folder or a zip of images"
  )
