"""Files that `torch.load(path, weights_only=True)` reads, written without PyTorch.

Such a file is a zip, nothing in it compressed: `data.pkl`, a pickle of protocol 2 in which a tensor
is a call of `torch._utils._rebuild_tensor_v2` on a storage named by a persistent id; `data/N`, the
bytes of storage N; and the version of the form (3) and the order of bytes, as text. Read off what
PyTorch writes since 1.6. The pickle is made of a dozen opcodes (pickletools explains them): no
object but tensors, plain containers and plain values can get into one.

Checked by hand with PyTorch 1.13: `torch.load` with `weights_only=True` returns equal tensors. That
version takes no float outside of tensors in such a file; later ones do.
"""

import io
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np

_FOLDER = 'archive'
_TENSOR = b'ctorch._utils\n_rebuild_tensor_v2\n'
_HOOKS = b'ccollections\nOrderedDict\n)R'  # a tensor's backward hooks: none
_STORAGES = {'f2': 'HalfStorage', 'f4': 'FloatStorage', 'f8': 'DoubleStorage', 'i8': 'LongStorage'}


def write_torch(file: BinaryIO, value: object) -> None:
  """Writes a value, in the same bytes each time.

  Args:
    file: to write to.
    value: dict, list, tuple, str, int, float, bool, None, and arrays of float16, float32, float64
      or int64, nested as one likes. Arrays come back as tensors.

  Raises:
    TypeError: anything else.
  """
  arrays: list[np.ndarray] = []
  pickled = io.BytesIO()
  pickled.write(b'\x80\x02')
  _put(pickled, value, arrays)
  pickled.write(b'.')
  with zipfile.ZipFile(file, 'w', zipfile.ZIP_STORED) as archive:
    _add(archive, 'data.pkl', pickled.getvalue())
    _add(archive, 'byteorder', b'little')
    for number, array in enumerate(arrays):
      _add(archive, f'data/{number}', array.tobytes())
    _add(archive, 'version', b'3\n')


def _add(archive, name, content):
  """With the date that a ZipInfo has unless told otherwise: always the same."""
  archive.writestr(zipfile.ZipInfo(f'{_FOLDER}/{name}'), content)


def _put(out, value, arrays):
  """Appends the opcodes that leave `value` on the stack; its arrays go into `arrays`."""
  if value is None or isinstance(value, bool):
    out.write({None: b'N', True: b'\x88', False: b'\x89'}[value])
  elif isinstance(value, int):
    _put_int(out, value)
  elif isinstance(value, float):
    out.write(b'G' + struct.pack('>d', value))
  elif isinstance(value, str):
    text = value.encode()
    out.write(b'X' + struct.pack('<I', len(text)) + text)
  elif isinstance(value, Mapping):
    out.write(b'}(')
    _put_all(out, (part for item in value.items() for part in item), arrays)
    out.write(b'u')
  elif isinstance(value, tuple):
    out.write(b'(')
    _put_all(out, value, arrays)
    out.write(b't')
  elif isinstance(value, list):
    out.write(b'](')
    _put_all(out, value, arrays)
    out.write(b'e')
  elif isinstance(value, np.ndarray):
    _put_tensor(out, value, arrays)
  else:
    raise TypeError(f'write_torch: {type(value).__name__} has no place in a file of weights')


def _put_all(out, values, arrays):
  for value in values:
    _put(out, value, arrays)


def _put_int(out, value):
  """Of 32 bits as BININT, larger as LONG1, which has up to 255 bytes."""
  if -(2**31) <= value < 2**31:
    out.write(b'J' + struct.pack('<i', value))
  else:
    size = value.bit_length() // 8 + 1
    out.write(b'\x8a' + struct.pack('<B', size) + value.to_bytes(size, 'little', signed=True))


def _put_tensor(out, array, arrays):
  """A tensor that fills a storage of its own, in C order, without gradient."""
  kind = _STORAGES.get(array.dtype.str[1:])
  if kind is None:
    raise TypeError(f'write_torch: arrays of {array.dtype} have no storage here')
  out.write(_TENSOR + b'((')
  _put(out, 'storage', arrays)
  out.write(f'ctorch\n{kind}\n'.encode())
  _put_all(out, (str(len(arrays)), 'cpu', array.size), arrays)
  out.write(b'tQ')  # the tuple so far is a persistent id: what PyTorch looks up
  _put_all(out, (0, array.shape, _strides(array.shape), False), arrays)
  out.write(_HOOKS + b'tR')
  arrays.append(array.astype(array.dtype.newbyteorder('<')))


def _strides(shape: Sequence[int]) -> tuple[int, ...]:
  """Elements from one index to the next, for each axis, in C order.

  >>> _strides((2, 3, 4)), _strides(())
  ((12, 4, 1), ())
  """
  return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
