import collections
import os
import pickle

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import pickle_reader
from stylegan2_jax.importers.pickle_reader import Global, Object, PickleError
from tests.importers.hand_pickles import Made, Name, Storage, Tensor, dumps, old_numpy

RNG = np.random.default_rng(0)
PLAIN = {
  'words': ['a', 'é\u1234\U0001f600', '', b'\x00\xff', b'', 'x' * 300, b'y' * 300],
  'numbers': [0, -1, 255, 65536, -(2**31), 2**40, -(2**70), 1.5, -0.0, float('inf')],
  'others': (None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}),
  'nested': {'a': {'b': [{'c': (1, [2])}]}, 3: 'three', b'k': 1, None: 0, True: 1},
  'sets': [set(), {1, 2}, {'a', 'b'}],
}


@pytest.mark.parametrize('protocol', range(6))
def test_plain_values_are_what_python_reads(protocol):
  content = pickle.dumps(PLAIN, protocol)
  assert pickle_reader.load_bytes(content) == PLAIN


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize('old', [False, True])
def test_arrays_are_what_numpy_wrote(protocol, old):
  arrays = {
    'f': RNG.standard_normal((2, 3, 4)).astype(np.float32),
    'fortran': np.asfortranarray(RNG.standard_normal((3, 4))),
    'big-endian': np.arange(5, dtype='>f4'),
    'half': np.arange(3, dtype=np.float16),
    'scalar array': np.asarray(1.5),
    'empty': np.zeros((0, 3), np.int64),
    'bool': np.asarray([True, False]),
    'bytes': np.arange(256, dtype=np.uint8),
  }
  value = {**arrays, 'same': [arrays['f'], arrays['f']], 'number': np.float32(2.5)}
  content = pickle.dumps(value, protocol)
  if old:  # NumPy 1's name, where it is not counted
    content = old_numpy(content) if protocol < 4 else content
  found = pickle_reader.load_bytes(content)
  for name, array in arrays.items():
    assert type(found[name]) is np.ndarray
    assert found[name].dtype == array.dtype.newbyteorder('='), name
    np.testing.assert_array_equal(found[name], array)
    assert not found[name].flags.writeable
  # What was stored before its content came is the array too.
  np.testing.assert_array_equal(found['same'][1], arrays['f'])
  assert found['number'] == 2.5


def test_old_names_of_numpy():
  """Written out, so that it does not depend on the NumPy that is here."""
  kind = Made('numpy.dtype', 'f4', 0, 1, state=(3, '<', None, None, None, -1, -1, 0))
  for module in ('numpy.core', 'numpy._core'):
    array = Made(
      f'{module}.multiarray._reconstruct', Name('numpy.ndarray'), (0,), b'b',
      state=(1, (2, 2), kind, False, np.arange(4, dtype='<f4').tobytes()),
    )  # fmt: skip
    scalar = Made(f'{module}.multiarray.scalar', kind, np.float32(7).tobytes())
    buffer = Made(
      f'{module}.numeric._frombuffer', np.arange(6, dtype='<f4').tobytes(), kind, (2, 3), 'F'
    )
    for protocol in (2, 4):
      found = pickle_reader.load_bytes(dumps([array, scalar, buffer], protocol))
      np.testing.assert_array_equal(found[0], [[0, 1], [2, 3]])
      assert found[1] == 7
      np.testing.assert_array_equal(found[2], [[0, 2, 4], [1, 3, 5]])


def test_python_2_wrote_arrays_as_its_strings():
  data = np.asarray([1.5, -2.5], '<f4').tobytes()
  content = (
    b'\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85U\x01b\x87R'
    b'(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ'
    b'\xff\xff\xff\xffK\x00tb\x89U\x08' + data + b'tb.'
  )
  np.testing.assert_array_equal(pickle_reader.load_bytes(content), [1.5, -2.5])
  assert pickle_reader.load_bytes(b"S'a\\x41\\n\\xe9'\n.") == 'aA\né'
  assert pickle_reader.load_bytes(b'T\x02\x00\x00\x00ab.') == 'ab'


@pytest.mark.parametrize('protocol', range(5))
def test_tensors_in_an_ordinary_pickle(protocol):
  base = RNG.standard_normal((4, 6)).astype(np.float32)
  storage = Storage(base)
  value = {
    'whole': Tensor(base),
    'transposed': Tensor(storage, 0, (6, 4), (1, 6)),
    'part': Tensor(storage, 7, (2, 3), (6, 2)),
    'number': Tensor(storage, 5, (), ()),
    'old': Tensor(storage, 0, (4, 6), (6, 1), version=''),
    'half': Tensor(np.arange(3, dtype=np.float16)),
    'long': Tensor(np.arange(3)),
    'bfloat16': Tensor(Storage(np.asarray([0x3FC0, 0xC000], np.uint16), 'BFloat16'), 0, (2,), (1,)),
    'parameter': Made(
      'torch._utils._rebuild_parameter', Tensor(base), True, Made('collections.OrderedDict')
    ),
    'size': Made('torch.Size', [1, 2]),
    'kind': Name('torch.float32'),
  }
  found = pickle_reader.load_bytes(dumps(value, protocol))
  np.testing.assert_array_equal(found['whole'], base)
  np.testing.assert_array_equal(found['transposed'], base.T)
  np.testing.assert_array_equal(found['part'], base[1:3, 1:6:2])
  np.testing.assert_array_equal(found['number'], base[0, 5])
  np.testing.assert_array_equal(found['old'], base)
  assert found['half'].dtype == np.float16
  assert found['long'].dtype == np.int64
  np.testing.assert_array_equal(found['bfloat16'], np.asarray([1.5, -2], np.float32))
  np.testing.assert_array_equal(found['parameter'], base)
  assert found['size'] == (1, 2)
  assert found['kind'] == Global('torch.float32')


@pytest.mark.parametrize('protocol', range(5))
def test_containers_and_objects(protocol):
  reconstructed = Made(
    'copyreg._reconstructor', Name('dnnlib.util.EasyDict'), Name('builtins.dict'), {'a': 1}
  )
  ordered = Made('collections.OrderedDict', items={'b': 2}, state={'_metadata': {}})
  value = {
    'easy': Made('dnnlib.util.EasyDict', items={'a': 1}, new=True)
    if protocol > 1
    else reconstructed,
    'ordered': ordered,
    'pairs': Made('collections.OrderedDict', [['x', 1], ('y', 2)]),
    'network': Made('dnnlib.tflib.network.Network', new=True, state={'version': 4}),
    'module': Made(
      'torch_utils.persistence._reconstruct_persistent_obj',
      {'type': 'class', 'version': 6, 'module_src': 'x', 'class_name': 'G', 'state': {'a': [1]}},
    ),
    'arguments': Made('argparse.Namespace', new=True, state={'size': 256}),
  }
  found = pickle_reader.load_bytes(dumps(value, protocol))
  assert found['easy'] == {'a': 1}
  assert found['ordered'] == {'b': 2}
  assert found['pairs'] == {'x': 1, 'y': 2}
  assert type(found['easy']) is type(found['ordered']) is dict
  for name, expected in (
    ('network', ('dnnlib.tflib.network.Network', {'version': 4})),
    ('module', ('G', {'a': [1]})),
    ('arguments', ('argparse.Namespace', {'size': 256})),
  ):
    assert isinstance(found[name], Object)
    assert (found[name].name, found[name].state) == expected


def test_instances_as_old_protocols_write_them():
  assert pickle_reader.load_bytes(b'(icollections\nOrderedDict\n.') == {}
  assert pickle_reader.load_bytes(b'(ccollections\nOrderedDict\no.') == {}
  named = b'\x80\x04ccollections\nOrderedDict\n)}\x92.'
  assert pickle_reader.load_bytes(named) == {}
  with pytest.raises(PickleError, match='named arguments'):
    pickle_reader.load_bytes(b'\x80\x04ccollections\nOrderedDict\n)}K\x01K\x02s\x92.')


def test_shared_values_are_shared_and_a_dict_may_hold_one_often():
  shared = [1, 2]
  found = pickle_reader.load_bytes(pickle.dumps({'a': shared, 'b': shared}))
  assert found['a'] is found['b']
  many = pickle_reader.load_bytes(pickle.dumps([shared] * 1000))
  assert many == [shared] * 1000


def test_files_are_read_by_their_path(tmp_path):
  path = tmp_path / 'a.pkl'
  path.write_bytes(pickle.dumps(collections.OrderedDict(a=1)))
  assert pickle_reader.load(path) == {'a': 1} == pickle_reader.load(str(path))


def test_no_source_text_is_kept():
  meta = {'type': 'class', 'version': 6, 'module_src': 'SOURCE', 'class_name': 'G', 'state': {}}
  made = Made('torch_utils.persistence._reconstruct_persistent_obj', meta)
  assert 'SOURCE' not in str(vars_of(pickle_reader.load_bytes(dumps(made))))


def vars_of(found):
  return found.name, found.state


def test_what_is_no_file_of_weights_is_refused(tmp_path):
  for name, content, words in (
    ('empty.pkl', b'', 'is empty'),
    ('page.pkl', b'\n <!DOCTYPE html><html>', 'a web page'),
    ('pointer.pkl', b'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'git-lfs'),
    ('packed.pkl', b'\x1f\x8b\x08\x00', 'gzip'),
    ('picture.pkl', b'\x89PNG\r\n\x1a\n', 'a picture'),
    ('text.pkl', b'hello', 'damaged, or no pickle'),
    ('noise.pkl', bytes(range(128, 256)), 'damaged'),
  ):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
      pickle_reader.load(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
  with pytest.raises(UserError, match='is a folder'):
    pickle_reader.load(tmp_path)
  with pytest.raises(UserError, match='No such file'):
    pickle_reader.load(tmp_path / 'nowhere.pkl')
  with pytest.raises(UserError, match='is no file'):
    pickle_reader.load('/dev/zero')


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
  os.mkfifo(tmp_path / 'pipe.pkl')
  with pytest.raises(UserError, match='is no file'):
    pickle_reader.load(tmp_path / 'pipe.pkl')
