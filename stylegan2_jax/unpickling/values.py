"""What a pickle is made into, and how much of it."""

import abc
import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

MAX_INSTRUCTIONS = 1 << 20  # two 1024x1024 generators in one file have 55,000
_MAX_DEPTH = 100
_MAX_INT_BITS = 2048
_KEYS = (str, bytes, int, type(None))  # whose hash looks into nothing
_MAX_KEY_BITS = 60  # larger ones may all have the same hash


class PickleError(Exception):
  """It is damaged, or more than data; one line says what, as the end of a sentence."""


class Limits:
  """What reading one file may cost, with all that is nested in it."""

  def __init__(self, size: int):
    """`size`: of the file in bytes."""
    self._instructions = MAX_INSTRUCTIONS
    self._bytes = 4 * size + (1 << 20)

  def step(self, count: int = 1) -> None:
    """Counts instructions, or steps as long as one.

    Raises:
      PickleError: they are too many.
    """
    self._instructions -= count
    if self._instructions < 0:
      raise PickleError('it has more instructions than files of networks need')

  def take(self, count: int) -> None:
    """Counts bytes that are copied, or would be if somebody copied a view.

    Raises:
      PickleError: they are too many.
    """
    self._bytes -= count
    if self._bytes < 0:
      raise PickleError('it makes far more data than it holds')


class Source:
  """A file of which nobody asks for more than it has: a length in a pickle may be any number."""

  def __init__(self, file: BinaryIO):
    """`file`: seekable."""
    self._file = file
    self._left = remaining(file)

  def read(self, count: int) -> bytes:
    """So many bytes.

    Raises:
      PickleError: there are less.
    """
    data = self._file.read(count) if 0 <= count <= self._left else b''
    if len(data) != count:
      raise PickleError('it is cut short')
    self._left -= count
    return data

  def readline(self) -> bytes:
    """To the next line break."""
    line = self._file.readline(self._left)
    self._left -= len(line)
    return line


def remaining(file: BinaryIO) -> int:
  """Bytes from where a file stands to its end."""
  here = file.tell()
  end = file.seek(0, os.SEEK_END)
  file.seek(here)
  return end - here


@dataclasses.dataclass(frozen=True)
class Global:
  """A name of the file, `module.name`, which stands for nothing but itself."""

  name: str


class Pending(abc.ABC):
  """Something that gets its content, its state, after it was made."""

  __slots__ = ('places',)

  def __init__(self):
    self.places: list[int] = []  # where it is stored meanwhile

  @abc.abstractmethod
  def build(self, state: Any) -> Any:
    """What it becomes."""


class Object(Pending):
  """An instance of an allowed class: its name and what the file says is in it."""

  __slots__ = ('name', 'state')

  def __init__(self, name: str, state: dict | None = None):
    super().__init__()
    self.name = name
    self.state = {} if state is None else state

  def build(self, state: Any) -> 'Object':
    """Takes attributes: a dict."""
    if not isinstance(state, dict):
      raise PickleError(f'it has a {self.name} of unknown form')
    self.state = state
    return self


@dataclasses.dataclass(frozen=True)
class Names:
  """What the names that a file may use stand for.

  `functions`: called with the arguments of the file, and gives what the function's result becomes.
  `classes`: called with nothing for a new instance: a dict or something `Pending`.
  `words`: names that are only passed on, as the type of a storage is.
  """

  functions: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
  classes: Mapping[str, Callable[[], Any]] = dataclasses.field(default_factory=dict)
  words: frozenset[str] = frozenset()

  def __contains__(self, name: str) -> bool:
    return name in self.functions or name in self.classes or name in self.words

  def __or__(self, other: 'Names') -> 'Names':
    return Names(
      {**self.functions, **other.functions},
      {**self.classes, **other.classes},
      self.words | other.words,
    )


def instances(*names: str) -> dict[str, Callable[[], Object]]:
  """For `Names.classes`: classes whose instances become `Object`s of their name."""
  return {name: (lambda name=name: Object(name)) for name in names}


def check_number(value: Any) -> Any:
  """The value; raises PickleError for whole numbers of hundreds of digits."""
  if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
    raise PickleError('it has a number of hundreds of digits')
  return value


def check_keys(keys: list) -> list:
  """The keys of a dict or set; raises PickleError if looking them up could take long."""
  for key in keys:
    if not isinstance(key, _KEYS) or (isinstance(key, int) and key.bit_length() > _MAX_KEY_BITS):
      raise PickleError('it has keys that are neither words nor small numbers')
  return keys


def check_tree(value: Any, limits: Limits) -> None:
  """Refuses what would be endless, or far larger than the file, for those who walk through it.

  Raises:
    PickleError: it contains itself, or is too deep, or has something unfinished in it.
  """
  todo = [(value, 0)]
  while todo:
    value, depth = todo.pop()
    if isinstance(value, dict):
      inner = list(value.values())
    elif isinstance(value, list | tuple):
      inner = list(value)
    elif isinstance(value, Object):
      inner = [value.state]
    elif isinstance(value, Pending):
      raise PickleError('it has an array without content')
    else:
      continue
    if depth >= _MAX_DEPTH:
      raise PickleError('it is nested too deeply, or contains itself')
    limits.step(len(inner))
    todo += [(one, depth + 1) for one in inner]
