"""Training on prepared sets: TFDS data sets of encoded pictures."""

import io

import numpy as np

from stylegan2_jax.data import checking, decoding
from stylegan2_jax.data.base import AGAIN, Example, Source
from stylegan2_jax.data.notices import notice
from stylegan2_jax.data.provenance import read_provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.data.tfds_features import label_form, open_builder
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import size_text

_ANNOUNCE_FROM = 100_000  # pictures: fewer are read through in a few seconds


class PreparedSource(Source):
  """The pictures of a prepared set, with its labels if it has some."""

  def __init__(self, data, records, provenance=None):
    """Checks that the set can be trained on.

    Args:
      data: DataSettings.
      records: Records.
      provenance: Provenance of how it was prepared, where known.

    Raises:
      UserError: pictures or labels cannot be trained on.
    """
    super().__init__(data)
    self._records, self._provenance = records, provenance
    self.class_names, self.label_dim = records.class_names, records.label_dim
    if provenance and not self.class_names and len(provenance.component_names) == self.label_dim:
      self.component_names = provenance.component_names
    self._sizes = self._check_pictures()
    self._labels = self._read_labels() if data.labels and self.label_dim else None

  def __len__(self):
    return len(self._records)

  def read(self, index):
    """Returns the Example `index`. Raises UserError if it is damaged, or not of the set's size."""
    found, name = self._records.read(index), self._records.number(index)
    if None not in self._records.shape:  # the sizes of all others were looked at in the beginning
      self._check_size(found.image, name)
    if found.label is None:
      return Example(found.image, -1, name)
    if self.data.labels:
      self._check_label(found.label, name)
    return Example(found.image, found.label, name)

  def describe(self):
    """One line for people."""
    ends = min(self._sizes), max(self._sizes)
    low, high = (f'{size_text(size)}x{self.data.channels}' for size in ends)
    size = low if low == high else f'{low} to {high}'
    words = [f'{self._records.name} ({self._records.path}): {len(self)} images of {size}']
    if self.label_dim:
      classes = f'{len(self.class_names)} classes'
      words.append(classes if self.class_names else f'label vectors of {self.label_dim}')
      words[-1] += '' if self.data.labels else ' (not used: data.labels=True trains on them)'
    scaling = decoding.scaling(self._sizes, self.data.size)
    if scaling:
      words.append(scaling)
    text = ', '.join(words)
    return f'{text}; {self._provenance.describe()}' if self._provenance else text

  def labels(self):
    """All labels: classes int32 [len] or vectors float32 [len, label_dim], None without."""
    if self._labels is None and self.label_dim:
      self._labels = self._read_labels()
    return self._labels

  def stamp(self):
    """By the time at which a set was written that does not say what is in it."""
    written = (self._records.path / 'dataset_info.json').stat().st_mtime_ns
    return '' if self._provenance else str(written)

  def _identity(self):
    if self._provenance:  # wherever the set lies and whatever it is called
      yield f'{self._provenance.content} {len(self)}'
    else:
      yield f'{self._records.name} {len(self)}'

  def _read_labels(self):
    if len(self) >= _ANNOUNCE_FROM:
      notice(f'reading the labels of {len(self)} images of {self._records.name} ...')
    kind = np.int32 if self.class_names else np.float32
    labels = np.empty((len(self), *(() if self.class_names else (self.label_dim,))), kind)
    for index in range(len(self)):
      label = self._records.read(index).label
      self._check_label(label, self._records.number(index))
      labels[index] = label
    return labels

  def _check_size(self, image, name):
    """Scaling would hide that a picture is not what the set says."""
    found = decoding.check_header(self.data, io.BytesIO(image), name)
    said = tuple(self._records.shape[:2])
    if found != said:
      raise UserError(
        f'{name} is {size_text(found)}, not {size_text(said)} as the set says: {AGAIN}'
      )

  def _check_label(self, label, name):
    if self.class_names and not 0 <= label < self.label_dim:
      there = f'there are {self.label_dim} classes'
      raise UserError(f'{name} has the label {label}, but {there}: {AGAIN}')
    if not np.all(np.isfinite(label)):
      raise UserError(f'{name} has a label that is not finite: {AGAIN}')

  def _check_pictures(self):
    """Decodes the first picture; where sizes differ, looks at all headers. Returns the sizes."""
    first = self.read(0)
    decoding.decode(self.data, first.image, first.name)
    if None not in self._records.shape:
      return [tuple(self._records.shape[:2])]

    def check(index):
      example = self.read(index)
      return decoding.check_header(self.data, io.BytesIO(example.image), example.name)

    return checking.in_threads(check, self)


def open_prepared(data, folder):
  """Opens the prepared set in a folder.

  Args:
    data: DataSettings.
    folder: path that holds its `dataset_info.json`.

  Raises:
    UserError: it cannot be trained on, or is damaged.
  """
  return PreparedSource(data, Records(folder), read_provenance(folder))


def label_dim(folder):
  """The width of the labels of the prepared set in a folder, 0 without; reads no pictures.

  Raises:
    UserError: the files that describe the set are missing or damaged.
  """
  return label_form(folder, open_builder(folder).info.features)[1]
