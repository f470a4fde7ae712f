"""Sources whose pictures are files: a folder or a zip archive, without labels."""

import abc
import contextlib
import hashlib
import os
import pathlib
import threading
import zipfile

from stylegan2_jax.data import checking, decoding
from stylegan2_jax.data.base import Example, Source, reading
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import size_text


class FileSource(Source):
  """Pictures that are files under a common root, without labels. Subclasses reach the files."""

  def __init__(self, data, root, sizes, checked):
    """Keeps the files with an image ending, sorted by name, and checks them.

    Args:
      data: DataSettings.
      root: str, what to call the whole.
      sizes: relative POSIX path of every file, with its size in bytes.
      checked: False: the pictures are not looked at, only `read` works, and it checks nothing.

    Raises:
      UserError: there is no image, or one cannot be trained on.
    """
    super().__init__(data)
    self._root = root
    self._names = checking.image_names(root, sizes, say_skipped=checked)
    self._sizes = [sizes[name] for name in self._names]
    self._pixels = checking.check_images(self) if checked else ()

  def __len__(self):
    return len(self._names)

  @abc.abstractmethod
  def open(self, index):
    """Returns a context manager that gives a file as seekable binary stream."""

  def encoded_size(self, index):
    """The bytes of a file."""
    return self._sizes[index]

  def name(self, index):
    """What to call a picture in messages."""
    return f'{self._root}/{self._names[index]}'

  def size(self, index):
    """Checks the header of a picture; its (height, width) in pixels. Raises UserError."""
    name = self.name(index)
    with reading(name, 'restore or remove it'), self.open(index) as stream:
      return decoding.check_header(self.data, stream, name)

  def read(self, index):
    """Returns the Example `index`."""
    name = self.name(index)
    with reading(name, 'restore or remove it'), self.open(index) as stream:
      return Example(stream.read(), -1, name)

  def describe(self):
    """One line for people."""
    low, high = min(self._pixels), max(self._pixels)  # all have one aspect ratio
    size = size_text(low) if low == high else f'{size_text(low)} to {size_text(high)}'
    scaling = decoding.scaling(self._pixels, self.data.size)
    return f'{self._root}: {len(self)} images of {size}' + (f', {scaling}' if scaling else '')

  def _identity(self):
    for name, size in zip(self._names, self._sizes, strict=True):
      yield f'{name} {size}'


class FolderSource(FileSource):
  """All images in a folder and the folders in it, in the order of their relative paths."""

  def __init__(self, data, path, checked=True):
    self._path = pathlib.Path(path)
    with reading(str(path), 'make it readable'):
      sizes = {file.relative_to(path).as_posix(): file.stat().st_size for file in _files(path)}
    super().__init__(data, str(path), sizes, checked)

  def open(self, index):
    """Opens a file for reading."""
    return open(self._path / self._names[index], 'rb')

  def stamp(self):
    """By the times at which the files were written: their names and sizes may stay."""
    digest = hashlib.sha256()
    with reading(self._root, 'make it readable'):
      for name in self._names:
        time = (self._path / name).stat().st_mtime_ns
        digest.update(f'{name} {time}\n'.encode('utf-8', 'replace'))
    return digest.hexdigest()[:32]


class ZipSource(FileSource):
  """All images in a zip archive, in the order of their names."""

  def __init__(self, data, path, checked=True):
    self._path = pathlib.Path(path)
    self._connect()
    files = [info for info in self._archive.infolist() if not info.is_dir()]
    if any(info.flag_bits & 1 for info in files):
      raise UserError(f'{path} is encrypted: make it again without a password')
    sizes = {info.filename: info.file_size for info in files}
    super().__init__(data, str(path), sizes, checked)

  def _connect(self):
    self._lock = threading.Lock()  # a ZipFile has one position in its file
    try:
      self._archive = zipfile.ZipFile(self._path)
    except OSError as error:
      raise UserError(f'cannot read {self._path} ({error.strerror}): make it readable') from error
    except Exception as error:  # zipfile raises whatever a damaged directory makes it stumble over
      raise UserError(
        f'{self._path} is not a zip archive, or is damaged ({error}): give a folder or a zip of '
        f'images, or prepare it: `launch.py prepare --source={self._path} --out=datasets/NAME`'
      ) from error

  @contextlib.contextmanager
  def open(self, index):
    """Opens a file for reading."""
    with self._lock, self._archive.open(self._names[index]) as stream:
      yield stream

  def _identity(self):
    for line, name in zip(super()._identity(), self._names, strict=True):
      yield f'{line} {self._archive.getinfo(name).CRC:08x}'

  def __getstate__(self):
    state = self.__dict__.copy()
    del state['_lock'], state['_archive']
    return state

  def __setstate__(self, state):
    self.__dict__.update(state)
    self._connect()


def _files(path):
  def fail(error):
    raise error

  for folder, _, names in os.walk(path, onerror=fail):
    for name in names:
      yield pathlib.Path(folder, name)
