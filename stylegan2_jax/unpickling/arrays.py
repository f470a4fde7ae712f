"""The names that pickles of arrays and plain data use, old ones and new, each with its stand-in."""

import math
from typing import Any

import numpy as np

from stylegan2_jax.unpickling.values import Global, Limits, Names, Pending, PickleError, check_keys

_MAX_SIZE, _MAX_AXES = 2**40, 16
_DTYPES = {'b1', *(f'{kind}{size}' for kind in 'iu' for size in (1, 2, 4, 8)), 'f2', 'f4', 'f8'}


class Dtype(Pending):
  """numpy.dtype: its code, and the byte order that comes as its state."""

  __slots__ = ('dtype',)

  def __init__(self, code: Any, *unused):
    super().__init__()
    code = _word(code)
    if code not in _DTYPES:
      raise PickleError('it has an array of something else than numbers')
    self.dtype = np.dtype(code)

  def build(self, state: Any) -> 'Dtype':
    """(version, '<' or '>' or '|', ...)."""
    order = _word(state[1]) if isinstance(state, tuple) and len(state) > 1 else None
    if order not in ('<', '>', '|', '='):
      raise PickleError('it has an array of unknown byte order')
    self.dtype = self.dtype.newbyteorder(order)
    return self


class _Array(Pending):
  """A NumPy array before its content comes, as its state."""

  __slots__ = ('_limits',)

  def __init__(self, limits: Limits):
    super().__init__()
    self._limits = limits

  def build(self, state: Any) -> np.ndarray:
    """(version, shape, dtype, whether in Fortran's order, bytes), in old files without version."""
    if not isinstance(state, tuple) or len(state) not in (4, 5):
      raise PickleError('it has an array of unknown form')
    shape, dtype, fortran, data = state[-4:]
    return make_array(data, dtype, shape, 'F' if fortran else 'C', self._limits)


def make_array(data: Any, dtype: Any, shape: Any, order: str, limits: Limits) -> np.ndarray:
  """A read-only array in this machine's byte order, which looks into `data` if it can.

  Raises:
    PickleError: they do not fit each other, or are something else.
  """
  if isinstance(data, str):  # Python 2's
    data = encode(limits, data)
  if not isinstance(dtype, Dtype) or not isinstance(data, bytes | bytearray):
    raise PickleError('it has an array without numbers')
  count = math.prod(checked_sizes(shape))
  if count * dtype.dtype.itemsize != len(data):
    raise PickleError('it has an array that is larger or smaller than it says')
  limits.take(len(data))
  array = np.frombuffer(data, dtype.dtype).reshape(shape, order='F' if order == 'F' else 'C')
  array = array.astype(dtype.dtype.newbyteorder('='), copy=False)
  array.flags.writeable = False
  return array


def checked_sizes(shape: Any) -> tuple[int, ...]:
  """A shape.

  Raises:
    PickleError: it is something else, or has too many or negative sizes.
  """
  if not isinstance(shape, tuple | list) or len(shape) > _MAX_AXES:
    raise PickleError('it has an array of unknown shape')
  if not all(type(size) is int and 0 <= size < _MAX_SIZE for size in shape):
    raise PickleError('it has an array of unknown shape')
  return tuple(shape)


def encode(limits: Limits, text: Any, encoding: Any = 'latin1') -> bytes:
  """How Python 3 writes bytes for Python 2."""
  if not isinstance(text, str) or _word(encoding) not in ('latin1', 'latin-1'):
    raise PickleError('it has bytes of unknown form')
  limits.take(len(text))
  return text.encode('latin1')


def _scalar(limits, dtype, data=b'') -> Any:
  """A number of NumPy, as Python's."""
  return make_array(data, dtype, (), 'C', limits).item()


def _frombuffer(limits, data, dtype, shape, order='C') -> np.ndarray:
  return make_array(data, dtype, shape, order, limits)


def _ordered(limits, *pairs) -> dict:
  """collections.OrderedDict, in old files of a list of pairs."""
  found: dict = {}
  for pair in _one_list(limits, pairs):
    key, value = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (pair, None)
    found[check_keys([key])[0]] = value
  return found


def _set(limits, *values) -> set:
  return set(check_keys(_one_list(limits, values)))


def _bytes(limits, *values) -> bytes:
  """bytes() and bytes([1, 2]), as old protocols write bytes and bytearrays."""
  return bytes(_one_list(limits, values))


def _one_list(limits, arguments) -> list:
  if len(arguments) > 1 or not all(isinstance(argument, list) for argument in arguments):
    raise PickleError('it has a container of unknown form')
  found = arguments[0] if arguments else []
  limits.step(len(found))
  limits.take(8 * len(found))
  return found


def _word(value: Any) -> Any:
  return value.decode('latin1') if isinstance(value, bytes) else value


def _in(modules: str, name: str, value: Any) -> dict[str, Any]:
  return {f'{module}.{name}': value for module in modules.split()}


def array_names(limits: Limits) -> Names:
  """NumPy's and Python's, for one file of these limits."""

  def counted(function):
    return lambda *arguments: function(limits, *arguments)

  old_and_new = 'numpy.core.multiarray numpy._core.multiarray'
  return Names(
    functions={
      **_in(old_and_new, '_reconstruct', lambda *unused: _Array(limits)),
      **_in(old_and_new, 'scalar', counted(_scalar)),
      **_in('numpy.core.numeric numpy._core.numeric', '_frombuffer', counted(_frombuffer)),
      'numpy.dtype': Dtype,
      '_codecs.encode': counted(encode),
      'collections.OrderedDict': counted(_ordered),
      **_in('builtins __builtin__', 'set', counted(_set)),
      **_in('builtins __builtin__', 'frozenset', counted(_set)),
      **_in('builtins __builtin__', 'bytes', counted(_bytes)),
      **_in('builtins __builtin__', 'bytearray', counted(_bytes)),
    },
    words=frozenset(('numpy.ndarray', *_in('builtins __builtin__', 'object', 0))),
  )


def reconstructor(names: Names) -> Names:
  """With the way in which protocols 0 and 1 make instances of `names.classes`."""

  def make(kind, base, state=None):
    if not isinstance(kind, Global) or kind.name not in names.classes:
      raise PickleError('it makes an instance of something that is no class')
    made = names.classes[kind.name]()
    if isinstance(made, dict) and isinstance(state, dict):
      made.update(state)
    return made

  words = names.words | {'builtins.dict', '__builtin__.dict'}
  return Names({**names.functions, **_in('copy_reg copyreg', '_reconstructor', make)},
               names.classes, words)  # fmt: skip
