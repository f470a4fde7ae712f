"""CIFAR-10 and CIFAR-100 as published: the Python archives, packed or unpacked.

Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import itertools
import pathlib
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.decoding import MAX_BYTES
from stylegan2_jax.data.inputs import names, pickles, splits
from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM, Input, Labels, Picture
from stylegan2_jax.data.inputs.cifar_files import Folder, Tar, first_name
from stylegan2_jax.data.inputs.failures import opening, problem
from stylegan2_jax.errors import UserError

_SIDE = 32
_REMEDY = 'download it again'


class _Form(NamedTuple):
  kind: str
  folder: str
  batches: dict[str, tuple[str, ...]]  # files of each split
  meta: str
  label_key: bytes
  names_key: bytes


_FORMS = (
  _Form(
    'CIFAR-10 archive',
    'cifar-10-batches-py',
    {'train': tuple(f'data_batch_{i}' for i in range(1, 6)), 'test': ('test_batch',)},
    'batches.meta',
    b'labels',
    b'label_names',
  ),
  _Form(
    'CIFAR-100 archive',
    'cifar-100-python',
    {'train': ('train',), 'test': ('test',)},
    'meta',
    b'fine_labels',
    b'fine_label_names',
  ),
)


def recognises(path):
  """Whether the path is a folder or an archive of one of the two sets, by names in it."""
  return _form(pathlib.Path(path)) is not None


def _form(path):
  """The _Form of what lies at a path, or None."""
  if path.is_dir():
    inner = (path, *(path / form.folder for form in _FORMS))
    for form, folder in itertools.product(_FORMS, inner):
      if all((folder / name).is_file() for name in (form.meta, form.batches['train'][0])):
        return form
    return None
  parts = pathlib.PurePosixPath(first_name(path)).parts
  return next((form for form in _FORMS if form.folder in parts[:1]), None)


class CifarInput(Input):
  """32x32 RGB pictures in 10 or 100 classes (the fine ones). One batch is in memory at a time."""

  def __init__(self, path, split='train'):
    """Opens an archive and looks through it once.

    Args:
      path: of the .tar.gz, or of the folder that was in it.
      split: 'train', 'test' or 'all'.

    Raises:
      UserError: it is damaged or lacks a file, or there is no such split.
    """
    path = pathlib.Path(path)
    self._shown = names.shown(str(path))
    form = _form(path)
    if form is None:
      raise UserError(f'{self._shown} is no CIFAR archive for Python: {_REMEDY}')
    self.kind, self._form = form.kind, form
    wanted = splits.choose(split, form.batches, form.kind)
    self._loaded = None, None, None  # the batch in memory: its name, pixels, labels
    self._files = None
    try:
      with opening(self._shown, _REMEDY):
        self._files = Folder(path, form.folder) if path.is_dir() else Tar(path, form.folder)
        self._look_through(wanted)
    except BaseException:
      self.close()
      raise

  def _look_through(self, wanted):
    """Finds and checks all files, in the order in which they lie: going back is slow."""
    self._places, counts, highest, class_names = {}, {}, -1, None
    found = {}
    for file in self._files.files():
      name = file.name
      if name in found or name not in (*wanted, self._form.meta):
        continue
      found[name], self._places[name] = file, file.place
      if file.size > MAX_BYTES:
        raise ValueError(f'{name} is too large')
      if name == self._form.meta:
        class_names = _class_names(self._files.load(file.place), self._form)
        continue
      _, labels = self._load(name)
      counts[name] = len(labels)
      highest = max(highest, *labels, -1)
    missing = [name for name in (*wanted, self._form.meta) if name not in found]
    if missing:
      raise UserError(f'{self._shown} lacks {", ".join(missing)}: {_REMEDY}')
    if highest >= len(class_names):
      raise ValueError(f'label {highest}, but only {len(class_names)} classes')
    self.labels, self._classes = Labels('the archive', class_names), len(class_names)
    self._batches = wanted
    self._ends = list(itertools.accumulate(counts[name] for name in wanted))
    self._identity = [
      f'{name} {file.size} {file.changed} {counts.get(name, 0)}'
      for name, file in sorted(found.items())
    ]
    if not len(self):
      raise ValueError('it holds no pictures')

  def _load(self, name):
    """Pixels [n, 32, 32, 3] and labels of a batch."""
    if self._loaded[0] != name:
      self._loaded = None, None, None  # frees the memory first
      batch = self._files.load(self._places[name])
      self._loaded = name, *_unpack(batch, self._form.label_key, name)
    return self._loaded[1:]

  def __len__(self):
    return self._ends[-1]

  def pictures(self, start=0):
    """All pictures from number `start` on, the batches in their order."""
    first = 0
    for name, end in zip(self._batches, self._ends, strict=True):
      if start < end:
        yield from self._batch(name, max(start, first) - first, end - first)
      first = end

  def _batch(self, name, start, stop):
    """Pictures of a batch. It was all right when it was opened, but may have changed since."""
    fault = None
    try:
      pixels, labels = self._load(name)
      if (len(labels), max(labels, default=0) < self._classes) != (stop, True):
        raise ValueError('the source has changed')
    except Exception as error:  # tried once, not for every picture: it may be far inside
      fault = problem(error)
    for i in range(start, stop):
      label = None if fault or self.labels is None else labels[i]
      yield Picture(f'{name}[{i}]', fault or np.ascontiguousarray(pixels[i]), label)

  def identity(self):
    """Sizes and times of the batches."""
    return self._identity

  def close(self):
    """Closes the archive."""
    if self._files:
      self._files.close()


def _class_names(meta, form):
  """Names of the classes, from the content of the meta file."""
  found = meta.get(form.names_key) if isinstance(meta, dict) else None
  if not isinstance(found, list) or not all(isinstance(name, bytes) for name in found):
    raise ValueError(f'{form.meta} has no names of classes')
  if len(found) > MAX_LABEL_DIM:
    raise ValueError(f'{form.meta} has {len(found)} classes, more than {MAX_LABEL_DIM}')
  return tuple(name.decode('utf-8', 'surrogateescape') for name in found)


def _unpack(batch, label_key, name):
  """Pixels [n, 32, 32, 3] and labels, from the content of a batch."""
  if not isinstance(batch, dict):
    raise ValueError(f'{name} is no batch')
  rows = pickles.uint8_array(batch.get(b'data'), 3 * _SIDE**2)
  labels = batch.get(label_key)
  if not isinstance(labels, list) or len(labels) != len(rows):
    raise ValueError(f'{name} has not one label for each picture')
  if not all(isinstance(label, int) and label >= 0 for label in labels):
    raise ValueError(f'{name} has labels that are no classes')
  return rows.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1), labels
