"""What tools write: where it cannot be written, one line says so."""

import contextlib
import os
from collections.abc import Iterator

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
  """Around what writes --out.

  Raises:
    UserError: for any OSError of the block.
  """
  try:
    yield
  except OSError as error:
    raise UserError(f'cannot write {path}: {reason(error)}; name another --out') from None
