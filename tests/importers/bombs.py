"""Small files that would take endless memory or time, if somebody let them.

Each is (content, words of the answer).
"""

import io
import struct
import zipfile

import numpy as np

from tests.importers.hand_pickles import (
  Made,
  Name,
  Storage,
  Tensor,
  dumps,
  torch_stream,
  torch_zip,
)

_H = b'\x80\x04'
_MANY = 1_500_000


def _text(text):
  return b'X' + struct.pack('<I', len(text)) + text


def _array(dtype, shape, data):
  kind = Made('numpy.dtype', dtype, False, True, state=(3, '<', None, None, None, -1, -1, 0))
  state = (1, shape, kind, False, data)
  arguments = Name('numpy.ndarray'), (0,), b'b'
  return dumps(Made('numpy._core.multiarray._reconstruct', *arguments, state=state))


def _many_states(count):
  """An array that is stored in many places, and gets its state again and again."""
  dtype = b'cnumpy\ndtype\n(' + _text(b'f4') + b'\x89\x88tR'
  state = b'(K\x01K\x00\x85' + dtype + b'\x89C\x00t\x940'
  array = b'cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR'
  return _H + state + array + b'\x94' * count + b'2h\x00b0' * count + b'.'


def _nested(depth):
  """A tensor kept in a tensor's bytes, in a tensor's bytes, ..."""
  content = torch_stream(Storage(np.ones(2, np.float32)))
  for _ in range(depth):
    content = torch_stream(Made('torch.storage._load_from_bytes', content))
  return dumps(Made('torch.storage._load_from_bytes', content))


def _again(name, argument, count):
  """One call after the other, all of the same large argument."""
  start = dumps(argument).removesuffix(b'.') + b'\x94'
  place = b'r' + struct.pack('<I', 10**6)
  call = b'c' + name.rpartition('.')[0].encode() + b'\n' + name.rpartition('.')[2].encode() + b'\n'
  once = call + b'j' + struct.pack('<I', 10**6) + b'\x85R'
  return start[:-1] + place + b'0](' + once * count + b'e.'


def _views(write):
  storage = Storage(np.ones(300_000, np.float32))
  return write([Tensor(storage, 0, (300_000,), (1,)) for _ in range(200)])


def _overlapping():
  """A zip whose directory names the same bytes again and again."""
  storage = Storage(np.ones(100_000, np.float32))
  good = torch_zip(Tensor(storage, 0, (1,), (1,)))
  source, file = zipfile.ZipFile(io.BytesIO(good)), io.BytesIO()
  data = next(i for i in source.infolist() if '/data/' in i.filename)
  content = good[: source.start_dir]
  file.write(content)
  archive = zipfile.ZipFile(file, 'a')
  pairs = []
  for number in range(300):
    entry = zipfile.ZipInfo(f'archive/data/{number}')
    entry.file_size = entry.compress_size = data.file_size
    entry.CRC, entry.header_offset = data.CRC, data.header_offset
    pairs.append((entry.filename, entry))
  archive.filelist = [i for i in source.infolist() if i is not data] + [e for _, e in pairs]
  archive._didModify = True
  archive.start_dir = len(content)
  archive.close()
  return file.getvalue()


def bombs():
  """Name -> (content, words)."""
  # Each holds the one before twice.
  lists = b''.join(b']\x94(h' + bytes([i]) + b'h' + bytes([i]) + b'e' for i in range(60))
  tuples = b''.join(b'h' + bytes([i]) + b'h' + bytes([i]) + b'\x86\x94' for i in range(60))
  colliding = b''.join(
    b'\x8a\x10' + (i * (2**61 - 1)).to_bytes(16, 'little') + b'N' for i in range(1, 20_000)
  )
  huge = torch_zip({'x': Tensor(np.zeros(3 * 10**7, np.float32))}, zipfile.ZIP_DEFLATED)
  return {
    'lists of lists': (_H + b']\x94' + lists + b'.', 'more instructions|too deeply'),
    'tuples of tuples': (_H + b')\x94' + tuples + b'.', 'more instructions|too deeply'),
    'a key of tuples': (_H + b')\x94' + tuples + b'}h\x3cNs.', 'keys'),
    'a set of tuples': (_H + b')\x94' + tuples + b'\x8f(h\x3c\x90.', 'keys'),
    'colliding keys': (_H + b'}(' + colliding + b'u.', 'keys'),
    'a list in itself': (_H + b']\x94h\x00a.', 'contains itself'),
    'a dict in itself': (_H + b'}\x94K\x01h\x00s.', 'contains itself'),
    'a tuple in itself': (_H + b']\x94(K\x01h\x00ta.', 'contains itself'),
    'deep tuples': (_H + b')' + b'\x85' * 500_000 + b'.', 'too deeply'),
    'deep lists': (_H + b'](' * 50_000 + b']' + b'e' * 50_000 + b'.', 'too deeply'),
    'deep dicts': (_H + b'}K\x01' * 50_000 + b'}' + b's' * 50_000 + b'.', 'too deeply'),
    'sets': (_H + b'\x8f' * _MANY + b'.', 'more instructions'),
    'stored': (_H + b'N' + b'\x94' * _MANY + b'.', 'more instructions'),
    'a long text': (_H + b'\x8d' + struct.pack('<Q', 2**62) + b'abc.', 'cut short'),
    'a text of 4 GB': (_H + b'X\xff\xff\xff\xffabc.', 'cut short'),
    'long bytes': (_H + b'\x8e' + struct.pack('<Q', 2**62) + b'abc.', 'cut short'),
    'bytes of 4 GB': (_H + b'B\xff\xff\xff\xffabc.', 'cut short'),
    'a long bytearray': (_H + b'\x96' + struct.pack('<Q', 2**63 - 1) + b'abc.', 'cut short'),
    'an old text of 2 GB': (_H + b'T\xff\xff\xff\x7fabc.', 'cut short'),
    'a number of 2 GB': (_H + b'\x8b\xff\xff\xff\x7fabc.', 'cut short'),
    'a number of a MB': (_H + b'\x8b\x40\x42\x0f\x00' + b'\x7f' * 10**6 + b'.', 'digits'),
    'a million digits': (b'L' + b'7' * 10**6 + b'L\n.', 'damaged'),
    'a frame of 8 EB': (_H + b'\x95' + b'\xff' * 8 + b'N', 'cut short'),
    'an array of many states': (_many_states(30_000), 'array without content'),
    'places of one hash': (
      b'N' + b''.join(b'p%d\n' % (k * (2**61 - 1)) for k in range(1, 20_000)) + b'.',
      'small numbers',
    ),
    'a far place': (_H + b'Nr\xff\xff\xff\xff]r\xff\xff\xff\x7fj\x00\x00\x00\x00.', 'damaged'),
    'a place of many digits': (b'Np' + b'9' * 10**6 + b'\n.', 'damaged'),
    'a large shape': (_array('f8', (2**39, 2**39), bytes(8)), 'larger or smaller'),
    'a shape of many sizes': (_array('f8', (1,) * 10_000, bytes(8)), 'unknown shape'),
    'a negative shape': (_array('f8', (-1, -1), bytes(8)), 'unknown shape'),
    'a huge type': (_array('f8,' * 10**5 + 'f8', (1,), bytes(8)), 'something else than numbers'),
    'a type in a type': (_array('(1000000000,)f8', (0,), b''), 'something else than numbers'),
    'words': (_array('S1000000000', (1,), bytes(8)), 'something else than numbers'),
    'objects': (_array('O', (1,), [1]), 'something else than numbers'),
    'texts again': (_again('_codecs.encode', 'é' * 10**6, 300), 'far more data'),
    'bytes again': (_again('builtins.bytes', [255] * 10**5, 300), 'more'),
    'sets again': (_again('builtins.set', list(range(10**5)), 300), 'more'),
    'dicts again': (_again('collections.OrderedDict', [[1, 1]] * 10**4, 3000), 'more'),
    'tensors again': (
      _again('torch.storage._load_from_bytes', torch_stream(Storage(np.ones(10**6))), 100),
      'far more data',
    ),
    'tensors in tensors': (_nested(1), 'names torch.storage._load_from_bytes'),
    'tensors in tensors in tensors': (_nested(5), 'names torch.storage._load_from_bytes'),
    'a tensor of one number': (
      torch_zip(Tensor(Storage(np.ones(1)), 0, (2**20, 2**20), (0, 0))), 'larger than its storage',
    ),
    'views in a zip': (_views(torch_zip), 'far more data'),
    'views in a stream': (_views(torch_stream), 'far more data'),
    'a zip bomb': (huge, 'compressed'),
    'a zip of overlaps': (_overlapping(), 'damaged|far more data'),
  }  # fmt: skip
