"""Inputs of image files: a folder, and a zip archive."""

import os
import pathlib
import stat
import zipfile

from stylegan2_jax.data.decoding import MAX_BYTES
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.entries import TOO_LARGE, Entry, FileInput
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those that unpack in bounded memory


class FolderInput(FileInput):
  """All files in a folder and the folders in it, in the order of their relative paths.

  Linked folders are followed, but no folder is read twice.
  """

  kind = 'folder'

  def __init__(self, path, labels='auto'):
    """Lists the folder; `labels` as FileInput has it."""
    self._root = os.fspath(path)
    entries = sorted(_walk(self._root), key=lambda entry: entry.path)
    super().__init__(path, labels, entries)

  def _is_at(self, path, file):
    # The ending first: asking the file system about each file would take long.
    if os.path.splitext(path)[1] != os.path.splitext(file)[1]:
      return False
    try:
      return os.path.samefile(os.path.join(self._root, path), file)
    except OSError:
      return False

  def _read(self, index):
    return _read_file(os.path.join(self._root, self._paths[index]))


class ZipInput(FileInput):
  """All files in a zip archive, in the order of their names."""

  kind = 'zip archive'

  def __init__(self, path, labels='auto'):
    """Reads the archive's directory; `labels` as FileInput has it."""
    shown = names.shown(os.fspath(path))
    if not os.path.isfile(path):
      raise UserError(f'{shown} is no file: give the path of a zip archive')
    try:
      self._archive = zipfile.ZipFile(path)
    except OSError as error:
      raise UserError(f'cannot read {shown} ({reason(error)}): make it readable') from error
    except Exception as error:  # zipfile raises whatever a damaged directory makes it stumble over
      raise UserError(
        f'{shown} is not a readable zip archive ({reason(error)}): download or pack it again'
      ) from error
    self._infos = self._archive.infolist()
    try:
      super().__init__(path, labels, self._entries())
    except BaseException:
      self.close()
      raise

  def close(self):
    """Closes the archive."""
    self._archive.close()

  def _entries(self):
    for place in sorted(range(len(self._infos)), key=lambda i: self._infos[i].filename):
      info = self._infos[place]
      path = info.filename
      if path.replace('\\', '/').endswith('/'):
        continue  # a folder
      fault = None
      if info.flag_bits & 1:
        fault = 'is encrypted'
      elif info.compress_type not in _READABLE:
        method = zipfile.compressor_names.get(info.compress_type, info.compress_type)
        fault = f'has a compression that is not supported ({method})'
      yield Entry(path, info.file_size, info.CRC, place, fault)

  def _read(self, index):
    # Never unpacks more than the directory says there is, which is few enough already.
    info = self._infos[self._places[index]]
    with self._archive.open(info) as stream:
      content = stream.read(info.file_size + 1)
    return content if len(content) == info.file_size else Problem('is truncated')


def _read_file(path):
  """The bytes of a regular file, or a Problem. Never waits, whatever the path has become."""
  flags = os.O_RDONLY | getattr(os, 'O_NONBLOCK', 0) | getattr(os, 'O_BINARY', 0)
  with open(path, 'rb', opener=lambda name, _: os.open(name, flags)) as stream:
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
      return Problem('is no regular file')
    return Problem(TOO_LARGE) if status.st_size > MAX_BYTES else stream.read(status.st_size)


def _walk(root):
  """Yields an Entry for each file below a folder, and for folders that cannot be read."""
  seen = {_folder_id(folder) for folder in pathlib.Path(root).resolve().parents}
  folders, links = [''], []
  while folders or links:
    prefix = folders.pop() if folders else links.pop(0)
    try:
      identity = _folder_id(os.path.join(root, prefix))
      if identity in seen:
        yield Entry(prefix, fault='is a folder that is read already')
        continue
      seen.add(identity)
      with os.scandir(os.path.join(root, prefix)) as items:
        items = sorted(items, key=lambda item: item.name)
    except OSError as error:
      if not prefix:
        raise UserError(
          f'cannot list {names.shown(root)} ({reason(error)}): give a folder you may read'
        ) from error
      yield Entry(prefix, fault=f'cannot be listed ({reason(error)})')
      continue
    for item in items:
      path = prefix + item.name
      if names.ignored(path):
        continue
      entry = _entry(item, path)
      if entry is not None:
        yield entry
      else:
        (links if item.is_symlink() else folders).append(path + '/')


def _entry(item, path):
  """Entry of an os.DirEntry, None of a folder."""
  try:
    status = item.stat()
  except OSError as error:
    broken = item.is_symlink()
    return Entry(path, fault='is a broken link' if broken else f'is gone ({reason(error)})')
  if stat.S_ISDIR(status.st_mode):
    return None
  fault = None if stat.S_ISREG(status.st_mode) else 'is no regular file'
  return Entry(path, status.st_size, status.st_mtime_ns, fault=fault)


def _folder_id(path):
  status = os.stat(path)
  return status.st_dev, status.st_ino
