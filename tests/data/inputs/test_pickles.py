import io
import os
import struct

import numpy as np
import pytest

from stylegan2_jax.data.inputs import pickles
from stylegan2_jax.data.inputs.cifar import CifarInput
from stylegan2_jax.errors import UserError
from stylegan2_jax.unpickling.values import PickleError
from tests.data.inputs.cifar_archives import dump, files_10, pack, python2, rows


class Evil:
  def __init__(self, call, *arguments):
    self.parts = call, arguments

  def __reduce__(self):
    return self.parts


def hostile(marker):
  """Batches that must not pass, with a word of what is said."""
  good = {b'data': rows(2, 0), b'labels': [0, 1]}
  header = b'\x80\x02'
  return {
    'system': (
      dump(good | {b'x': Evil(os.system, f'touch {marker}')}),
      'names posix.system|names nt.system',
    ),
    'eval': (dump(good | {b'labels': Evil(eval, f'open({str(marker)!r}, "w")')}), 'names'),
    'getattr': (header + b'c__builtin__\ngetattr\n(U\x01aU\x01btR.', 'names __builtin__.getattr'),
    'submodule': (header + b'cnumpy\nload\n(U\x01atR.', 'names numpy.load'),
    'dotted': (header + b'cnumpy\nndarray.tofile\n(U\x01atR.', 'names'),
    'object': (header + b'ios\nsystem\n.', 'names os.system'),
    'instance': (header + f"(S'touch {marker}'\nios\nsystem\n.".encode(), 'names os.system'),
    'extension': (header + b'\x82\x01.', 'more than data'),
    'persistent': (header + b'Pname\n.', 'objects outside'),
    'store': (header + b'Nr\xff\xff\xff\x7f.', 'no batch'),
    'string': (header + b'T\xff\xff\xff\x7fabc.', 'cut short'),
    'no end': (header + b'N', 'cut short'),
    'change a function': (header + b'cnumpy\ndtype\n}b.', 'has none'),
    'change by slots': (header + b'cnumpy\ndtype\nN}U\x05_callNs\x86b.', 'has none'),
    'empty': (b'', 'cut short'),
    'text': (b'hello', 'damaged'),
    'no batch': (dump([1, 2]), 'no batch'),
    'no data': (dump({b'labels': [0]}), 'no table'),
    'list': (dump(good | {b'data': [1] * 6144}), 'no table'),
    'floats': (dump(good | {b'data': rows(2, 0).astype(np.float32)}), 'rows of 3072 bytes'),
    'narrow': (dump(good | {b'data': rows(2, 0)[:, :3071]}), 'rows of 3072 bytes'),
    'columns first': (dump(good | {b'data': np.asfortranarray(rows(2, 0))}), 'rows of 3072 bytes'),
    'flat': (dump(good | {b'data': rows(2, 0).ravel()}), 'no table'),
    'few labels': (dump(good | {b'labels': [0]}), 'one label for each'),
    'negative label': (dump(good | {b'labels': [0, -1]}), 'no classes'),
    'text label': (dump(good | {b'labels': [0, 'a']}), 'no classes'),
    'high label': (dump(good | {b'labels': [0, 3]}), 'label 3, but only 3 classes'),
    'lying shape': (
      python2(rows(300, 0), [0] * 300).replace(b'M\x2c\x01', b'M\xff\x7f'),
      'larger or smaller',
    ),
  }


@pytest.mark.parametrize('case', hostile(''))
def test_hostile_batches_are_refused_and_not_run(tmp_path, case):
  marker = tmp_path / 'marker'
  content, words = hostile(marker)[case]
  path = pack(tmp_path / 'c.tar.gz', files_10() | {'data_batch_2': content})
  with pytest.raises(UserError, match=words) as caught:
    CifarInput(path)
  assert str(path) in str(caught.value)
  assert str(caught.value).endswith('download it again')
  assert '\n' not in str(caught.value)
  assert not marker.exists()


def test_strings_cannot_be_multiplied():
  text = ('é' * 100_000).encode()
  start = b'\x80\x02](c_codecs\nencode\nq\x01X' + struct.pack('<I', len(text)) + text
  start += b'X\x06\x00\x00\x00latin1\x86q\x03R'
  again = b'h\x01h\x03R'
  assert len(pickles.load(io.BytesIO(start + 5 * again + b'e.'))) == 6
  with pytest.raises(PickleError, match='far more data'):
    pickles.load(io.BytesIO(start + 100 * again + b'e.'))
