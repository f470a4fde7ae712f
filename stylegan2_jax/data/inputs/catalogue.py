"""Data sets of the TFDS catalogue, and others that TFDS has prepared, read without TensorFlow."""

import bisect
import contextlib
import importlib.util
import itertools
import os
import pathlib
import re

import numpy as np

from stylegan2_jax.data import locating
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.archives import opening
from stylegan2_jax.data.inputs.base import Input, Labels, Picture, Problem
from stylegan2_jax.data.notices import notice
from stylegan2_jax.data.prepared import open_builder
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing

_PREFIX = 'tfds:'
_NAME = re.compile(r'(\w+(?:/[\w.+-]+)?)(?::(\d+\.\d+\.\d+))?', re.ASCII)
_INFO = 'dataset_info.json'
_AS_RECORDS = 'array_record'


def recognises(path):
  """Whether the path is a folder with a data set that TFDS has prepared."""
  path = pathlib.Path(path)
  if not path.is_dir():
    return False
  return (path / _INFO).is_file() or any(file.is_file() for file in path.glob(f'*/{_INFO}'))


class CatalogueInput(Input):
  """The feature `image`, or the only image feature, with the feature `label` if there is one."""

  kind = 'TFDS data set'

  def __init__(self, source, split='train', data_dir=None):
    """Opens a prepared set; prepares it first if it is not there and TensorFlow is installed.

    Args:
      source: str, name of a set, as in 'cifar10', 'tfds:mnist' or 'oxford_flowers102:2.1.1'; or a
        pathlib.Path of the folder of a prepared one.
      split: name of a split, 'all' (one after the other), or what TFDS takes for a split.
      data_dir: path where TFDS puts data sets; None is TFDS's own choice.

    Raises:
      UserError: there is no such set or split, it holds no pictures, or cannot be read or made.
    """
    if isinstance(source, pathlib.Path):
      self._shown = names.shown(str(source))
      builder = _at(source)
    else:
      name = source.removeprefix(_PREFIX)
      self._shown = names.shown(name)
      builder = _named(name, data_dir)
    features = builder.info.features
    self._image = _image_key(self._shown, features)
    used = {self._image: features[self._image]}
    self.labels = _labels(features)
    if self.labels:
      used['label'] = features['label']
    self._open(builder, split, used)
    if not len(self):
      raise UserError(f'{self._shown} holds no pictures in the split {split}: take another')

  def _open(self, builder, split, used):
    import tensorflow_datasets as tfds  # only here: no other input needs it

    self._features = tfds.features.FeaturesDict(used)
    self._decoders = {self._image: tfds.decode.SkipDecoding()}
    self._splits = list(builder.info.splits) if split == 'all' else [split]
    known = listing([*builder.info.splits, 'all'])
    with opening(f'{self._shown}[{split}]', f'splits are {known}'):
      found = [builder.info.splits[name] for name in self._splits]
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    with _no_records(self._shown), opening(self._shown, 'prepare it again'):
      self._records = [
        builder.as_data_source(split=name, deserialize_method=raw) for name in self._splits
      ]
      for records in self._records:
        if len(records):
          records[0]  # raises for a set that is not there as a whole
      self._ends = list(itertools.accumulate(len(records) for records in self._records))
    self._identity = [builder.info.full_name]
    for name, info, records in zip(self._splits, found, self._records, strict=True):
      self._identity.append(f'{name} {len(records)} {info.num_bytes}')

  def __len__(self):
    return self._ends[-1] if self._ends else 0

  def pictures(self, start=0):
    """All pictures from number `start` on, encoded as they were."""
    for index in range(start, len(self)):
      which = bisect.bisect_right(self._ends, index)
      inside = index - (self._ends[which - 1] if which else 0)
      name = f'{names.shown(self._splits[which])}[{inside}]'
      yield self._picture(name, self._records[which], inside)

  def _picture(self, name, records, index):
    try:
      record = self._features.deserialize_example_np(records[index], decoders=self._decoders)
      content = bytes(record[self._image]) or Problem('is empty')
      return Picture(name, content, self._label(record))
    except Exception as error:  # array_record, protocol buffers, TFDS: each has its own
      return Picture(name, Problem(f'cannot be read ({names.reason(error)})'), None)

  def _label(self, record):
    """A class or a vector; None without labels, and for -1, by which TFDS says the same."""
    if self.labels is None:
      return None
    if self.labels.dim:
      return tuple(float(value) for value in record['label'])
    label = int(record['label'])
    if label >= len(self.labels.class_names):
      raise ValueError(f'its label is {label}, of {len(self.labels.class_names)} classes')
    return label if label >= 0 else None

  def identity(self):
    """Name, version, and sizes of the splits."""
    return self._identity


def _at(path):
  """The builder of the prepared set that a folder is or contains."""
  folder = locating.find_prepared(path)
  if folder is None:
    raise UserError(f'{names.shown(str(path))} holds no prepared TFDS data set: give its folder')
  return _open_builder(folder)


def _named(name, data_dir):
  """The builder of the set with a name, prepared now if it is not yet."""
  match = _NAME.fullmatch(name)
  if match is None:
    raise UserError(
      f'{names.shown(name)} is no name of the TFDS catalogue: give one as in cifar10, '
      'oxford_flowers102:2.1.1 or tfds:mnist'
    )
  root = data_dir or os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets'
  folder = locating.find_prepared(pathlib.Path(root).expanduser() / match[1], match[2])
  return _open_builder(folder) if folder else _prepare(name, root)


def _open_builder(folder):
  """The builder of a set in a folder, whatever made it. Raises UserError in printable words."""
  with opening(names.shown(str(folder)), 'prepare it again'):
    try:
      return open_builder(folder)
    except UserError as error:
      raise error.__cause__ or error from None


def _prepare(name, root):
  """Has TFDS download and prepare a set."""
  import tensorflow_datasets as tfds  # as above

  try:
    with _quiet():
      builder = tfds.builder(name, data_dir=os.path.expanduser(root), file_format=_AS_RECORDS)
  except Exception as error:  # of many kinds; the first line says it, lists follow
    said = names.shown((str(error).strip().splitlines() or [type(error).__name__])[0])
    raise UserError(
      f'cannot use {name} of the TFDS catalogue ({said}): see '
      'https://www.tensorflow.org/datasets/catalog for names and versions'
    ) from error
  _image_key(name, builder.info.features)  # before anything is downloaded
  if importlib.util.find_spec('tensorflow') is None:
    raise UserError(
      f'{name} is not prepared in {root}, which only TensorFlow can do: pip install tensorflow, '
      'and give the same command again'
    )
  notice(f'{name} is not prepared in {root}: TFDS downloads and prepares it now ...')
  with opening(name, 'see what it says, or prepare it with `tfds build`'):
    builder.download_and_prepare()
  return builder


def _image_key(shown, features):
  """The name of the feature with the pictures. Raises UserError if it is not clear."""
  import tensorflow_datasets as tfds  # as above

  image, mask = tfds.features.Image, tfds.features.LabeledImage
  images = [k for k, f in features.items() if isinstance(f, image) and not isinstance(f, mask)]
  if 'image' in images:
    return 'image'
  if len(images) != 1:
    found = f'the image features {listing(images)}' if images else 'no image feature'
    raise UserError(f'{shown} has {found}, and none called image: take another data set')
  return images[0]


def _labels(features):
  """Labels by the feature `label`: classes, a vector of floats, or None for anything else."""
  feature = dict(features.items()).get('label')
  if getattr(feature, 'num_classes', None):
    return Labels('the data set', tuple(names.shown(name) for name in feature.names))
  if feature is not None and len(feature.shape or ()) == 1 and feature.np_dtype == np.float32:
    return Labels('the data set', dim=feature.shape[0]) if feature.shape[0] else None
  return None


@contextlib.contextmanager
def _no_records(shown):
  """Says what to do about a set that can only be read front to back, with TensorFlow."""
  try:
    yield
  except UserError as error:
    if isinstance(error.__cause__, NotImplementedError):
      raise UserError(
        f'{shown} is prepared in a form that only TensorFlow reads: prepare it again with '
        f'`tfds build --file_format={_AS_RECORDS}`'
      ) from error
    raise


@contextlib.contextmanager
def _quiet():
  """Keeps TFDS from logging that a set is not there yet."""
  from absl import logging

  verbosity = logging.get_verbosity()
  logging.set_verbosity(logging.ERROR)
  try:
    yield
  finally:
    logging.set_verbosity(verbosity)
