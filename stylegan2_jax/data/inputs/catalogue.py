"""Data sets of the TFDS catalogue, and others that TFDS has prepared, read without TensorFlow."""

import bisect
import contextlib
import importlib.util
import itertools
import os
import pathlib
import re

from stylegan2_jax.data import locating
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Input, Labels, Picture, Problem
from stylegan2_jax.data.inputs.failures import opening, problem
from stylegan2_jax.data.inputs.stamps import stamp
from stylegan2_jax.data.notices import notice
from stylegan2_jax.data.tfds_features import image_key, label_form, open_builder
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

PREFIX = 'tfds:'  # before a name of the catalogue
_NAME = re.compile(r'(\w+(?:/[\w.+-]+)?)(?::(\d+\.\d+\.\d+))?', re.ASCII)
_AS_RECORDS = 'array_record'


def recognises(path):
  """Whether the path is a folder with data sets that TFDS has prepared."""
  try:
    return locating.find_prepared(pathlib.Path(path)) is not None
  except UserError:  # there are several
    return True


class CatalogueInput(Input):
  """The feature `image`, or the only image feature, with the feature `label` if there is one."""

  kind = 'TFDS data set'

  def __init__(self, source, split='train', data_dir=None, labels='auto'):
    """Opens a prepared set; prepares it first if it is not there and TensorFlow is installed.

    Args:
      source: str, name of a set, as in 'cifar10', 'tfds:mnist' or 'oxford_flowers102:2.1.1'; or a
        pathlib.Path of the folder of a prepared one.
      split: name of a split, 'all' (one after the other), or what TFDS takes for a split.
      data_dir: path where TFDS puts data sets; None is TFDS's own choice.
      labels: 'none' leaves them alone.

    Raises:
      UserError: there is no such set or split, it holds no pictures, or cannot be read or made.
    """
    if isinstance(source, pathlib.Path):
      self._shown = names.shown(str(source))
      builder = _at(source)
    else:
      name = source.removeprefix(PREFIX)
      self._shown = names.shown(name)
      builder = _named(name, data_dir)
    features = builder.info.features
    self._image = image_key(self._shown, features)
    used = {self._image: features[self._image]}
    class_names, width = ((), 0) if labels == 'none' else label_form(self._shown, features)
    if width:
      self.labels = Labels('the data set', class_names, 0 if class_names else width)
      used['label'] = features['label']
    self._open(builder, split, used)
    if not len(self):
      raise UserError(
        f'{self._shown} holds no pictures in the split {names.shown(split)}: take another'
      )

  def _open(self, builder, split, used):
    import tensorflow_datasets as tfds  # only here: no other input needs it

    self._features = tfds.features.FeaturesDict(used)
    self._decoders = {self._image: tfds.decode.SkipDecoding()}
    self._splits = list(builder.info.splits) if split == 'all' else [split]
    known = listing([*builder.info.splits, 'all'])
    with opening(f'{self._shown}[{names.shown(split)}]', f'splits are {known}'):
      found = [builder.info.splits[name] for name in self._splits]
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    if builder.info.file_format is None or builder.info.file_format.value != _AS_RECORDS:
      raise UserError(
        f'{self._shown} is prepared in a form that only TensorFlow reads: prepare it again with '
        f'`tfds build --file_format={_AS_RECORDS}`'
      )
    with opening(self._shown, 'prepare it again'):
      self._records = [
        builder.as_data_source(split=name, deserialize_method=raw) for name in self._splits
      ]
      for records in self._records:
        if len(records):
          records[0]  # raises for a set that is not there as a whole
      self._ends = list(itertools.accumulate(len(records) for records in self._records))
      self._identity = _identity(builder, found, self._records)

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
      return Picture(name, problem(error), None)

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
    """Name, version, sizes of the splits, and stamps of all files."""
    return self._identity


def _identity(builder, splits, sources):
  lines = [builder.info.full_name]
  for split, records in zip(splits, sources, strict=True):
    lines.append(f'{split.name} {len(records)} {split.num_bytes}')
    lines += [stamp(file) for file in split.filepaths]
  described = sorted(pathlib.Path(builder.data_dir).glob('*.json'))
  return [*lines, *map(stamp, described)]


def _at(path):
  """The builder of the prepared set that a folder is or contains."""
  folder = locating.find_prepared(path, what='--source')
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
  root = data_dir or locating.tfds_directory()
  folder = locating.find_prepared(pathlib.Path(root).expanduser() / match[1], match[2], '--source')
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
    said = one_line((str(error).strip().splitlines() or [type(error).__name__])[0], 300)
    raise UserError(
      f'cannot use {name} of the TFDS catalogue ({said}): see '
      'https://www.tensorflow.org/datasets/catalog for names and versions'
    ) from error
  shown = names.shown(os.fspath(root))
  image_key(name, builder.info.features)  # before anything is downloaded
  if importlib.util.find_spec('tensorflow') is None:
    raise UserError(
      f'{name} is not prepared in {shown}, which only TensorFlow can do: pip install tensorflow, '
      'and give the same command again'
    )
  notice(f'{name} is not prepared in {shown}: TFDS downloads and prepares it now ...')
  with opening(name, 'see what it says, or prepare it with `tfds build`'):
    builder.download_and_prepare()
  return builder


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
