"""Opening a file that may be anything: what cannot be used is refused in one line."""

import contextlib
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import BinaryIO

from stylegan2_jax.errors import UserError
from stylegan2_jax.unpickling.values import Limits, PickleError
from stylegan2_jax.words import reason

# What is downloaded by mistake, by how it begins (in small letters, without leading spaces).
_OTHERS = {
  b'<!doctype': 'a web page: download the file itself',
  b'<html': 'a web page: download the file itself',
  b'version https://git-lfs': 'a pointer of git-lfs: fetch the file itself, as by `git lfs pull`',
  b'\x1f\x8b': 'compressed by gzip: unpack it first',
  b'bzh': 'compressed by bzip2: unpack it first',
  b'\xfd7zxz': 'compressed by xz: unpack it first',
  b'7z\xbc\xaf': 'a 7z archive: unpack it first',
  b'rar!': 'a RAR archive: unpack it first',
  b'\x89png': 'a picture: name a file of weights',
  b'\x89hdf': 'an HDF5 file: name a .pkl or .pt',
}


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[tuple[BinaryIO, Limits]]:
  """The file to read, and what reading it may cost.

  Raises:
    UserError: it cannot be read, is something else by its first bytes, or the block found so.
  """
  path = pathlib.Path(path)
  try:
    with open(path, 'rb', opener=_open) as file:
      status = os.fstat(file.fileno())
      if not stat.S_ISREG(status.st_mode):
        raise UserError(f'{path} is no file: name a file of weights')
      _check_beginning(path, file)
      yield file, Limits(status.st_size)
  except IsADirectoryError:
    raise UserError(f'{path} is a folder: name a file of weights') from None
  except OSError as error:
    raise UserError(f'cannot read {path}: {reason(error)}; name another file') from None
  except PickleError as error:
    raise UserError(
      f'cannot import {path}: {error} (nothing of it was run): fetch it again, or name another file'
    ) from None
  except MemoryError:
    raise UserError(f'cannot import {path}: it needs more memory than there is') from None


def _open(path, flags):
  return os.open(path, flags | getattr(os, 'O_NONBLOCK', 0))  # or a pipe would wait for a writer


def _check_beginning(path, file):
  begin = file.read(256)
  file.seek(0)
  if not begin:
    raise UserError(f'{path} is empty: fetch it again')
  text = begin.lstrip().lower()
  for start, what in _OTHERS.items():
    if text.startswith(start):
      raise UserError(f'{path} is {what}')
