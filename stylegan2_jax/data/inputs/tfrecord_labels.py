"""The labels beside StyleGAN's TFRecords: a NumPy file of classes, one-hot rows or vectors."""

import math
import pathlib

import numpy as np

from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM, Label, Labels
from stylegan2_jax.data.inputs.stamps import stamp

_ORIGIN = 'the .labels file'
_AT_ONCE = 2**22  # numbers in memory
_HEADERS = {
  (1, 0): np.lib.format.read_array_header_1_0,
  (2, 0): np.lib.format.read_array_header_2_0,
}


class LabelFile:
  """Labels of pictures in a row.

  The file is read in parts, and not mapped: a mapped one that shrinks kills the process.

  Attributes:
    meaning: Labels; None for a file of no numbers, as the tools write it for a set without labels.
    stamp: str that changes with the file.
  """

  def __init__(self, path: pathlib.Path, least: int, most: int):
    """Looks through a file.

    Args:
      path: of it.
      least, most: for how many pictures it has to hold labels.

    Raises:
      OSError, ValueError: it cannot be read, is no such file or does not fit.
    """
    self._path, self.stamp = path, stamp(path)
    self._first, self._part = 0, None  # rows in memory, and the number of the first of them
    with path.open('rb') as stream:
      read_header = _HEADERS.get(np.lib.format.read_magic(stream))
      if read_header is None:
        raise ValueError('it has another version of the format')
      shape, self._by_columns, self._dtype = read_header(stream)
      self._offset = stream.tell()
    self.meaning = None
    if len(shape) == 2 and shape[1] == 0:
      return
    self._rows = shape[0] if shape else 0
    if not least <= self._rows <= most:
      pictures = least if self._rows < least else most
      raise ValueError(f'it has {self._rows} labels for {pictures} pictures')
    if self._dtype.kind not in 'iuf' or len(shape) not in (1, 2):
      raise ValueError('it holds no table of numbers')
    self._width = shape[1] if len(shape) == 2 else 0  # 0: class numbers
    if not 0 <= self._width <= MAX_LABEL_DIM:
      raise ValueError(f'its labels are {self._width} wide, more than {MAX_LABEL_DIM}')
    if self._offset + math.prod(shape) * self._dtype.itemsize > path.stat().st_size:
      raise ValueError('it is truncated')
    self.meaning = self._vectors() if self._width else self._numbers()

  def __getitem__(self, index: int) -> Label:
    """The label of a picture. Raises OSError or ValueError if the file has changed."""
    row = self._row(index)
    if not self._width:
      label = int(row)
    elif self.meaning.dim:
      return tuple(float(value) for value in row)
    else:
      label = int(row.argmax())
    if not 0 <= label < len(self.meaning.class_names):
      raise ValueError(f'its label is {label}')
    return label

  def _numbers(self):
    """Labels of an array of class numbers [n]."""
    if self._dtype.kind == 'f':
      raise ValueError('its class numbers are not whole')
    parts = [(int(part.min()), int(part.max())) for part in self._parts()]
    low, high = min(low for low, _ in parts), max(high for _, high in parts)
    if low < 0 or high >= MAX_LABEL_DIM:
      raise ValueError(f'its class numbers are {low} to {high}, not from 0 to {MAX_LABEL_DIM - 1}')
    return Labels(_ORIGIN, tuple(str(number) for number in range(high + 1)))

  def _vectors(self):
    """Labels of one-hot rows or of vectors [n, width]."""
    one_hot = True
    for rows in self._parts():
      with np.errstate(over='ignore'):
        finite = np.all(np.isfinite(rows.astype(np.float32)))  # as which they are kept
      if not finite:
        raise ValueError('its labels are not finite')
      one_hot = one_hot and np.all((rows == 0) | (rows == 1)) and np.all(rows.sum(axis=1) == 1)
    if one_hot:
      return Labels(_ORIGIN, tuple(str(number) for number in range(self._width)))
    return Labels(_ORIGIN, dim=self._width)

  def _parts(self):
    """Yields all rows, some at a time."""
    step = self._step()
    return (self._load(start) for start in range(0, self._rows, step))

  def _step(self):
    return max(1, _AT_ONCE // max(1, self._width))

  def _row(self, index):
    start = index // self._step() * self._step()
    if self._part is None or self._first != start:
      self._part = self._load(start)
      self._first = start
    return self._part[index - start]

  def _load(self, start):
    """Rows [n] or [n, width] from number `start` on, as many as are kept in memory."""
    count = min(self._step(), self._rows - start)
    width = max(1, self._width)
    with self._path.open('rb') as stream:
      if self._by_columns:
        pieces = [self._read(stream, column * self._rows + start, count) for column in range(width)]
        rows = np.stack(pieces, axis=1)
      else:
        rows = self._read(stream, start * width, count * width).reshape(count, width)
    return rows if self._width else rows[:, 0]

  def _read(self, stream, place, count):
    stream.seek(self._offset + place * self._dtype.itemsize)
    content = stream.read(count * self._dtype.itemsize)
    if len(content) < count * self._dtype.itemsize:
      raise ValueError('it is truncated')
    return np.frombuffer(content, self._dtype)
