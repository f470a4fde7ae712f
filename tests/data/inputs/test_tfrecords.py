import os
import struct

import numpy as np
import pytest

from stylegan2_jax.data.inputs import tfrecords
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.crc32c import masked_crc32c
from stylegan2_jax.data.inputs.tfrecords import TfRecordsInput
from stylegan2_jax.errors import UserError
from tests.data.inputs.stylegan_records import example, field, images, record, records, write


def test_folder(tmp_path):
  pictures = images(5)
  folder = write(tmp_path / 'set', pictures)
  assert tfrecords.recognises(folder)
  source = TfRecordsInput(folder)
  assert source.labels is None
  found = list(source.pictures())
  assert len(source) == 5
  assert [p.name for p in found] == [f'ffhq-r03[{i}]' for i in range(5)]
  assert {p.label for p in found} == {None}
  for picture, image in zip(found, pictures, strict=True):
    assert (picture.content.shape, picture.content.dtype) == ((8, 8, 3), np.uint8)
    np.testing.assert_array_equal(picture.content, image.transpose(1, 2, 0))
  tail = list(source.pictures(3))
  assert [p.name for p in tail] == ['ffhq-r03[3]', 'ffhq-r03[4]']
  np.testing.assert_array_equal(tail[0].content, found[3].content)


def test_single_file_of_another_resolution_and_channels(tmp_path):
  folder = write(tmp_path / 'set', images(2, channels=1))
  assert tfrecords.recognises(folder / 'ffhq-r02.tfrecords')
  (first, _) = TfRecordsInput(folder / 'ffhq-r02.tfrecords').pictures()
  assert first.content.shape == (4, 4, 1)


def test_one_hot_labels_are_classes(tmp_path):
  labels = np.eye(4, dtype=np.float32)[[2, 0, 3]]
  source = TfRecordsInput(write(tmp_path / 'set', images(3), labels))
  assert source.labels.class_names == ('0', '1', '2', '3')
  assert source.labels.dim == 0
  assert [p.label for p in source.pictures()] == [2, 0, 3]
  assert [p.label for p in source.pictures(2)] == [3]
  source.labels = None
  assert [p.label for p in source.pictures()] == [None] * 3


def test_other_labels_are_vectors_or_class_numbers(tmp_path):
  vectors = np.array([[0, 0.5], [1, 0], [-2, 3]], np.float32)
  source = TfRecordsInput(write(tmp_path / 'a', images(3), vectors))
  assert (source.labels.dim, source.labels.class_names) == (2, ())
  assert [p.label for p in source.pictures()] == [(0.0, 0.5), (1.0, 0.0), (-2.0, 3.0)]
  source = TfRecordsInput(write(tmp_path / 'b', images(3), np.array([2, 0, 1])))
  assert source.labels.class_names == ('0', '1', '2')
  assert [p.label for p in source.pictures()] == [2, 0, 1]
  two_ones = np.array([[1, 1], [1, 0], [0, 1]], np.float32)
  assert TfRecordsInput(write(tmp_path / 'c', images(3), two_ones)).labels.dim == 2
  assert TfRecordsInput(write(tmp_path / 'd', images(3), np.zeros((3, 0)))).labels is None


def test_identity(tmp_path):
  one, two = write(tmp_path / 'a', images(3)), write(tmp_path / 'b', images(3, seed=1))
  for path in [*one.iterdir(), *two.iterdir()]:
    os.utime(path, ns=(0, 0))
  plain = TfRecordsInput(one)
  assert plain.identity() == TfRecordsInput(two).identity()
  assert plain.identity() != TfRecordsInput(write(tmp_path / 'c', images(4))).identity()
  labels = np.eye(3, dtype=np.float32)
  assert plain.identity() != TfRecordsInput(write(tmp_path / 'd', images(3), labels)).identity()


class Evil:
  def __reduce__(self):
    return open, ('marker', 'w')


@pytest.mark.parametrize(
  ('labels', 'words'),
  [
    (np.eye(4, dtype=np.float32), '4 labels for 3 pictures'),
    (np.eye(2, dtype=np.float32), '2 labels for 3 pictures'),
    (np.float32(3), '0 labels for 3 pictures'),
    (np.zeros((3, 2, 2)), 'no table of numbers'),
    (np.array([['a'], ['b'], ['c']]), 'no table of numbers'),
    (np.array([0.0, 1.0, 2.0]), 'class numbers are not whole'),
    (np.array([0, -1, 2]), 'class numbers are -1 to 2'),
    (np.array([0, 1, 2**40]), 'class numbers are 0 to'),
    (np.array([[np.nan], [1], [1]]), 'not finite'),
    (np.zeros((3, 2**16 + 1), np.uint8), 'labels are 65537 wide'),
    (np.array([Evil()] * 3, object), 'cannot read'),
  ],
)
def test_labels_that_do_not_fit(tmp_path, monkeypatch, labels, words):
  monkeypatch.chdir(tmp_path)
  folder = write(tmp_path / 'set', images(3), labels)
  with pytest.raises(UserError, match=words) as caught:
    TfRecordsInput(folder)
  assert 'ffhq-rxx.labels' in str(caught.value)
  assert '\n' not in str(caught.value)
  assert not (tmp_path / 'marker').exists()


@pytest.mark.parametrize(
  'shape', ['(3, 1000000000000)', '(3000000000000000000, 4)', '(3, -4)', 'x']
)
def test_labels_with_a_lying_header(tmp_path, shape):
  folder = write(tmp_path / 'set', images(3))
  header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
  content = b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header + bytes(48)
  (folder / 'ffhq-rxx.labels').write_bytes(content)
  with pytest.raises(UserError, match=r'cannot read .*ffhq-rxx\.labels'):
    TfRecordsInput(folder)


def one_file(tmp_path, *parts):
  path = tmp_path / 'a.tfrecords'
  path.write_bytes(b''.join(parts))
  return path


def reasons(path):
  source = TfRecordsInput(path)
  contents = [p.content for p in source.pictures()]
  assert len(contents) == len(source)
  return [c.reason if isinstance(c, Problem) else None for c in contents]


@pytest.mark.parametrize('lost', [1, 3, 100, 215, 219])
def test_truncated_tail(tmp_path, lost):
  parts = records(images(3))
  content = b''.join(parts)
  whole = len(content) - len(parts[-1])
  path = one_file(tmp_path, content[: max(whole + 5, len(content) - lost)])
  assert reasons(path) == [None, None, 'is truncated, as the whole file is']


def test_truncated_with_labels(tmp_path):
  folder = write(tmp_path / 'set', images(4), np.array([3, 2, 1, 0]))
  file = folder / 'ffhq-r03.tfrecords'
  file.write_bytes(file.read_bytes()[:-300])
  source = TfRecordsInput(folder)
  assert len(source) == 3
  assert [p.label for p in source.pictures()] == [3, 2, None]


def test_length_that_lies(tmp_path):
  good = records(images(2))
  length = struct.pack('<Q', 2**63)
  lying = length + struct.pack('<I', masked_crc32c(length)) + bytes(50)
  assert reasons(one_file(tmp_path, *good, lying)) == [
    None,
    None,
    'is truncated, as the whole file is',
  ]
  broken = b'\x07' + good[0][1:]
  damaged = 'is damaged, and all after it is out of reach'
  assert reasons(one_file(tmp_path, good[0], broken, *good)) == [None, damaged]


def test_record_that_is_too_large(tmp_path, monkeypatch):
  monkeypatch.setattr(tfrecords, 'MAX_BYTES', 2**9)
  path = one_file(tmp_path, *records(images(1, 4)), *records(images(1, 16)))
  assert reasons(path) == [None, 'is larger than 0 MiB']


@pytest.mark.parametrize(
  ('content', 'words'),
  [
    (example((3, 2, 3), bytes(17)), 'has fewer or more pixels than it says'),
    (example((3, 0, 3), b''), 'has 3 channels of 3x0 pixels'),
    (example((5, 1, 1), bytes(5)), 'has 5 channels of 1x1 pixels'),
    (example((1, 1, 16000), bytes(16000)), 'has 1 channels of 16000x1 pixels'),
    (example((1, 1), bytes(1)), 'cannot be read'),
    (field(1, b''), 'cannot be read'),
    (b'', 'cannot be read'),
    (b'\xff' * 40, 'cannot be read'),
    (example((3, 2, 3), bytes(18))[:-3], 'cannot be read'),
  ],
)
def test_records_that_are_no_pictures(tmp_path, content, words):
  good = records(images(1))
  found = reasons(one_file(tmp_path, *good, record(content), *good))
  assert found[::2] == [None, None]
  assert found[1].startswith(words)
  assert '\n' not in found[1]


def test_damaged_pixels_are_noticed(tmp_path):
  good = records(images(3, 32))
  damaged = bytearray(good[1])
  damaged[1500] ^= 1
  found = reasons(one_file(tmp_path, good[0], damaged, good[2]))
  assert found == [None, 'is damaged: its checksum is another', None]


@pytest.mark.parametrize('content', [b'', b'abc', b'no records at all, but some text'])
def test_nothing_to_read(tmp_path, content):
  with pytest.raises(UserError, match=r'a\.tfrecords holds no whole record: download'):
    TfRecordsInput(one_file(tmp_path, content))


def test_several_sets_or_none(tmp_path):
  write(tmp_path, images(1), name='cat')
  write(tmp_path, images(1), name='dog')
  with pytest.raises(UserError, match=r'holds 2 sets of TFRecords \(cat, dog\): give the path'):
    TfRecordsInput(tmp_path)
  assert len(TfRecordsInput(tmp_path / 'cat-r02.tfrecords')) == 1
  (tmp_path / 'empty').mkdir()
  with pytest.raises(UserError, match='holds 0 sets'):
    TfRecordsInput(tmp_path / 'empty')


def test_other_things_are_not_recognised(tmp_path):
  (tmp_path / 'cifar10-train.tfrecord-00000-of-00001').write_bytes(b'')
  for name in ('', 'cifar10-train.tfrecord-00000-of-00001', 'missing.tfrecords'):
    assert not tfrecords.recognises(tmp_path / name)
