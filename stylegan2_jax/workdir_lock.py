"""A lock that keeps a second command out of a folder, until its process ends, however it does."""

import fcntl
import pathlib
import time
from typing import IO

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_TRIES = 5


class WorkdirLock:
  """A lock on a file in a folder. Building one touches nothing."""

  def __init__(self, path: pathlib.Path, what: str = 'training'):
    """`path`: the file; `what`: the kind of command that takes it, for messages."""
    self.path, self._what = path, what
    self._file: IO | None = None

  def is_taken(self) -> bool | None:
    """Whether a process has it; None if that cannot be told. Takes nothing for long."""
    try:
      self._try()
    except BlockingIOError:
      return True
    except OSError:
      return None
    return False

  def check(self) -> None:
    """Refuses what `take` would refuse, in the same words; touches nothing.

    Raises:
      UserError: another process has it, or the file system has no locks.
    """
    try:
      self._try()
    except OSError as error:
      raise self._refusal(error) from None

  def take(self) -> None:
    """Keeps others out until `close`.

    Raises:
      UserError: another process has it, or the file system has no locks.
      OSError: the file cannot be written.
    """
    file = self.path.open('a')
    for tries_left in reversed(range(_TRIES)):
      try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except OSError as error:
        if isinstance(error, BlockingIOError) and tries_left:
          time.sleep(0.05)  # `is_taken` of another process has it for a moment
          continue
        file.close()
        raise self._refusal(error) from None
      self._file = file
      return

  def close(self) -> None:
    """Gives it back. Closing twice is harmless."""
    if self._file is not None:
      self._file.close()
      self._file = None

  def _try(self) -> None:
    try:
      with self.path.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
      pass

  def _refusal(self, error: OSError) -> UserError:
    if isinstance(error, BlockingIOError):
      folder = self.path.parent
      return UserError(
        f'another {self._what} is running in workdir {folder}: stop it or name another'
      )
    return UserError(
      f'cannot lock {self.path} ({reason(error)}): put the workdir on a file system with locks'
    )
