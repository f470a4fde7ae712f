"""Files for torch.load: read again by Python's own zip and pickle."""

import collections
import io
import pickle
import zipfile

import numpy as np
import pytest

from stylegan2_jax.exporters.torch_writer import write_torch

_DTYPES = {
  'HalfStorage': '<f2',
  'FloatStorage': '<f4',
  'DoubleStorage': '<f8',
  'LongStorage': '<i8',
}


class _Reader(pickle.Unpickler):
  """Knows the three names that such a file may hold, as `weights_only=True` does."""

  def __init__(self, archive):
    super().__init__(io.BytesIO(archive.read('archive/data.pkl')))
    self._archive = archive

  def find_class(self, module, name):
    names = {
      ('torch._utils', '_rebuild_tensor_v2'): self._tensor,
      ('collections', 'OrderedDict'): collections.OrderedDict,
      **{('torch', kind): dtype for kind, dtype in _DTYPES.items()},
    }
    return names[module, name]

  def persistent_load(self, pid):
    word, dtype, key, device, count = pid
    assert (word, device) == ('storage', 'cpu')
    array = np.frombuffer(self._archive.read(f'archive/data/{key}'), dtype)
    assert len(array) == count
    return array

  def _tensor(self, storage, offset, size, stride, requires_grad, hooks):
    assert (offset, requires_grad, hooks) == (0, False, collections.OrderedDict())
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage, size, steps)


def _written(value):
  file = io.BytesIO()
  write_torch(file, value)
  return file.getvalue()


def _read(content):
  with zipfile.ZipFile(io.BytesIO(content)) as archive:
    assert archive.read('archive/version') == b'3\n'
    assert archive.read('archive/byteorder') == b'little'
    assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
    return _Reader(archive).load()


def test_arrays_come_back():
  rng = np.random.default_rng(0)
  arrays = {
    'kernel': rng.standard_normal((2, 3, 5, 4)).astype(np.float32),
    'transposed': rng.standard_normal((3, 4)).astype(np.float32).T,
    'big endian': np.arange(5, dtype='>f8'),
    'scalar': np.array(0.1, np.float32),
    'half': np.ones(3, np.float16),
    'whole': np.array([-(2**40), 1]),
    'none': np.zeros((0, 3), np.float32),
  }
  found = _read(_written(arrays))
  assert list(found) == list(arrays)
  for name, array in arrays.items():
    assert found[name].dtype == array.dtype.newbyteorder('<'), name
    np.testing.assert_array_equal(found[name], array, name)
    assert found[name].flags.c_contiguous


def test_plain_values_come_back():
  value = {
    'text': 'ψ = ½\n',
    'numbers': [0, -1, 2**31 - 1, -(2**31), 2**31, -(2**100), 0.1, float('inf')],
    'rest': (None, True, False, (), [], {}),
    3: {'deep': [{'deeper': (1,)}]},
  }
  found = _read(_written(value))
  assert found == value
  assert found['rest'][1] is True


def test_the_same_bytes_each_time():
  value = {'a': np.ones(3, np.float32), 'b': 1}
  assert _written(value) == _written(value)


@pytest.mark.parametrize('value', [{1, 2}, object(), {'a': b'bytes'}, np.ones(2, np.complex64)])
def test_other_values_are_refused(value):
  with pytest.raises(TypeError, match='write_torch'):
    _written(value)
