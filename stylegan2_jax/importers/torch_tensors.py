"""PyTorch's storages and tensors, as NumPy arrays: what the names stand for that its files use."""

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from stylegan2_jax.unpickling.arrays import array_names, checked_sizes
from stylegan2_jax.unpickling.values import Global, Limits, Names, PickleError, instances

_DTYPES = {
  'Float': np.float32, 'Double': np.float64, 'Half': np.float16, 'BFloat16': ml_dtypes.bfloat16,
  'Long': np.int64, 'Int': np.int32, 'Short': np.int16, 'Char': np.int8, 'Byte': np.uint8,
  'Bool': np.bool_,
}  # fmt: skip
STORAGES = {f'torch.{name}Storage': np.dtype(dtype) for name, dtype in _DTYPES.items()}
_WORDS = {
  *('float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8'),
  *('bool', 'float', 'double', 'half', 'long', 'int', 'contiguous_format', 'channels_last'),
  'strided',
}


class Storage:
  """The numbers of one or several tensors; None while only looking for where they are."""

  __slots__ = ('array',)

  def __init__(self, array: np.ndarray | None):
    self.array = array


def tensor_names(limits: Limits, from_bytes: Callable[[bytes], Any] | None) -> Names:
  """The names that files of torch.save use, and those of arrays.

  Args:
    limits: of the file.
    from_bytes: what reads a storage that is kept as bytes of torch.save, as in other pickles; None
      where there is none to be.
  """

  def tensor(storage, offset, size, stride, *unused):
    return _tensor(storage, offset, size, stride, limits)

  def nested(content):
    if not isinstance(content, bytes | bytearray):
      raise PickleError('it has a tensor without numbers')
    limits.take(len(content))
    found = from_bytes(bytes(content))
    if not isinstance(found, Storage):
      raise PickleError('it has a tensor of unknown form')
    return found

  parameter = ('_rebuild_parameter', '_rebuild_parameter_with_state')
  return array_names(limits) | Names(
    functions={
      'torch._utils._rebuild_tensor': tensor,
      'torch._utils._rebuild_tensor_v2': tensor,
      **{f'torch._utils.{name}': lambda data, *unused: data for name in parameter},
      'torch.Size': lambda *sizes: checked_sizes(sizes[0] if sizes else ()),
      'torch.device': lambda *unused: 'cpu',
      **({'torch.storage._load_from_bytes': nested} if from_bytes else {}),
    },
    classes=instances('argparse.Namespace'),
    words=frozenset({*STORAGES, *(f'torch.{word}' for word in _WORDS)}),
  )


def _tensor(storage, offset, size, stride, limits) -> np.ndarray | None:
  """_rebuild_tensor and _rebuild_tensor_v2: a view of a storage."""
  if not isinstance(storage, Storage):
    raise PickleError('it has a tensor without numbers')
  size, stride = checked_sizes(size), checked_sizes(stride)
  if len(size) != len(stride) or type(offset) is not int or offset < 0:
    raise PickleError('it has a tensor of unknown form')
  if storage.array is None:
    return None
  last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
  count = math.prod(size)
  # One that repeats numbers could take more memory than the file has.
  if count > len(storage.array) or (count and last >= len(storage.array)):
    raise PickleError('it has a tensor that is larger than its storage')
  limits.take(count * storage.array.itemsize)
  if not count:
    return np.zeros(size, np.float32)
  step = storage.array.itemsize
  array = np.lib.stride_tricks.as_strided(
    storage.array[offset:], size, [n * step for n in stride], writeable=False
  )
  return array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array


def storage_id(identity: Any) -> tuple[str, str, int]:
  """(type, key, count) of ('storage', type, key, device, count[, None]).

  Raises:
    PickleError: it is something else.
  """
  parts = identity if isinstance(identity, tuple) and len(identity) in (5, 6) else (None,) * 5
  word, kind, key, _, count = parts[:5]
  if word != 'storage' or not isinstance(kind, Global) or kind.name not in STORAGES:
    raise PickleError('it refers to something that is no storage of numbers')
  if not isinstance(key, str) or type(count) is not int or parts[5:] not in ((), (None,)):
    raise PickleError('it refers to a storage of unknown form')
  return kind.name, key, count


def storage(data: bytes, dtype: np.dtype, count: int) -> Storage:
  """The storage of so many numbers.

  Raises:
    PickleError: the data is not of that size.
  """
  if len(data) != count * dtype.itemsize:
    raise PickleError('it has a storage that is larger or smaller than it says')
  return Storage(np.frombuffer(data, dtype))
