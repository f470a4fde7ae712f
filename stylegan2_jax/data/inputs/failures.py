"""What an exception means: a UserError where it concerns the whole, a Problem where one picture."""

import contextlib
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator

from stylegan2_jax.data.inputs.base import Picture, Problem
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason


@contextlib.contextmanager
def opening(shown: str, remedy: str, kinds: type | tuple[type, ...] = Exception):
  """Context in which whatever goes wrong with an input becomes a UserError.

  Args:
    shown: what to call the input, printable.
    remedy: what to do about it.
    kinds: of exceptions. Systems, gzip, tarfile, pickle, NumPy, TFDS: each has its own.
  """
  try:
    yield
  except UserError:
    raise
  except kinds as error:
    raise UserError(f'cannot read {shown} ({reason(error)}): {remedy}') from error


def problem(error: BaseException) -> Problem:
  """What an exception means for the picture that raised it."""
  if isinstance(error, EOFError):
    return Problem('is truncated')
  if isinstance(error, zlib.error) or 'CRC' in str(error):
    return Problem('is damaged')
  return Problem(f'cannot be read ({reason(error)})')


def to_the_end(
  pictures: Iterable[Picture], start: int, stop: int, name: Callable[[int], str]
) -> Iterator[Picture]:
  """Yields as many pictures as an input has promised, whatever becomes of it meanwhile.

  Args:
    pictures: those from number `start` on. Where they break off or raise something, Problems
      follow.
    start: number of the first.
    stop: number after the last; what goes on after it is left out.
    name: function from a number to the name of a picture that is not there.
  """
  number, lost = start, Problem('is missing: the source has changed')
  try:
    for picture in itertools.islice(pictures, stop - start):
      yield picture
      number += 1
  except Exception as error:  # it was all right when it was opened
    lost = problem(error)
  for missing in range(number, stop):
    yield Picture(name(missing), lost, None)
