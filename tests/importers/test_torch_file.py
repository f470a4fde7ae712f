import io
import struct
import zipfile

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import pickle_reader, torch_file
from tests.importers.hand_pickles import Made, Name, Storage, Tensor, torch_stream, torch_zip

RNG = np.random.default_rng(0)
BASE = RNG.standard_normal((4, 6)).astype(np.float32)


def state():
  """What a file of training holds: shared storages, views, optimizer and arguments."""
  storage = Storage(BASE)
  ordered = Made(
    'collections.OrderedDict',
    items={
      'a.weight': Tensor(storage, 0, (4, 6), (6, 1)),
      'a.bias': Tensor(storage, 1, (3,), (2,)),
    },
    state={'_metadata': Made('collections.OrderedDict', items={'': {'version': 1}})},
  )
  return {
    'g_ema': ordered,
    'halves': Tensor(np.arange(4, dtype=np.float16)),
    'optimizer': {'state': {0: {'step': 3, 'exp_avg': Tensor(np.ones(2))}}, 'betas': (0.0, 0.99)},
    'args': Made('argparse.Namespace', new=True, state={'size': 256, 'device': None}),
    'kind': Name('torch.float16'),
  }


@pytest.mark.parametrize('write', [torch_zip, torch_stream])
def test_both_forms(tmp_path, write):
  path = tmp_path / 'a.pt'
  path.write_bytes(write(state()))
  for read in (torch_file.read_torch, pickle_reader.load):
    found = read(path)
    np.testing.assert_array_equal(found['g_ema']['a.weight'], BASE)
    np.testing.assert_array_equal(found['g_ema']['a.bias'], BASE.ravel()[1:7:2])
    np.testing.assert_array_equal(found['halves'], np.arange(4, dtype=np.float16))
    assert found['optimizer']['state'][0]['step'] == 3
    np.testing.assert_array_equal(found['optimizer']['state'][0]['exp_avg'], np.ones(2))
    assert found['args'].state == {'size': 256, 'device': None}


def bad_files():
  """Name -> (content, words of the answer)."""
  good, small = torch_zip(state()), {'x': Tensor(np.ones(3, np.float32))}
  (key,) = (n for n in _names(torch_zip(small)) if n.startswith('data/'))
  return {
    'cut zip': (good[:-100], 'damaged|cut short'),
    'no end': (good[: len(good) // 2], 'cut short'),
    'only magic': (b'PK\x03\x04', 'cut short'),
    'compressed': (torch_zip({'x': Tensor(np.zeros(10**6))}, zipfile.ZIP_DEFLATED), 'compressed'),
    'other zip': (_zip({'photo.png': b'1'}), 'not of torch.save'),
    'two pickles': (_zip({'a/data.pkl': b'N.', 'b/data.pkl': b'N.'}), 'not of torch.save'),
    'short storage': (torch_zip(small, **{key: bytes(8)}), 'larger or smaller'),
    'long storage': (torch_zip(small, **{key: bytes(80)}), 'larger or smaller'),
    'big-endian': (torch_zip(small, byteorder=b'big'), 'byte order'),
    'hostile pickle': (_zip({'archive/data.pkl': b'cos\nsystem\n.'}), 'names os.system'),
    'missing storage': (_zip({'archive/data.pkl': _main(small)}), 'damaged'),
    'cut stream': (torch_stream(state())[:-4], 'cut short'),
    'odd stream': (torch_stream(state())[:60], 'damaged|cut short'),
    'stream without keys': (torch_stream(small).replace(b'\x80\x02]', b'\x80\x02N', 1), 'no list'),
    'endless storage': (_stream_with_count(2**61), 'cut short'),
    'negative storage': (_stream_with_count(2**64 - 1), 'cut short'),
  }


def _zip(parts):
  file = io.BytesIO()
  with zipfile.ZipFile(file, 'w') as archive:
    for name, content in parts.items():
      archive.writestr(name, content)
  return file.getvalue()


def _names(content):
  return [n.removeprefix('archive/') for n in zipfile.ZipFile(io.BytesIO(content)).namelist()]


def _main(value):
  return zipfile.ZipFile(io.BytesIO(torch_zip(value))).read('archive/data.pkl')


def _stream_with_count(count):
  content = torch_stream({'x': Tensor(np.ones(3, np.float32))})
  return content[:-20] + count.to_bytes(8, 'little') + content[-12:]


@pytest.mark.parametrize('case', bad_files())
def test_bad_files_are_refused(tmp_path, case):
  content, words = bad_files()[case]
  path = tmp_path / 'a.pt'
  path.write_bytes(content)
  with pytest.raises(UserError, match=words) as caught:
    torch_file.read_torch(path)
  assert str(path) in str(caught.value)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('write', [torch_zip, torch_stream])
@pytest.mark.parametrize(
  ('offset', 'size', 'stride'),
  [
    (0, (25,), (1,)),
    (1, (24,), (1,)),
    (0, (10**9,), (0,)),
    (0, (5, 6), (6, 1)),
    (-1, (2,), (1,)),
    (0, (2,), (-1,)),
    (0, (2, 2), (1,)),
    (0, (-1,), (1,)),
    (2**62, (1,), (1,)),
    (0, (2**31, 0, 2**31), (1, 1, 1)),
    ('0', (1,), (1,)),
    (0, 3, 1),
    (0, (True,), (1,)),
  ],
)
def test_tensors_outside_of_their_storage_are_refused(tmp_path, write, offset, size, stride):
  path = tmp_path / 'a.pt'
  path.write_bytes(write({'x': Tensor(Storage(BASE), offset, size, stride)}))
  with pytest.raises(UserError, match=r'tensor|unknown shape|damaged'):
    torch_file.read_torch(path)


def test_a_storage_cannot_have_two_types(tmp_path):
  one, other = Storage(np.ones(2, np.float32)), Storage(np.ones(1, np.int64))
  other.key = one.key
  value = [Tensor(one, 0, (2,), (1,)), Tensor(other, 0, (1,), (1,))]
  for write in (torch_zip, torch_stream):
    path = tmp_path / 'a.pt'
    path.write_bytes(write(value))
    with pytest.raises(UserError, match='two types'):
      torch_file.read_torch(path)


def test_other_references_are_refused(tmp_path):
  path = tmp_path / 'a.pt'
  for identity in (b'X\x01\x00\x00\x00a', b'(X\x07\x00\x00\x00storageNNNNt', b'N'):
    path.write_bytes(_zip({'archive/data.pkl': b'\x80\x02' + identity + b'Q.'}))
    with pytest.raises(UserError, match='refers to something that is no storage'):
      torch_file.read_torch(path)


def test_a_directory_that_is_too_large_is_not_read(tmp_path):
  path = tmp_path / 'a.pt'
  path.write_bytes(_zip({f'archive/{i:090}': b'' for i in range(60_000)}))
  with pytest.raises(UserError, match='too many files'):
    torch_file.read_torch(path)


def test_a_large_directory_behind_a_decoy(tmp_path):
  """The signature that the size is found by also stands in a field that zipfile ignores."""
  content = torch_zip(Storage(np.ones(1, np.float32)))
  body = content[: content.rindex(b'PK\5\6')]
  record = struct.pack('<4s4sIHHIIQQQQ', b'PK\6\6', b'PK\6\6', 0, 45, 45, 0, 0, 1, 1, 5 << 20, 0)
  locator = struct.pack('<4sIQI', b'PK\6\7', 0, len(body), 1)
  end = struct.pack('<4sHHHHIIH', b'PK\5\6', 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
  (tmp_path / 'a.pt').write_bytes(body + record + locator + end)
  with pytest.raises(UserError, match='a zip of too many files'):
    pickle_reader.load(tmp_path / 'a.pt')
