import io
import os
import pickle

import numpy as np
import pytest

from stylegan2_jax.data.inputs import pickles
from stylegan2_jax.data.inputs.cifar import CifarInput
from stylegan2_jax.errors import UserError
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
    'system': (dump(good | {b'x': Evil(os.system, f'touch {marker}')}), 'more|calls'),
    'eval': (dump(good | {b'labels': Evil(eval, f'open({str(marker)!r}, "w")')}), 'calls'),
    'getattr': (header + b'c__builtin__\ngetattr\n(U\x01aU\x01btR.', 'calls __builtin__.getattr'),
    'submodule': (header + b'cnumpy\nload\n(U\x01atR.', 'calls numpy.load'),
    'dotted': (header + b'cnumpy\nndarray.tofile\n(U\x01atR.', 'calls'),
    'object': (header + b'ios\nsystem\n.', 'damaged|more than data'),
    'instance': (header + f"(S'touch {marker}'\nios\nsystem\n.".encode(), 'more than data'),
    'extension': (header + b'\x82\x01.', 'more than data'),
    'persistent': (header + b'Pname\n.', 'more than data'),
    'store': (header + b'Nr\xff\xff\xff\x7f.', 'stores too many'),
    'string': (header + b'T\xff\xff\xff\x7fabc.', 'cannot read'),
    'no end': (header + b'N', 'cannot read'),
    'change a function': (header + b'cnumpy\ndtype\n}b.', 'changes a function'),
    'change by slots': (header + b'cnumpy\ndtype\nN}U\x05_callNs\x86b.', 'changes a function'),
    'empty': (b'', 'cannot read'),
    'text': (b'hello', 'cannot read'),
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
      'fewer or',
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


def test_strings_cannot_be_multiplied(monkeypatch):
  text = 'é' * 1000
  bomb = b'\x80\x02]q\x00(c_codecs\nencode\nq\x01X\xd0\x07\x00\x00' + text.encode() + b'q\x02'
  bomb += b'X\x06\x00\x00\x00latin1\x86q\x03R' + b'h\x01h\x03R' * 99 + b'e.'
  assert len(pickles.load(io.BytesIO(bomb))) == 100
  monkeypatch.setattr(pickles, 'MAX_BYTES', 50_000)
  with pytest.raises(pickle.UnpicklingError, match='too long'):
    pickles.load(io.BytesIO(bomb))
