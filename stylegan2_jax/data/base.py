"""What all sources of pictures have in common."""

import abc
import contextlib
import hashlib
from typing import NamedTuple

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import one_line, reason

# The remedy for a prepared set that is damaged.
AGAIN = 'remove the set and prepare it again (launch.py prepare)'


class Example(NamedTuple):
  """One picture as it lies in its source."""

  image: bytes  # encoded
  label: int | np.ndarray  # index into class_names, or float32 [label_dim]; -1 without labels
  name: str  # for messages: where it lies


class Source(abc.ABC):
  """What all sources have in common.

  Reading is safe from several threads, and sources can be pickled.
  """

  class_names = ()  # tuple of str; empty when unlabelled, or labelled by vectors
  label_dim = 0  # width of the label vectors: the number of classes, if there are; 0 unlabelled
  component_names = ()  # tuple of str: what each component of vector labels means, where known

  def __init__(self, data):
    self.data = data

  @abc.abstractmethod
  def __len__(self):
    """The number of pictures."""

  @abc.abstractmethod
  def read(self, index):
    """Returns the Example `index`, in [0, len). Raises UserError if it cannot be read."""

  @abc.abstractmethod
  def describe(self):
    """One line for people: what it is, how many pictures, how they come to size."""

  @abc.abstractmethod
  def _identity(self):
    """Lines (str) that change whenever the pictures do."""

  def __getitem__(self, index):
    return self.read(index)

  def labels(self):
    """All labels: classes int32 [len], vectors float32 [len, label_dim], or None without."""
    return None  # noqa: RET501

  def fingerprint(self):
    """A short hash that changes with the pictures, or the settings that change their pixels."""
    form = f'{self.data.resolution} {self.data.channels}'
    form += f' {self.data.aspect}' if self.data.aspect != '1:1' else ''  # squares: as ever
    digest = hashlib.sha256(f'{form}\n'.encode())
    for line in self._identity():
      digest.update(line.encode('utf-8', 'surrogateescape') + b'\n')
    return digest.hexdigest()[:32]

  def stamp(self):
    """What tells files from those that took their place, where `fingerprint` does not; or ''."""
    return ''


@contextlib.contextmanager
def reading(name, remedy):
  """Context in which whatever goes wrong while reading `name` becomes a UserError."""
  try:
    yield
  except UserError:
    raise
  except Exception as error:  # operating system, zip, zlib, array_record: each has its own
    # Names and reasons may come from the data: they must not reach the terminal as they are.
    said = reason(error, 200)
    raise UserError(f'cannot read {one_line(name, 1000)} ({said}): {remedy}') from error
