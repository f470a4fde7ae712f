"""Writing files so that a reader never meets half of one, and whether that is possible."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
  """A binary file to write, which becomes `path` when the block ends without an exception.

  It lies next to `path` under a temporary name until then, and goes away if the block fails.
  """
  path = pathlib.Path(path)
  temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
  try:
    with temporary.open('wb') as file:
      yield file
      file.flush()
      os.fsync(file.fileno())  # else a power cut may leave the name and lose what it names
    temporary.replace(path)
  finally:
    temporary.unlink(missing_ok=True)


def try_writing(path: pathlib.Path) -> None:
  """Raises the OSError that writing there would, as far as one can tell without doing it.

  `path`: a file, or a folder to write into.
  """
  number = 0
  if not path.exists():  # a link to nothing
    number = errno.EEXIST
  elif not os.access(path, os.W_OK):
    number = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
  if number:
    raise OSError(number, os.strerror(number))
