"""Data out of a Python 2 pickle that cannot be trusted, without running it.

A pickle is a program: it names functions and calls them. Here its instructions are looked through
first, and only those pass that build plain data; then the few functions that arrays are made with
are replaced by some that only keep their arguments. No name of the pickle is ever imported.
"""

import pickle
import pickletools

import numpy as np

from stylegan2_jax.data.decoding import MAX_BYTES

# Instructions of protocol 2 (and bytes of 3) that make or store data.
_DATA = """
  PROTO STOP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 BINFLOAT
  STRING BINSTRING SHORT_BINSTRING BINUNICODE BINBYTES SHORT_BINBYTES
  EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
  EMPTY_DICT DICT SETITEM SETITEMS PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET
"""
# Those that name a function, call it, and give the result its state.
_CALLS = 'GLOBAL REDUCE BUILD'
_ALLOWED = frozenset((_DATA + _CALLS).split())
_STORES = ('PUT', 'BINPUT', 'LONG_BINPUT')
_MAX_STORED = 2**20  # the unpickler makes room for as many results as the highest number says


class _Parts:
  """What an array, or the type of its elements, becomes: the state that it would be given."""

  __slots__ = ('arguments', 'state')

  def __init__(self, *arguments):
    self.arguments = arguments
    self.state = None

  def __setstate__(self, state):
    self.state = state


class _Function:
  """Stands for a function that the pickle names. Nothing that the pickle does can change it."""

  __slots__ = ('_call',)

  def __init__(self, call):
    self._call = call

  def __call__(self, *arguments):
    return self._call(*arguments)

  def __setstate__(self, state):
    raise pickle.UnpicklingError('it changes a function')


class _Unpickler(pickle.Unpickler):
  """Makes lists, dicts, numbers and strings, and `_Parts`."""

  def __init__(self, stream):
    super().__init__(stream, encoding='bytes')
    self._encoded = 0
    parts, encode, empty = _Function(_Parts), _Function(self._encode), _Function(_empty)
    self._functions = {
      'numpy.core.multiarray._reconstruct': parts,
      'numpy._core.multiarray._reconstruct': parts,
      'numpy.ndarray': parts,
      'numpy.dtype': parts,
      '_codecs.encode': encode,  # how Python 3 writes bytes for Python 2
      '__builtin__.bytes': empty,
    }

  def find_class(self, module, name):
    """Returns what stands for a function; raises UnpicklingError for all but a few."""
    try:
      return self._functions[f'{module}.{name}']
    except KeyError:
      raise pickle.UnpicklingError(f'it calls {module}.{name}') from None

  def _encode(self, text, encoding):
    self._encoded += len(text)
    if self._encoded > MAX_BYTES or encoding not in ('latin1', b'latin1'):
      raise pickle.UnpicklingError('its strings are too long')
    return text.encode('latin1')


def _empty():
  return b''


def load(stream):
  """Reads one pickle.

  Args:
    stream: seekable binary file, of a size that fits into memory.

  Returns:
    Lists, tuples, dicts, numbers, bytes and str; what was an array is for `uint8_array`.

  Raises:
    Exception, of many kinds: it is damaged, or more than data.
  """
  start = stream.tell()
  for instruction, argument, _ in pickletools.genops(stream):
    if instruction.name not in _ALLOWED:
      raise pickle.UnpicklingError(f'it is more than data: {instruction.name}')
    if instruction.name in _STORES and not 0 <= int(argument) < _MAX_STORED:
      raise pickle.UnpicklingError('it stores too many results')
  stream.seek(start)
  return _Unpickler(stream).load()


def uint8_array(parts, columns):
  """Makes the array [n, columns] of bytes that a value of `load` was.

  Raises:
    ValueError: it was another array, or none.
  """
  try:
    _, shape, dtype, fortran_order, data = parts.state
    (code, *_) = dtype.arguments
    rows, width = shape
  except (AttributeError, TypeError, ValueError):
    raise ValueError('it has no table of pixels') from None
  if code not in ('u1', b'u1') or fortran_order or width != columns or not isinstance(data, bytes):
    raise ValueError(f'its pixels are not rows of {columns} bytes')
  if not isinstance(rows, int) or rows < 0 or rows * columns != len(data):
    raise ValueError('its pixels are fewer or more than it says')
  return np.frombuffer(data, np.uint8).reshape(rows, columns)
