"""The TFRecords that StyleGAN and StyleGAN2 were trained on, read without TensorFlow.

A folder holds the set once in each resolution (`NAME-r02.tfrecords` of 4x4 to, say,
`NAME-r10.tfrecords` of 1024x1024), of which the largest is read, and `NAME-rxx.labels`.
"""

import pathlib
import re
import struct
import sys

import numpy as np

from stylegan2_jax.data.decoding import MAX_BYTES, MAX_SIDE
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Input, Picture, Problem
from stylegan2_jax.data.inputs.crc32c import masked_crc32c
from stylegan2_jax.data.inputs.failures import opening, problem, to_the_end
from stylegan2_jax.data.inputs.stamps import stamp
from stylegan2_jax.data.inputs.tfrecord_labels import LabelFile
from stylegan2_jax.errors import UserError

_ENDING = '.tfrecords'
_LEVEL = re.compile(r'(.*)-r(\d\d)', re.ASCII | re.DOTALL)
_HEADER = struct.Struct('<QI')  # length, its checksum
_LENGTH_BYTES = 8
_FOOTER = struct.Struct('<I')  # checksum of the data
_MAX_CHANNELS = 4
_REMEDY = 'download it again'


def recognises(path):
  """Whether the path is such a file, or a folder with some."""
  path = pathlib.Path(path)
  if path.is_dir():
    return any(file.is_file() for file in path.glob(f'*{_ENDING}'))
  return path.name.endswith(_ENDING) and path.is_file()


class TfRecordsInput(Input):
  """Raw pictures of one to four channels, with classes, vectors or no labels."""

  kind = 'TFRecords folder'

  def __init__(self, path, labels='auto'):
    """Goes through the lengths of all records.

    Args:
      path: of a folder or of one .tfrecords file; labels are looked for beside it.
      labels: 'auto', or 'none' to leave them alone.

    Raises:
      UserError: there are several sets, or none; it is damaged at once; the labels do not fit.
    """
    self._file = _largest(pathlib.Path(path))
    self._shown = names.shown(str(self._file))
    self._parse = _parser()
    with opening(self._shown, _REMEDY):
      self._stamp = stamp(self._file)
      self._bytes = self._file.stat().st_size
      self._count, broken = 0, False
      with self._file.open('rb') as stream:
        for *_, fault in _records(stream, self._bytes):
          self._count += 1
          broken = fault is not None  # then it is the last
    if self._count == broken:
      raise UserError(f'{self._shown} holds no whole record: {_REMEDY}')
    self._labels = None if labels == 'none' else self._open_labels(broken)
    self.labels = self._labels and self._labels.meaning

  def _open_labels(self, broken):
    """The LabelFile beside the records, None if there is none."""
    match = _LEVEL.fullmatch(self._file.stem)
    path = self._file.with_name(f'{match[1] if match else self._file.stem}-rxx.labels')
    with opening(names.shown(str(path)), f'{_REMEDY}, or use --labels=none'):
      if not path.is_file():
        return None
      # Of a file that breaks off nobody knows how many pictures it had.
      return LabelFile(path, self._count - broken, sys.maxsize if broken else self._count)

  def __len__(self):
    return self._count

  def pictures(self, start=0):
    """All pictures from number `start` on."""
    return to_the_end(self._read(start), start, len(self), self._name)

  def _read(self, start):
    with self._file.open('rb') as stream:
      for index, (place, length, fault) in enumerate(_records(stream, self._bytes)):
        if index >= start:
          yield self._picture(index, self._content(stream, place, length, fault))

  def _name(self, index):
    return f'{names.shown(self._file.stem)}[{index}]'

  def _picture(self, index, content):
    label = None
    if self.labels and not isinstance(content, Problem):
      try:
        label = self._labels[index]
      except Exception as error:  # the file has changed
        content = Problem(f'its label {problem(error).reason}')
    return Picture(self._name(index), content, label)

  def _content(self, stream, place, length, fault):
    if fault:
      return Problem(fault)
    if length > MAX_BYTES:
      return Problem(f'is larger than {MAX_BYTES >> 20} MiB')
    try:
      stream.seek(place)
      record = stream.read(length)
      (checksum,) = _FOOTER.unpack(stream.read(_FOOTER.size))
      if checksum != masked_crc32c(record):
        return Problem('is damaged: its checksum is another')
      return _pixels(self._parse(record))
    except Exception as error:  # systems, protocol buffers, TFDS: each has its own
      return problem(error)

  def identity(self):
    """Names, sizes and times of the files."""
    stamps = [f'{self._stamp} {self._count}']
    return [*stamps, self._labels.stamp] if self._labels else stamps


def _largest(path):
  """The file with the highest resolution in a folder, or the file itself."""
  if not path.is_dir():
    return path
  files = sorted(file for file in path.glob(f'*{_ENDING}') if file.is_file())
  levels = {file: _LEVEL.fullmatch(file.stem) for file in files}
  sets = {level[1] if level else file.stem for file, level in levels.items()}
  if len(sets) != 1:
    shown = ', '.join(names.shown(name) for name in sorted(sets)[:3]) or 'none'
    raise UserError(
      f'{names.shown(str(path))} holds {len(sets)} sets of TFRecords ({shown}): '
      'give the path of one .tfrecords file'
    )
  return max(files, key=lambda file: int(levels[file][2]) if levels[file] else -1)


def _records(stream, size):
  """Yields (place, length, fault) of each record; after the first with a fault nothing follows."""
  place = 0
  while place < size:
    stream.seek(place)
    header = stream.read(_HEADER.size)
    place += _HEADER.size
    if len(header) < _HEADER.size:
      yield place, 0, 'is truncated, as the whole file is'
      return
    length, checksum = _HEADER.unpack(header)
    if checksum != masked_crc32c(header[:_LENGTH_BYTES]):
      yield place, 0, 'is damaged, and all after it is out of reach'
      return
    if place + length + _FOOTER.size > size:
      yield place, 0, 'is truncated, as the whole file is'
      return
    yield place, length, None
    place += length + _FOOTER.size


def _parser():
  """A function from a record, a tf.train.Example, to its `shape` and `data`."""
  import tensorflow_datasets as tfds  # only here: it can read them, without TensorFlow

  features = tfds.features.FeaturesDict(
    {'shape': tfds.features.Tensor(shape=(3,), dtype=np.int64), 'data': tfds.features.Text()}
  )
  return features.deserialize_example_np


def _pixels(example):
  """Pixels [H, W, C] out of a parsed record, or a Problem."""
  channels, height, width = (int(side) for side in example['shape'])
  data = example['data']
  if not (1 <= channels <= _MAX_CHANNELS and 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
    return Problem(f'has {channels} channels of {width}x{height} pixels')
  if len(data) != channels * height * width:
    return Problem('has fewer or more pixels than it says')
  pixels = np.frombuffer(data, np.uint8).reshape(channels, height, width)
  return np.ascontiguousarray(pixels.transpose(1, 2, 0))
