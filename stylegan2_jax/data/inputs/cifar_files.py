"""The files of the CIFAR archives, packed or unpacked. Each is a pickle."""

import contextlib
import gzip
import io
import itertools
import pathlib
import tarfile
from typing import NamedTuple

from stylegan2_jax.data.decoding import MAX_BYTES
from stylegan2_jax.data.inputs import pickles

_MAX_FILES = 1000  # in an archive; the published ones have less than ten


class File(NamedTuple):
  """One file of an archive."""

  name: str
  size: int  # bytes
  changed: int  # when, in ns: itself, or the archive that it is packed in
  place: object  # by which it is loaded


class Folder:
  """The files of an unpacked archive."""

  def __init__(self, path, folder):
    inner = path / folder
    self._path = inner if inner.is_dir() else path

  def files(self):
    """Yields each File in the order in which they lie."""
    for path in sorted(self._path.iterdir()):
      if path.is_file():
        status = path.stat()
        yield File(path.name, status.st_size, status.st_mtime_ns, path)

  def load(self, path):
    """What the pickle at a place holds."""
    with path.open('rb') as stream:
      return pickles.load(io.BytesIO(stream.read(MAX_BYTES)))

  def close(self):
    """Nothing is open."""


class _Bounded:
  """A stream of which nobody can ask too much at once, as headers of an archive might."""

  def __init__(self, stream):
    self._stream = stream
    self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

  def read(self, size):
    if not 0 <= size <= MAX_BYTES:
      raise ValueError('it holds a part that is too large')
    return self._stream.read(size)


class Tar:
  """The files of a packed archive."""

  def __init__(self, path, folder):
    self._folder = folder
    self._changed = path.stat().st_mtime_ns
    self._stream, self._tar = _unpacked(path), None

  def files(self):
    """Yields each File in the order in which they lie."""
    self._tar = tarfile.open(fileobj=self._stream, mode='r:')  # noqa: SIM115, closed in close
    for member in itertools.islice(self._tar, _MAX_FILES):
      if member.size > MAX_BYTES:
        raise ValueError('it holds a file that is too large')
      path = pathlib.PurePosixPath(member.name)
      if member.isreg() and path.parent.name == self._folder:
        yield File(path.name, member.size, self._changed, member)

  def load(self, member):
    """What the pickle at a place holds."""
    return pickles.load(io.BytesIO(self._tar.extractfile(member).read()))

  def close(self):
    """Closes the archive."""
    self._stream.close()


def _unpacked(path):
  with path.open('rb') as file:
    packed = file.read(2) == b'\x1f\x8b'
  return _Bounded(gzip.open(path) if packed else path.open('rb'))


def first_name(path):
  """The name that a tar archive, packed or not, begins with; '' if it is none."""
  if not path.is_file():
    return ''
  try:
    with (
      contextlib.closing(_unpacked(path)) as stream,
      tarfile.open(fileobj=stream, mode='r:') as tar,
    ):
      return tar.next().name
  except Exception:  # whatever it is, it is not for us
    return ''
