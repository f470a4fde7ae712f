"""idx files, as MNIST is published in: a header, and bytes; gzipped or not."""

import contextlib
import gzip
import struct

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.failures import problem

_GZIP = b'\x1f\x8b'
_MAX_RATIO = 1032  # by which deflate can compress
_MAGIC = 0x800  # what files of bytes begin with, plus the number of dimensions


def begins(path, dimensions):
  """Whether an idx file of so many dimensions is there."""
  try:
    with _open(path) as stream:
      return stream.read(4) == struct.pack('>I', _MAGIC + dimensions)
  except Exception:  # whatever it is, it is not for us
    return False


def read_shape(path, dimensions):
  """The shape that a header says, of which the file may hold less.

  Raises:
    ValueError: it is no idx file of so many dimensions, or cannot hold nearly as many bytes.
    Exception, of many kinds: it cannot be read.
  """
  form = _form(dimensions)
  with _open(path) as stream:
    content = stream.read(form.size)
  if len(content) < form.size or form.unpack(content)[0] != _MAGIC + dimensions:
    raise ValueError(f'it is no idx file of {"labels" if dimensions == 1 else "images"}')
  return form.unpack(content)[1:]


def check_length(path, declared):
  """Raises ValueError if a file cannot hold nearly as many bytes as its header says."""
  if declared > _MAX_RATIO * path.stat().st_size:
    raise ValueError('its header says more than it can hold')


class Items:
  """Context manager that reads items of a fixed size one after the other."""

  def __init__(self, path, dimensions, size):
    """Remembers what to read.

    Args:
      path: of the file.
      dimensions: of all that it holds.
      size: of an item, in bytes.
    """
    self._path, self._skipped, self._size = path, _form(dimensions).size, size
    self._stack = contextlib.ExitStack()
    self._problem = None

  def __enter__(self):
    try:
      self._stream = self._stack.enter_context(_open(self._path))
      self._stream.read(self._skipped)
    except Exception as error:  # it was all right when it was opened
      self._problem = _problem(error)
    return self

  def __exit__(self, *_):
    self._stack.close()

  def read(self):
    """Returns the bytes of the next item, or a Problem once there are no more."""
    if self._problem is None:
      try:
        content = self._stream.read(self._size)
        if len(content) == self._size:
          return content
        self._problem = _problem(EOFError())
      except Exception as error:  # gzip and zlib have their own
        self._problem = _problem(error)
    return self._problem


def _form(dimensions):
  return struct.Struct(f'>{1 + dimensions}I')


@contextlib.contextmanager
def _open(path):
  with open(path, 'rb') as file:
    packed = file.read(2) == _GZIP
    file.seek(0)
    if not packed:
      yield file
      return
    with gzip.open(file) as stream:
      yield stream


def _problem(error):
  if isinstance(error, EOFError):
    return Problem('is missing: the file is truncated')
  return problem(error)
