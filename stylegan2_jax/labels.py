"""What the labels of a model mean, and the vectors that people's words for them stand for."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, one_line


@dataclasses.dataclass(frozen=True)
class LabelSpace:
  """The labels that networks take: classes with names, vectors, or none (c_dim 0)."""

  c_dim: int = 0
  class_names: tuple[str, ...] = ()  # c_dim of them, or none where labels are vectors
  component_names: tuple[str, ...] = ()  # c_dim of them, or none; of vectors only

  @classmethod
  def of_checkpoint(cls, info: Mapping[str, Any]) -> 'LabelSpace':
    """From what the training loop notes in a checkpoint; no labels for unconditional networks."""
    c_dim = info['c_dim']
    if not c_dim:
      return cls()
    return cls(c_dim, tuple(info['class_names']), tuple(info.get('component_names', ())))

  def class_number(self, name: int | str) -> int:
    """The number of a class given by number or name; names go before numbers.

    Raises:
      UserError: the model has no classes, or not this one.
    """
    if not self.class_names:
      raise UserError(self._no_classes())
    if str(name) in self.class_names:
      return self.class_names.index(str(name))
    if str(name).isascii() and str(name).isdecimal() and int(name) < self.c_dim:
      return int(name)
    raise UserError(f'there is no class {one_line(name)}: there are {listing(self.class_names)}')

  def vector(self, label) -> np.ndarray:
    """One label as float32 [c_dim].

    Args:
      label: number or name of a class; name of a component, or several joined by + ('a+b' is 1
        in both); c_dim numbers, also as text ('0.2,0.8'). A name that is there goes before any
        other reading.

    Raises:
      UserError: it is none of these; one line with what there is.
    """
    if not self.c_dim:
      raise UserError(self._no_classes())
    if isinstance(label, str):
      return self._parsed(label)
    if np.ndim(label) == 0 and self.class_names:
      return self._one_hot(self.class_number(label))
    return self._numbers(np.atleast_1d(np.asarray(label)), label)

  def vectors(self, label, count: int) -> np.ndarray | None:
    """Labels of several images: float32 [count, c_dim], or None for an unconditional model.

    Args:
      label: one for all, as `vector` takes it; or one for each, a list or array [count] of class
        numbers or names, or [count, c_dim] vectors. One-dimensional whole numbers are classes
        where the model has classes, all other numbers are one vector.
      count: the number of images.

    Raises:
      UserError: labels are missing, too many, or not the model's.
    """
    if label is None:
      if self.c_dim:
        raise UserError(f'this model is conditional: {self.choices()}')
      return None
    try:
      array = np.asarray(label)
    except ValueError:  # of lists that are not all equally long
      raise UserError(f'the labels differ in form: {self.choices()}') from None
    is_text = array.dtype.kind in 'US'
    if array.ndim == 0 or (array.ndim == 1 and not is_text and not self._are_classes(array)):
      return np.tile(self.vector(array.item() if array.ndim == 0 else array), (count, 1))
    if len(array) != count:
      raise UserError(f'{len(array)} labels were given for {count} images: give one for each')
    return np.stack([self.vector(each.item() if np.ndim(each) == 0 else each) for each in array])

  def choices(self) -> str:
    """What a label may be, as advice."""
    if self.class_names:
      return f'name a class out of {listing(self.class_names)}'
    numbers = f'give a vector of {self.c_dim} number' + ('s' if self.c_dim > 1 else '')
    if not self.component_names:
      return numbers
    return f'{numbers}, or names joined by + out of {listing(self.component_names)}'

  def _are_classes(self, array):
    return bool(self.class_names) and array.dtype.kind in 'iu'

  def _no_classes(self):
    if self.c_dim:
      return f'this model takes label vectors, not classes: {self.choices()}'
    return 'this model is unconditional, trained without labels: leave the class out'

  def _one_hot(self, *places):
    vector = np.zeros(self.c_dim, np.float32)
    vector[list(places)] = 1
    return vector

  def _parsed(self, text):
    names = self.class_names or self.component_names
    if text in names:
      return self._one_hot(names.index(text))
    parts = text.split('+')
    if self.component_names and all(part in names for part in parts):
      return self._one_hot(*(names.index(part) for part in parts))
    values = _floats(text)
    is_vector = values is not None and (len(values) > 1 or not self.class_names)
    if is_vector:
      return self._numbers(np.array(values), text)
    if self.class_names:
      return self._one_hot(self.class_number(text))
    raise UserError(f'{one_line(text)} is no label of this model: {self.choices()}')

  def _numbers(self, values, label):
    """Checks c_dim numbers."""
    if values.dtype.kind not in 'fiub' or values.shape != (self.c_dim,):
      raise UserError(f'the label {one_line(label)} does not fit: {self.choices()}')
    with np.errstate(over='ignore'):  # what is too large for float32 becomes infinite
      vector = values.astype(np.float32)
    if not np.isfinite(vector).all():
      raise UserError(f'the label {one_line(label)} is not finite: {self.choices()}')
    return vector


def _floats(text):
  """Numbers separated by commas, or None if it is something else."""
  try:
    return [float(part) for part in text.split(',')]
  except ValueError:
    return None
