"""Reading a prepared TFDS data set: encoded pictures at random, without TensorFlow.

The set need not be made by `launch.py prepare`: any with an image feature will do. Nothing in it
is trusted: what it says about itself is checked against its files, and no code that it names runs.
"""

import pathlib
import resource
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.base import AGAIN, reading
from stylegan2_jax.data.tfds_features import image_key, label_form, open_builder
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

_OTHER_FILES = 200  # that a process may have open


class Stored(NamedTuple):
  """One picture of a set."""

  image: bytes  # encoded
  label: int | np.ndarray | None  # a class, a vector float32 [label_dim], None without


class Records:
  """The split `train` of a prepared set. Reading is safe from several threads.

  The pictures are the feature `image`, or the only image feature. The feature `label` gives the
  labels: classes (a ClassLabel) or vectors (a float Tensor of rank 1); of another kind it is left
  out.

  Attributes:
    name: str, with config and version.
    path: folder of the set.
    shape: (H, W, C), with None where pictures differ.
    class_names: tuple of str, empty without classes.
    label_dim: the number of classes, or the width of vectors; 0 without labels.
  """

  def __init__(self, path, remedy=AGAIN, builder=None):
    """Opens a set, and checks that all of its files are there.

    Args:
      path: folder that holds its `dataset_info.json`.
      remedy: what to do about missing or damaged files.
      builder: TFDS builder, where there is one.

    Raises:
      UserError: it holds no pictures that can be used, or files are missing or damaged.
    """
    import tensorflow_datasets as tfds  # only here: folders and zips do without

    builder = builder or open_builder(path)
    self.name = one_line(builder.info.full_name)
    self.path = pathlib.Path(builder.data_dir)
    self._remedy = remedy
    features = builder.info.features
    self._image_key = image_key(self.path, features)
    if features[self._image_key].np_dtype != np.uint8:
      raise UserError(f'{self.path} has images of more than 8 bits per channel: {AGAIN}')
    self.shape = features[self._image_key].shape
    self.class_names, self.label_dim = label_form(self.path, features)
    used = {self._image_key: features[self._image_key]}
    if self.label_dim:
      used['label'] = features['label']
    self._features = tfds.features.FeaturesDict(used)
    named = 'name' in features and isinstance(features['name'], tfds.features.Text)
    self._names = tfds.features.FeaturesDict({'name': features['name']}) if named else None
    self._decoders = {self._image_key: tfds.decode.SkipDecoding()}
    with reading(self.path, remedy):
      _check_shards(self.path, builder.info, remedy)
      raw = tfds.decode.DeserializeMethod.RAW_BYTES
      self._records = builder.as_data_source(split='train', deserialize_method=raw)

  def __len__(self):
    return len(self._records)

  def number(self, index):
    """What to call a picture by its number."""
    return f'{self.name}[{index}]'

  def read(self, index):
    """Returns the Stored `index`. Raises UserError if it is damaged."""
    with reading(self.number(index), self._remedy):
      found = self._features.deserialize_example_np(self._records[index], decoders=self._decoders)
      return Stored(bytes(found[self._image_key]), self._label(found))

  def origin(self, index):
    """Where a picture came from, where the set says so; else its number."""
    if self._names is None:
      return self.number(index)
    with reading(self.number(index), self._remedy):
      found = self._names.deserialize_example_np(self._records[index])
      return one_line(found['name'].decode('utf-8', 'replace'), 1000)

  def _label(self, found):
    if not self.label_dim:
      return None
    return int(found['label']) if self.class_names else np.asarray(found['label'], np.float32)


def _check_shards(path, info, remedy):
  """Raises UserError unless all files of the split are there, whole, and of the right length."""
  if 'train' not in info.splits:
    raise UserError(
      f'{path} has no split train, but {listing(list(info.splits)) or "none"}: {AGAIN}'
    )
  if info.file_format is None or info.file_format.value != 'array_record':
    kind = getattr(info.file_format, 'value', 'unknown')
    raise UserError(f'{path} is stored as {kind}, not as array_record: {AGAIN}')
  split = info.splits['train']
  if not split.num_examples:
    raise UserError(f'{path} holds no images: {AGAIN}')
  for file, length in zip(map(pathlib.Path, split.filepaths), split.shard_lengths, strict=True):
    _check_shard(path, file, length, remedy)
  _allow_open_files(path, len(split.shard_lengths))


def _check_shard(path, file, length, remedy):
  """Raises UserError unless the file holds so many records."""
  from array_record.python import array_record_module  # as above

  name = one_line(file, 300)  # the set itself says what its files are called
  if file.parent != path:
    raise UserError(f'{path} names the file {name}, which is not its own: {remedy}')
  if not file.is_file():  # nor is a pipe, of which the reader would wait for an end
    raise UserError(f'cannot read {name} (it is missing): {remedy}')
  with reading(name, remedy):
    reader = array_record_module.ArrayRecordReader(str(file))
    found = reader.num_records()
    reader.close()
  if found != length:
    raise UserError(f'{name} is damaged (it holds {found} of {length} images): {remedy}')


def _allow_open_files(path, count):
  """Every file of a set stays open once it was read from; more are allowed where that is few."""
  wanted = count + _OTHER_FILES
  soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  if soft == resource.RLIM_INFINITY or soft >= wanted:
    return
  try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
  except (ValueError, OSError):
    raise UserError(
      f'{path} consists of {count} files, and only {hard} may be open at a time: allow more, as '
      f'`ulimit -n {wanted}` does'
    ) from None
