"""Choosing the source of pictures by `data.source`."""

from stylegan2_jax.data import files, locating, prepared
from stylegan2_jax.data.records import Records
from stylegan2_jax.data.shapes import KINDS
from stylegan2_jax.errors import UserError

SHAPES = 'shapes'


def open_source(data):
  """Opens the pictures to train on, and checks them.

  Args:
    data: DataSettings. `source` is one of

      'shapes'           the built-in set, prepared in `data.dir` if it is not there yet
      a folder           a prepared TFDS data set if it is or contains one, else image files
      a file             a zip archive of image files
      any other name     a prepared set called so, `NAME`, `NAME/CONFIG` or `NAME:1.0.0`, in
                         `data.dir` or in TFDS's own directory

      Paths go before names: a folder that is itself called shapes is reached as `./shapes`.

  Returns:
    Source.

  Raises:
    UserError: one line that names what cannot be used, and the remedy.
  """
  source = _open_shapes(data) if data.source == SHAPES else _open_path(data)
  if data.labels and not source.label_dim:
    raise UserError(
      f'{data.source} has no labels: set data.labels=False, or make a set that has some of the '
      'images that it is of: `launch.py prepare --labels=folders` or with a label file'
    )
  return source


def known_label_dim(data):
  """The width of the labels of `data.source`, found without preparing or reading pictures.

  Returns:
    int, 0 without labels; None where only the pictures could tell, or nothing is there.
  """
  if data.source == SHAPES:
    return len(KINDS)
  try:
    folder = prepared_folder(data)
    return None if folder is None else prepared.label_dim(folder)
  except UserError:
    return None


def prepared_folder(data):
  """Where the prepared set lies that `data.source` means; None if it means image files.

  Raises:
    UserError: nothing is there, or it cannot be looked at.
  """
  path = locating.given_path(data.source)
  if path is None:
    return locating.find_named(data.source, data.dir)
  return locating.find_prepared(path) if path.is_dir() else None


def _open_shapes(data):
  if data.channels != 3:
    raise UserError(f'the data set shapes is RGB: set data.channels=3, not {data.channels}')
  if data.size != (data.resolution, data.resolution):
    raise UserError(f'the data set shapes is square: set data.aspect=1:1, not {data.aspect}')
  from stylegan2_jax.data import shapes_builder  # only here: it imports TFDS

  config = shapes_builder.shapes_config(data.resolution)
  builder = shapes_builder.prepare_shapes(data.dir, config)
  remedy = f'remove {builder.data_dir}, and it will be prepared again'
  return prepared.PreparedSource(data, Records(builder.data_dir, remedy, builder))


def _open_path(data):
  folder = prepared_folder(data)
  if folder is not None:
    return prepared.open_prepared(data, folder)
  path = locating.given_path(data.source)
  return files.FolderSource(data, path) if path.is_dir() else files.ZipSource(data, path)
