"""Pickles as other programs write them, of any protocol, with names that nothing here can import.

`Name` is written as such a name, `Made` as a call of one, `Tensor` as PyTorch writes tensors.
"""

import io
import pickle
import sys
import typing
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {'f4': 'Float', 'f8': 'Double', 'f2': 'Half', 'i8': 'Long', 'u1': 'Byte', 'b1': 'Bool'}


class Name:
  """A function or class by its name."""

  def __init__(self, name):
    self.module, _, self.name = name.rpartition('.')

  def __call__(self, *unused):
    raise AssertionError('save_reduce wants something that looks callable')


class Made:
  """What calling a name gives, and the state it gets then; `new`: as an instance of a class."""

  def __init__(self, name, *arguments, state=None, new=False, items=None):
    self.name, self.arguments, self.state, self.new = Name(name), arguments, state, new
    self.items = items


class Storage:
  """Numbers that tensors look into."""

  def __init__(self, array, kind=None):
    self.array = np.ascontiguousarray(array).ravel()
    self.kind = kind or _STORAGES[self.array.dtype.str[1:]]
    self.key = str(id(self))


class Tensor:
  """A view of a storage; of an array: all of it."""

  def __init__(self, storage, offset=0, size=None, stride=None, version='_v2'):
    if not isinstance(storage, Storage):
      size = storage.shape
      stride = tuple(step // storage.itemsize for step in np.zeros_like(storage, order='C').strides)
      storage = Storage(storage)
    self.storage, self.version = storage, version
    self.rest = (offset, size, stride)


class Pickler(pickle._Pickler):
  """Python's own, in Python, so that it can be taught. `storages` tells how they are kept."""

  dispatch: typing.ClassVar[dict] = dict(pickle._Pickler.dispatch)

  def __init__(self, file, protocol, storages='nested'):
    super().__init__(file, protocol, fix_imports=True)
    self.form, self.kept = storages, {}

  def persistent_id(self, value):
    if not isinstance(value, Storage) or self.form == 'nested':
      return None
    self.kept[value.key] = value
    count = value.array.size
    identity = ('storage', Name(f'torch.{value.kind}Storage'), value.key, 'cpu', count)
    return identity if self.form == 'zip' else (*identity, None)

  def save_name(self, value):
    if self.proto >= 4:
      self.save(value.module)
      self.save(value.name)
      self.write(pickle.STACK_GLOBAL)
    else:
      self.write(pickle.GLOBAL + f'{value.module}\n{value.name}\n'.encode())

  def save_made(self, value):
    if value.new:
      self.save(value.name)
      self.save(value.arguments)
      self.write(pickle.NEWOBJ)
    else:
      self.save(value.name)
      self.save(value.arguments)
      self.write(pickle.REDUCE)
    self.memoize(value)
    if value.items is not None:
      self._batch_setitems(value.items.items())
    if value.state is not None:
      self.save(value.state)
      self.write(pickle.BUILD)

  def save_tensor(self, value):
    name, hooks = f'torch._utils._rebuild_tensor{value.version}', Made('collections.OrderedDict')
    extra = (False, hooks) if value.version else ()
    self.save(Made(name, value.storage, *value.rest, *extra))

  def save_storage(self, value):
    self.save(Made('torch.storage._load_from_bytes', torch_stream(value)))

  dispatch |= {Name: save_name, Made: save_made, Tensor: save_tensor, Storage: save_storage}


def dumps(value, protocol: int = 4) -> bytes:
  """A pickle; tensors as an ordinary pickle keeps them."""
  file = io.BytesIO()
  Pickler(file, protocol).dump(value)
  return file.getvalue()


def old_numpy(content: bytes) -> bytes:
  """The same with the name that NumPy 1 had for its module; not for protocol 4, which counts."""
  assert b'numpy._core' in content or np.__version__ < '2'
  return content.replace(b'cnumpy._core.', b'cnumpy.core.')


def torch_stream(value) -> bytes:
  """What torch.save wrote until 1.6, and still writes inside of other pickles."""
  file = io.BytesIO()
  system = {'protocol_version': 1001, 'little_endian': sys.byteorder == 'little', 'type_sizes': {}}
  for part in (MAGIC, 1001, system):
    pickle.dump(part, file, 2)
  pickler = Pickler(file, 2, 'stream')
  pickler.dump(value)
  pickle.dump(sorted(pickler.kept), file, 2)
  for key in sorted(pickler.kept):
    array = pickler.kept[key].array
    file.write(array.size.to_bytes(8, 'little') + array.tobytes())
  return file.getvalue()


def torch_zip(value, compression=zipfile.ZIP_STORED, **changes) -> bytes:
  """What torch.save writes since. `changes`: other contents of files in it."""
  pickled, file = io.BytesIO(), io.BytesIO()
  pickler = Pickler(pickled, 2, 'zip')
  pickler.dump(value)
  parts = {'data.pkl': pickled.getvalue(), 'byteorder': b'little', 'version': b'3\n'}
  parts |= {f'data/{key}': storage.array.tobytes() for key, storage in pickler.kept.items()}
  with zipfile.ZipFile(file, 'w', compression) as archive:
    for name, content in (parts | changes).items():
      archive.writestr(f'archive/{name}', content)
  return file.getvalue()
