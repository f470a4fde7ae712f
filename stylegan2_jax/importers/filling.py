"""Trees of this project from another project's arrays, each taken from the place it has there."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np
from flax import traverse_util

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line

MOST_CHANNELS = 4  # of images: those of data.channels
LONGEST_PART = 100  # characters of a part's name, which stands before that of each of its arrays
Path = tuple[str, ...]  # of a leaf: ('b4', 'conv1', 'weight')


@dataclasses.dataclass(frozen=True)
class Place:
  """Where a leaf comes from: the name of an array, and how it becomes ours."""

  name: str
  convert: Callable[[np.ndarray], np.ndarray] = lambda array: array


class Arrays:
  """Another project's arrays by name, and which of them have been used."""

  def __init__(self, owner: str, arrays: Mapping[str, Any]):
    """`owner`: whose they are, for messages: 'the generator of this TensorFlow file'."""
    self.owner = owner
    self._arrays = arrays
    self._unused = dict.fromkeys(arrays)  # in order

  def __contains__(self, name: str) -> bool:
    return name in self._arrays

  def take(self, place: Place, shape: Sequence[int]) -> np.ndarray:
    """The array at a place, as float32 of our shape.

    Raises:
      UserError: it is not there, has another shape, is not of real numbers, or not all are finite.
    """
    if place.name not in self._arrays:
      raise UserError(f'{self.owner} lacks {one_line(place.name)}: damaged, or of another kind')
    self._unused.pop(place.name, None)
    array = np.asarray(self._arrays[place.name])
    if array.dtype.kind not in 'fiu' and array.dtype != ml_dtypes.bfloat16:
      raise UserError(f'{self.owner}: {one_line(place.name)} does not hold numbers: it is damaged')
    try:
      with np.errstate(over='ignore'):  # what is too large becomes infinite
        ours = np.asarray(place.convert(array), np.float32)
    except (ValueError, IndexError):  # too few or too many axes
      ours = None
    if ours is None or ours.shape != tuple(shape):
      raise UserError(
        f'{self.owner}: {one_line(place.name)} has the shape {list(array.shape)}, which does not '
        'fit its other sizes: it is damaged, or not a StyleGAN2'
      )
    if not np.isfinite(ours).all():
      raise UserError(f'{self.owner}: {one_line(place.name)} is not finite: it is damaged')
    return np.ascontiguousarray(ours).reshape(shape)

  def fill(self, shapes: Mapping, place: Callable[[Path], Place]) -> dict:
    """A tree like `shapes` (of anything with a shape), each leaf from its place.

    Raises:
      UserError: see `take`.
    """
    flat = traverse_util.flatten_dict(dict(shapes))
    return traverse_util.unflatten_dict(
      {path: self.take(place(path), leaf.shape) for path, leaf in flat.items()}
    )

  def count(self, pattern: str, first: int = 0) -> int:
    """How many arrays are named by the numbers from `first` on: pattern 'style.{}.weight'."""
    return next(n for n in itertools.count() if pattern.format(first + n) not in self._arrays)

  def shape(self, name: str, axes: int) -> tuple[int, ...]:
    """The shape of an array that tells a size.

    Raises:
      UserError: it is not there, or has another number of axes, or one of length 0.
    """
    found = getattr(self._arrays.get(name), 'shape', ())
    if len(found) != axes or not all(found):
      raise UserError(f'{self.owner} has no {name} of {axes} axes: damaged, or of another kind')
    return found

  def unused(self) -> list[str]:
    """Names of the arrays that nobody took."""
    return list(self._unused)

  def leave(self, *names: str) -> None:
    """Marks arrays as known and not needed."""
    for name in names:
      self._unused.pop(name, None)

  def check_all_used(self) -> None:
    """Refuses arrays that nobody took: then the networks compute something else.

    Raises:
      UserError: names them.
    """
    if self._unused:
      raise UserError(
        f'{self.owner} also holds {listing(list(self._unused), 3)}: '
        'networks with such parts are not known here'
      )
