"""The TFDS side of a prepared set: its features, its examples, its metadata.

TFDS's own builders prepare in one process and start over after an interruption. Here TFDS turns
examples into records and writes the metadata; the shards are written by `shards.py`.
"""

import pathlib
from collections.abc import Callable

import numpy as np

from stylegan2_jax.data.inputs.base import Label, Labels
from stylegan2_jax.data.preparation.conversion import Conversion


def features(conversion: Conversion, labels: Labels | None):
  """`image`, `name` and, with labels, `label`: a class, or a vector of floats."""
  from tensorflow_datasets import features as tfds  # not needed to read a help text

  width, height = conversion.stored_size
  found = {
    'image': tfds.Image(
      shape=(height, width, conversion.channels), encoding_format=conversion.format
    ),
    'name': tfds.Text(),
  }
  if labels is not None and labels.dim:
    found['label'] = tfds.Tensor(shape=(labels.dim,), dtype=np.float32)
  elif labels is not None:
    found['label'] = tfds.ClassLabel(names=list(labels.class_names))
  return tfds.FeaturesDict(found)


def serializer(
  conversion: Conversion, labels: Labels | None
) -> Callable[[bytes, str, np.ndarray | None], bytes]:
  """A function (encoded picture, name, label as `as_array` gives it) -> record."""
  from tensorflow_datasets.core.example_serializer import ExampleSerializer  # as above

  spec = features(conversion, labels)
  serializer_ = ExampleSerializer(spec.get_serialized_info())

  def serialize(encoded, name, label):
    example = {'image': encoded, 'name': name}
    if labels is not None:
      example['label'] = label
    # Not spec.serialize_example: the order of features in its bytes changes from run to run.
    found = serializer_.get_tf_example(spec.encode_example(example))
    return found.SerializeToString(deterministic=True)

  return serialize


def as_array(label: Label | None, labels: Labels | None) -> np.ndarray | None:
  """A label as it is stored: a class int32 [], a vector float32 [dim], or None."""
  if labels is None:
    return None
  return np.array(label, np.float32 if labels.dim else np.int32)


def write_metadata(
  directory: pathlib.Path,
  name: str,
  conversion: Conversion,
  labels: Labels | None,
  shard_lengths: list[int],
  num_bytes: int,
  description: str,
) -> None:
  """Makes a folder of shards a TFDS data set with the split `train`.

  Args:
    directory: with the shards.
    name: of the set.
    conversion: what was stored.
    labels: what the labels mean.
    shard_lengths: pictures in each shard.
    num_bytes: of all pictures, encoded.
    description: of the set, for people.
  """
  import tensorflow_datasets as tfds

  template = tfds.core.ShardedFileTemplate(
    dataset_name=name, data_dir=directory, split='train', filetype_suffix='array_record'
  )
  split = tfds.core.SplitInfo(
    name='train',
    shard_lengths=shard_lengths,
    num_bytes=num_bytes,
    filename_template=template,
  )
  tfds.folder_dataset.write_metadata(
    data_dir=directory,
    features=features(conversion, labels),
    split_infos=[split],
    description=description,
    check_data=False,
  )
