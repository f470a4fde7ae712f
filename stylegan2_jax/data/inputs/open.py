"""Finding out what people have: which input a path or a name is."""

import pathlib

from stylegan2_jax.data.inputs import catalogue, cifar, lsun, mnist, tfrecords
from stylegan2_jax.data.inputs.base import Input
from stylegan2_jax.data.inputs.files import FolderInput, ZipInput
from stylegan2_jax.data.inputs.tar import TarInput
from stylegan2_jax.errors import UserError

SPLITS = ('train', 'test', 'all')
_CATALOGUE = 'tfds:'


def open_input(source: str, labels: str = 'auto', split: str = 'train') -> Input:
  """Opens what `source` names, by looking at it: its name does not matter.

  Args:
    source: path of a folder, an archive or a file, or `tfds:NAME` for the TFDS catalogue.
    labels: 'auto' (those that the source brings), 'none', 'folders' (names of sub-folders are
      classes), or the path of a dataset.json or of a CSV of file,label.
    split: of archives with several: 'train', 'test' or 'all'.

  Raises:
    UserError: it does not exist, is none of these or damaged, or the labels do not fit.
  """
  if source.startswith(_CATALOGUE):
    found = catalogue.CatalogueInput(source.removeprefix(_CATALOGUE), split)
  else:
    path = pathlib.Path(source).expanduser()
    if not path.exists():
      raise UserError(
        f'--source={source} does not exist: give a folder, an archive, or {_CATALOGUE}NAME for a '
        'set of the TFDS catalogue'
      )
    found = _published(path, split)
    if found is None:
      return _files(path, labels)
  if labels not in ('auto', 'none'):
    raise UserError(
      f'--labels={labels} is for folders, zip and tar archives, but {source} is a {found.kind}: '
      'leave it out for the labels that it has, or give none'
    )
  if labels == 'none':
    found.labels = None
  return found


def _published(path, split):
  """Opens an archive of a form of its own, or returns None."""
  if cifar.recognises(path):
    return cifar.CifarInput(path, split)
  if mnist.recognises(path):
    return mnist.MnistInput(path, split)
  if lsun.recognises(path):
    return lsun.LsunInput(path)
  if tfrecords.recognises(path):
    return tfrecords.TfRecordsInput(path)
  if catalogue.recognises(path):
    return catalogue.CatalogueInput(path, split)
  return None


def _files(path, labels):
  """Opens a folder, zip or tar of image files."""
  if path.is_dir():
    return FolderInput(path, labels)
  if not path.is_file():  # a pipe would block
    raise UserError(f'--source={path} is no file or folder: give one')
  with path.open('rb') as file:
    zipped = file.read(2) == b'PK'
  return ZipInput(path, labels) if zipped else TarInput(path, labels)
