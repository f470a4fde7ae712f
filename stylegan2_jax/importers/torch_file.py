"""Reads what torch.save writes, without PyTorch and without running anything.

Three forms: a zip with a pickle and a file for each storage (PyTorch 1.6 and later); one stream of
pickles with the storages behind them (before); and either of them again inside of other pickles,
which is how a tensor in an ordinary pickle is kept. Tensors become NumPy arrays that look into the
bytes read; bfloat16 ones become float32.
"""

import io
import os
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np

from stylegan2_jax.importers.foreign_file import opened
from stylegan2_jax.importers.torch_tensors import (
  STORAGES,
  Storage,
  storage,
  storage_id,
  tensor_names,
)
from stylegan2_jax.unpickling.arrays import reconstructor
from stylegan2_jax.unpickling.machine import load
from stylegan2_jax.unpickling.values import Limits, Names, PickleError, remaining
from stylegan2_jax.words import reason

MAGIC = 0x1950A86A20F9469CFC6C  # the number that the stream begins with
ZIP = b'PK\x03\x04'  # and a zip
_MAX_DIRECTORY = 1 << 22  # bytes; a network has some hundred storages of less than 100 each
_END, _END64, _LOCATOR64 = b'PK\x05\x06', b'PK\x06\x06', b'PK\x06\x07'


def torch_names(limits: Limits) -> Names:
  """The names of files of torch.save, tensors kept as such files among them."""
  return tensor_names(limits, lambda content: read_saved(io.BytesIO(content), limits, nested=True))


def read_torch(path: str | os.PathLike) -> Any:
  """What a file of torch.save holds: dicts, lists, numbers, strings, arrays, `Object`s.

  Raises:
    UserError: it cannot be read, is damaged, or is more than data.
  """
  with opened(path) as (file, limits):
    return read_saved(file, limits)


def read_saved(file: BinaryIO, limits: Limits, nested: bool = False) -> Any:
  """What an open file of torch.save holds, in either form.

  Args:
    file: seekable, at its beginning.
    limits: what reading may cost.
    nested: whether it lies in another pickle.

  Raises:
    PickleError: it is damaged, or more than data.
  """
  start = file.read(len(ZIP))
  file.seek(0)
  names = reconstructor(tensor_names(limits, None) if nested else torch_names(limits))
  return _read_zip(file, names, limits) if start == ZIP else _read_stream(file, names, limits)


def _read_zip(file, names, limits):
  """A zip of torch.save, nothing in it compressed."""
  try:
    _check_directory(file)
    archive = zipfile.ZipFile(file)
    entries = {info.filename: info for info in archive.infolist()}
    mains = [name for name in entries if name.count('/') == 1 and name.endswith('/data.pkl')]
    if len(mains) != 1:
      raise PickleError('it is a zip, but not of torch.save')
    root = mains[0].removesuffix('data.pkl')

    def content(name):
      info = entries[f'{root}{name}']
      if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise PickleError('it is compressed, which torch.save does not do')
      limits.take(info.file_size)
      return archive.read(info)

    if f'{root}byteorder' in entries and content('byteorder') != b'little':
      raise PickleError('its numbers have another byte order')
    stored: dict[str, tuple[str, Storage]] = {}

    def persistent(identity):
      kind, key, count = storage_id(identity)
      if key not in stored:
        stored[key] = kind, storage(content(f'data/{key}'), STORAGES[kind], count)
      if stored[key][0] != kind:
        raise PickleError('it has a storage of two types')
      return stored[key][1]

    return load(io.BytesIO(content('data.pkl')), names, limits, persistent)
  except (PickleError, OSError):
    raise
  except Exception as error:  # zipfile raises all kinds of damaged archives
    raise PickleError(f'it is damaged ({reason(error)})') from None


def _check_directory(file) -> None:
  """Refuses a list of files that is so large that reading it could be the attack."""
  begin = file.tell()
  length = remaining(file)
  tail_size = min(length, (1 << 16) + 22 + 20 + 56)
  file.seek(begin + length - tail_size)
  tail = file.read(tail_size)
  file.seek(begin)
  at = tail.rfind(_END)
  if at < 0 or at + 22 > len(tail):
    raise PickleError('it is cut short')
  size = struct.unpack_from('<I', tail, at + 12)[0]
  if tail[at - 20 : at - 16] == _LOCATOR64 and at >= 20:
    wide = at - 20 - 56  # where zipfile looks for it too
    if wide < 0 or tail[wide : wide + 4] != _END64:
      raise PickleError('it is damaged (the end of its list of files)')
    size = struct.unpack_from('<Q', tail, wide + 40)[0]
  if size > _MAX_DIRECTORY:
    raise PickleError('it is a zip of too many files')


def _read_stream(file, names, limits):
  """Pickles one after the other, and the storages behind them."""
  if load(file, Names(), limits) != MAGIC:
    raise PickleError('it is not of torch.save')
  load(file, Names(), limits)  # version of the protocol
  system = load(file, names, limits)
  if isinstance(system, dict) and system.get('little_endian') is False:
    raise PickleError('its numbers have another byte order')
  begin = file.tell()
  kinds: dict[str, np.dtype] = {}  # by the key of a storage

  def note(identity):
    kind, key, _ = storage_id(identity)
    if kinds.setdefault(key, STORAGES[kind]) != STORAGES[kind]:
      raise PickleError('it has a storage of two types')
    return Storage(None)

  load(file, names, limits, note)  # only to know where it ends
  stored = _read_storages(file, kinds, load(file, Names(), limits))
  file.seek(begin)
  return load(file, names, limits, lambda identity: stored[storage_id(identity)[1]])


def _read_storages(file, kinds, keys) -> dict[str, Storage]:
  stored = {}
  for key in keys if isinstance(keys, list) else ():
    if not isinstance(key, str) or key not in kinds or key in stored:
      raise PickleError('it is damaged (its list of storages)')
    count = int.from_bytes(file.read(8), 'little')
    size = count * kinds[key].itemsize
    if size > remaining(file):
      raise PickleError('it is cut short')
    stored[key] = storage(file.read(size), kinds[key], count)
  if stored.keys() != kinds.keys():
    raise PickleError('it is damaged (its list of storages)')
  return stored
