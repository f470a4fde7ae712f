"""What inputs have in common whose pictures are files: which count, their names and labels."""

import abc
import array
import os
from typing import NamedTuple

from stylegan2_jax.data.decoding import MAX_BYTES
from stylegan2_jax.data.inputs import labels as label_files
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Input, Picture, Problem
from stylegan2_jax.data.inputs.failures import problem
from stylegan2_jax.data.inputs.stamps import stamp
from stylegan2_jax.errors import UserError

TOO_LARGE = f'is larger than {MAX_BYTES >> 20} MiB'
_INT64 = 2**63 - 1


class Entry(NamedTuple):
  """One file of an input, as the input lists it."""

  path: str  # relative, as it is written there
  size: int = 0  # bytes
  stamp: int = 0  # changes with the content
  place: int = 0  # where the input finds it again
  fault: str | None = None  # a Problem's reason, if it is clear already


class FileInput(Input):
  """Files in a fixed order. Those that are no pictures are among them, with the Problem.

  Files that operating systems leave everywhere, and label files, are not.
  """

  def __init__(self, path, labels, entries):
    """Lists the files, and reads their labels.

    Args:
      path: of the whole.
      labels: 'auto' (those of a dataset.json at the top, if there is one), 'none', 'folders', or
        the path of a .json or .csv file.
      entries: Entry of each file, in a fixed order. An iterator: it is gone through once.

    Raises:
      UserError: there is not one image, or the labels cannot be read or match nothing.
    """
    self._shown = names.shown(os.fspath(path))
    self._archive_stamp = [stamp(path)] if os.path.isfile(path) else []
    given = label_files.given(labels)
    self._paths, self._faults = [], []
    self._sizes, self._stamps, self._places = (array.array('q') for _ in range(3))
    for entry in entries:
      if names.ignored(entry.path) or self._is_at(entry.path, labels):
        continue
      self._keep(entry)
    if not any(names.fault(path) is None for path in self._paths):
      kinds = ', '.join(names.ENDINGS)
      raise UserError(f'{self._shown} holds no images: put images there ({kinds})')
    content = None
    found = label_files.top_table(self._paths)
    if found is not None:
      content = self._table(found) if labels == 'auto' else None
      for column in (self._paths, self._faults, self._sizes, self._stamps, self._places):
        del column[found]
    self.labels, self._labels, self._labels_stamp = label_files.assign(
      labels, given, content, self._paths, self._shown
    )
    self.names = tuple(names.unique(self._paths))
    if self.labels is None and labels == 'auto':
      self.hint = label_files.hint(self._paths)

  @abc.abstractmethod
  def _read(self, index):
    """Returns the bytes of a file without a fault, or a Problem; may raise anything instead."""

  def _is_at(self, path, file):
    """Whether the file of this input is the one at `file`, a path on this machine."""
    return False

  def _keep(self, entry):
    fault = entry.fault or names.fault(entry.path)
    if fault is None and entry.size > MAX_BYTES:
      fault = TOO_LARGE
    self._paths.append(entry.path)
    self._faults.append(fault)
    self._sizes.append(min(entry.size, _INT64))
    self._stamps.append(max(-_INT64, min(entry.stamp, _INT64)))
    self._places.append(entry.place)

  def __len__(self):
    return len(self._paths)

  def pictures(self, start=0):
    """All pictures from number `start` on."""
    for index in range(start, len(self)):
      label = self._labels[index] if self._labels else None
      yield Picture(self.names[index], self._content(index), label)

  def identity(self):
    """Names, sizes, and what else tells contents apart cheaply."""
    lines = [
      f'{name} {size} {stamp}'
      for name, size, stamp in zip(self.names, self._sizes, self._stamps, strict=True)
    ]
    return [*lines, *self._archive_stamp, f'labels: {self._labels_stamp}']

  def _content(self, index):
    if self._faults[index]:
      return Problem(self._faults[index])
    return self._attempt(index)

  def _table(self, index):
    """The bytes of a label file, or the Problem with it."""
    fault = self._faults[index]
    if fault != names.fault(self._paths[index]):  # being no image is no fault here
      return Problem(fault)
    return Problem(TOO_LARGE) if self._sizes[index] > MAX_BYTES else self._attempt(index)

  def _attempt(self, index):
    try:
      content = self._read(index)
    except Exception as error:  # systems, zipfile, zlib: each has its own
      return problem(error)
    return content if content else Problem('is empty')
