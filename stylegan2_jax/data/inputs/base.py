"""What all inputs have in common: pictures in a fixed order, each with a name and perhaps a label.

An input is read once, front to back, by one process; it may be begun anywhere, to go on after an
interruption. What is wrong with one picture is said in its place and the rest goes on; what is
wrong with the whole raises a UserError when the input is opened.
"""

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stylegan2_jax.data.inputs import names

MAX_LABEL_DIM = 2**16  # classes, or width of vectors, that a prepared set can hold

Label = int | tuple[float, ...]  # a class, or a vector


class Problem(NamedTuple):
  """Stands where a picture's content would, and says why there is none."""

  reason: str  # a few words on one line: 'is truncated'


class Picture(NamedTuple):
  """One picture as it lies in its input."""

  name: str  # unique in the input, for people: a relative path, 'test_batch[17]'
  content: bytes | np.ndarray | Problem  # an encoded file, or pixels uint8 [H, W, C]
  label: Label | None  # None where the input has no labels, or none for this one


@dataclasses.dataclass(frozen=True)
class Labels:
  """What the labels of an input mean.

  Names are changed to what a prepared set can hold: one line each, not empty, all different.
  """

  origin: str  # for people: 'dataset.json', 'folder names', 'the archive'
  class_names: tuple[str, ...] = ()  # of classes: a name for each number
  dim: int = 0  # of vectors: their width; 0 where labels are classes
  component_names: tuple[str, ...] = ()  # of vectors: what each component means, where known
  unmatched: tuple[str, ...] = ()  # keys of the label file that name no picture

  def __post_init__(self):
    for field in ('class_names', 'component_names'):
      object.__setattr__(self, field, tuple(names.distinct(getattr(self, field))))


class Input(abc.ABC):
  """A set of pictures as people have it."""

  kind: str  # for people: 'folder', 'CIFAR-10 archive'
  labels: Labels | None = None  # None: the pictures have no labels
  hint: str = ''  # what could be labels, where none were asked for; for people

  @abc.abstractmethod
  def __len__(self) -> int:
    """The number of pictures, with those that will turn out to be unreadable."""

  @abc.abstractmethod
  def pictures(self, start: int = 0) -> Iterator[Picture]:
    """All pictures from number `start` on, always in the same order. Never raises for one."""

  @abc.abstractmethod
  def identity(self) -> Sequence[str]:
    """Lines that change when the input does: names, sizes and times of files, no contents."""

  def close(self) -> None:  # noqa: B027
    """Closes what is open, where something is. Closing twice is harmless."""
