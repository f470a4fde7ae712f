"""Finding prepared TFDS data sets by path or by name.

A set lies in a folder of its own that holds `dataset_info.json`; TFDS puts it at
DIR/NAME/VERSION or DIR/NAME/CONFIG/VERSION.
"""

import contextlib
import errno
import os
import pathlib
import re

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

_INFO = 'dataset_info.json'
_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_VERSION = r'\d+\.\d+\.\d+'


def locate(source: str, directory: str, what: str = 'data.source') -> pathlib.Path:
  """The folder of a prepared set given by path or by name, of which paths go first.

  Args:
    source: path of a folder, or a name as `find_named` takes it.
    directory: where names are looked up first.
    what: the field or flag that gave `source`, for messages.

  Raises:
    UserError: there is no such set, or several.
  """
  path = given_path(source, what)
  if path is None:
    return find_named(source, directory, what)
  found = find_prepared(path, what=what)
  if found is None:
    raise UserError(
      f'{what}={one_line(source, 300)} holds no prepared set: make one with `launch.py prepare`'
    )
  return found


def given_path(source: str, what: str = 'data.source') -> pathlib.Path | None:
  """The file or folder that people named, with ~ expanded; None if nothing is there.

  Args:
    source: what they wrote, which may be anything.
    what: the field or flag that gave it, for messages.

  Raises:
    UserError: it cannot be looked at.
  """
  try:
    path = _expanded(source)
    os.stat(path)
    if path.is_dir():
      os.scandir(path).close()
    elif not path.is_file():  # a pipe or a device, which may have no end
      raise UserError(f'{what}={one_line(source, 300)} is neither a folder nor a file')
  except OSError as error:
    if error.errno in _NOTHING_THERE:
      return None
    shown = one_line(source, 300)
    raise UserError(f'cannot use {what}={shown} ({error.strerror}): make it readable') from None
  except ValueError:  # a null character
    return None
  return path


def find_prepared(
  folder: pathlib.Path, version: str | None = None, what: str = 'data.source'
) -> pathlib.Path | None:
  """The folder of the prepared set that `folder` is or contains.

  Args:
    folder: of the set itself, of its versions, or of its configs.
    version: such as '1.0.0'; None is the highest.
    what: the field or flag that asks, for messages.

  Returns:
    The folder that holds the set's files, or None if there is none.

  Raises:
    UserError: there are several configs, of which one must be named.
  """
  found = _find_version(folder, version)
  if found is not None:
    return found
  below = {sub.name: _find_version(sub, version) for sub in _folders(folder)}
  below = {name: path for name, path in below.items() if path is not None}
  if len(below) > 1:
    raise UserError(
      f'{folder} holds {len(below)} prepared sets: name one in {what}, '
      f'as in {folder.name}/{min(below)} (there are {listing(sorted(below))})'
    )
  return next(iter(below.values()), None)


def find_named(name: str, directory: str, what: str = 'data.source') -> pathlib.Path:
  """The folder of a prepared set called `name`, `name/config` or `name:1.0.0`.

  Args:
    name: of the set.
    directory: where to look first (`data.dir`); then TFDS's own directory.
    what: the field or flag that gave the name, for messages.

  Raises:
    UserError: there is no such set, or several.
  """
  path, _, version = name.partition(':')
  parts = path.split('/')
  roots = [_expanded(root) for root in (directory, tfds_directory())]
  # A name is no path: it must not lead out of these directories.
  is_name = len(parts) <= 2 and not {'', '.', '..'} & set(parts)
  if is_name and re.fullmatch(f'({_VERSION})?', version):
    for root in roots:
      found = find_prepared(root.joinpath(*parts), version or None, what)
      if found is not None:
        return found
  names = sorted(sub.name for sub in _folders(roots[0]) if _is_set(sub))
  there = f' (in {directory} there are {listing(names)})' if names else ''
  others = "'shapes', a folder or zip of images, or " if what == 'data.source' else ''
  shown = one_line(name, 300)
  if name.startswith('tfds:'):
    raise UserError(
      f'{what}={shown} is not prepared: `launch.py prepare --source={shown} --out=datasets/NAME`'
    )
  raise UserError(
    f'{what}={shown} does not exist, neither as a path nor in {directory}: '
    f'give {others}a set that `launch.py prepare` made{there}'
  )


def _expanded(path):
  """A path without ~; as it is where nobody's home is known by that name."""
  try:
    return pathlib.Path(path).expanduser()
  except RuntimeError:
    return pathlib.Path(path)


def tfds_directory() -> str:
  """Where TFDS itself puts data sets."""
  return os.environ.get('TFDS_DATA_DIR') or '~/tensorflow_datasets'


def _find_version(folder, version):
  """The folder itself if it is a set (of that version), or its subfolder of the version."""
  if _is_file(folder / _INFO) and version in (None, folder.name):
    return folder
  versions = {
    tuple(map(int, sub.name.split('.'))): sub
    for sub in _folders(folder)
    if re.fullmatch(_VERSION, sub.name, re.ASCII)
    and version in (None, sub.name)
    and _is_file(sub / _INFO)
  }
  return versions[max(versions)] if versions else None


def _is_set(folder):
  try:
    return find_prepared(folder) is not None
  except UserError:  # several configs
    return True


def _is_file(path):
  try:
    return path.is_file()
  except (OSError, ValueError):  # not to be looked at, or no possible name
    return False


def _folders(folder):
  """Subfolders that are not hidden; none where they cannot be listed."""
  with contextlib.suppress(OSError, ValueError), os.scandir(folder) as entries:
    return [
      pathlib.Path(entry.path)
      for entry in entries
      if not entry.name.startswith('.') and entry.is_dir()
    ]
  return []
