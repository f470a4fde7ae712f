"""Writing files so that a reader never meets half of one."""

import contextlib
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
