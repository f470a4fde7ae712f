"""Finding out what people have: which input a path or a name is."""

from stylegan2_jax.data import locating
from stylegan2_jax.data.inputs import catalogue, cifar, lsun, mnist, names, splits, tfrecords
from stylegan2_jax.data.inputs.base import Input
from stylegan2_jax.data.inputs.failures import opening
from stylegan2_jax.data.inputs.files import FolderInput, ZipInput
from stylegan2_jax.data.inputs.tar import TarInput
from stylegan2_jax.errors import UserError


def open_input(source: str, labels: str = 'auto', split: str = splits.DEFAULT) -> Input:
  """Opens what `source` names, by looking at it: its name does not matter.

  Args:
    source: path of a folder, an archive or a file, or `tfds:NAME` for the TFDS catalogue.
    labels: 'auto' (those that the source brings), 'none', 'folders' (names of sub-folders are
      classes), or the path of a dataset.json or of a CSV of file,label.
    split: 'train', 'test' or 'all' of MNIST and CIFAR; what TFDS takes, or 'all', of its sets.
      Other inputs have none, which is what the default stands for.

  Raises:
    UserError: it does not exist, cannot be read, is none of these or damaged, or has no such
        labels or split.
  """
  shown = names.shown(source)
  with opening(f'--source={shown}', 'give one that exists and that you may read', OSError):
    if source.startswith(catalogue.PREFIX):
      found = catalogue.CatalogueInput(source, split, labels=labels)
    else:
      path = locating.given_path(source, '--source')
      if path is None:
        raise UserError(
          f'--source={shown} does not exist: give a folder, an archive, or {catalogue.PREFIX}NAME '
          'for a set of the TFDS catalogue'
        )
      found = _published(path, labels, split)
      if found is None:
        return _files(path, shown, labels, split)
  if labels not in ('auto', 'none'):
    found.close()
    raise UserError(
      f'--labels={names.shown(labels)} is for folders, zip and tar archives, but {shown} is a '
      f'{found.kind}: leave it out for the labels that it has, or give none'
    )
  if labels == 'none':
    found.labels = None
  return found


def _published(path, labels, split):
  """Opens an archive of a form of its own, or returns None."""
  if cifar.recognises(path):
    return cifar.CifarInput(path, split)
  if mnist.recognises(path):
    return mnist.MnistInput(path, split)
  if lsun.recognises(path):
    splits.check_none(split, names.shown(str(path)), lsun.LsunInput.kind)
    return lsun.LsunInput(path)
  if tfrecords.recognises(path):
    splits.check_none(split, names.shown(str(path)), tfrecords.TfRecordsInput.kind)
    return tfrecords.TfRecordsInput(path, labels)
  if catalogue.recognises(path):
    return catalogue.CatalogueInput(path, split, labels=labels)
  return None


def _files(path, shown, labels, split):
  """Opens a folder, zip or tar of image files."""
  if path.is_dir():
    form = FolderInput
  else:
    with path.open('rb') as file:
      form = ZipInput if file.read(2) == b'PK' else TarInput
  splits.check_none(split, shown, form.kind)
  return form(path, labels)
