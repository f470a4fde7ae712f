"""Reading a prepared TFDS data set: encoded pictures at random, without TensorFlow.

The set need not be made by `launch.py prepare`: any with an image feature will do. Nothing in it
is trusted: what it says about itself is checked against its files, and no code that it names runs.
"""

import json
import pathlib
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.base import reading
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

AGAIN = 'prepare the set again (launch.py prepare)'
_FEATURES = 'tensorflow_datasets.core.features.'  # features of TFDS itself
_MAX_LABEL_DIM = 2**16


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
    num_bytes: of the set, or None where it does not say.
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
    if not isinstance(features, tfds.features.FeaturesDict):
      raise UserError(f'{self.path} does not hold pictures with names and labels: {AGAIN}')
    self._image_key = _image_key(self.path, features)
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
    self.num_bytes = builder.info.splits['train'].num_bytes

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


def open_builder(folder):
  """The TFDS builder of a prepared set, which needs none of the code that made the set.

  Raises:
    UserError: the files that describe it are missing, damaged, or not of TFDS alone.
  """
  import tensorflow_datasets as tfds  # as above

  with reading(folder, AGAIN):
    _check_features(folder)
    return tfds.builder_from_directory(folder)


def label_form(path, features):
  """(names of classes, width of the label vectors) by the feature `label`: ((), 0) without."""
  feature = dict(features.items()).get('label')
  if hasattr(feature, 'num_classes'):
    width = feature.num_classes or 0
  elif feature is not None and len(feature.shape or ()) == 1 and feature.np_dtype == np.float32:
    width = feature.shape[0] or 0
  else:
    return (), 0
  if not 1 <= width <= _MAX_LABEL_DIM:
    raise UserError(f'{path} has labels of width {width}, not 1 to {_MAX_LABEL_DIM}: {AGAIN}')
  names = tuple(feature.names) if hasattr(feature, 'num_classes') else ()
  return names, width


def _image_key(path, features):
  """The name of the feature that holds the pictures. Raises UserError."""
  import tensorflow_datasets as tfds  # as above

  images = [key for key in features if isinstance(features[key], tfds.features.Image)]
  if 'image' in images:
    images = ['image']
  if len(images) != 1:
    found = f'has the image features {listing(images)}' if images else 'has no image feature'
    raise UserError(f'{path} {found}, and none called image: take another data set')
  if features[images[0]].np_dtype != np.uint8:
    raise UserError(f'{path} has images of more than 8 bits per channel: {AGAIN}')
  return images[0]


def _check_features(folder):
  """Refuses features that are defined outside of TFDS, which would import what they name."""
  text = (folder / 'features.json').read_text(encoding='utf-8')
  todo = [json.loads(text)]
  while todo:
    value = todo.pop()
    if isinstance(value, dict):
      for key in ('pythonClassName', 'type'):
        name = value.get(key)
        if isinstance(name, str) and '.' in name and not name.startswith(_FEATURES):
          raise UserError(f'{folder} has a feature of its own kind, {one_line(name)}: {AGAIN}')
      todo += value.values()
    elif isinstance(value, list):
      todo += value


def _check_shards(path, info, remedy):
  """Raises UserError unless all files of the split are there, whole, and of the right length."""
  from array_record.python import array_record_module  # as above

  if 'train' not in info.splits:
    raise UserError(f'{path} has no split train, but {listing(list(info.splits))}: {AGAIN}')
  if info.file_format is None or info.file_format.value != 'array_record':
    kind = getattr(info.file_format, 'value', 'unknown')
    raise UserError(f'{path} is stored as {kind}, not as array_record: {AGAIN}')
  split = info.splits['train']
  if not split.num_examples:
    raise UserError(f'{path} holds no images: {AGAIN}')
  for file, length in zip(split.filepaths, split.shard_lengths, strict=True):
    name = one_line(file, 300)  # the set itself says what its files are called
    if not file.is_file():
      raise UserError(f'cannot read {name} (it is missing): {remedy}')
    with reading(name, remedy):
      reader = array_record_module.ArrayRecordReader(str(file))
      found = reader.num_records()
      reader.close()
    if found != length:
      raise UserError(f'{name} is damaged (it holds {found} of {length} images): {remedy}')
