import contextlib
import gzip
import tarfile

import numpy as np
import pytest

from stylegan2_jax.data.inputs import cifar
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.cifar import CifarInput
from stylegan2_jax.errors import UserError
from tests.data.inputs.cifar_archives import (
  NAMES_10,
  dump,
  files_10,
  files_100,
  pack,
  python2,
  rows,
)


@pytest.fixture
def archive(tmp_path):
  return pack(tmp_path / 'cifar-10-python.tar.gz', files_10())


def test_cifar10(archive):
  assert cifar.recognises(archive)
  source = CifarInput(archive)
  assert (source.kind, len(source)) == ('CIFAR-10 archive', 15)
  assert source.labels.class_names == ('airplane', 'automobile', 'frog')
  pictures = list(source.pictures())
  assert [p.name for p in pictures[2:5]] == [
    'data_batch_1[2]',
    'data_batch_2[0]',
    'data_batch_2[1]',
  ]
  assert [p.label for p in pictures] == [(seed + i) % 3 for seed in range(5) for i in range(3)]
  for index, picture in enumerate(pictures):
    planes = rows(3, index // 3)[index % 3].reshape(3, 32, 32)
    assert picture.content.dtype == np.uint8
    for channel in range(3):
      np.testing.assert_array_equal(picture.content[:, :, channel], planes[channel])
  source.close()
  source.close()


@pytest.mark.parametrize(
  ('split', 'length', 'first'), [('test', 3, 'test_batch'), ('all', 18, None)]
)
def test_splits(archive, split, length, first):
  source = CifarInput(archive, split)
  pictures = list(source.pictures())
  assert len(source) == len(pictures) == length
  assert pictures[0].name == f'{first or "data_batch_1"}[0]'
  assert pictures[-1].name == 'test_batch[2]'
  np.testing.assert_array_equal(
    pictures[-1].content, rows(3, 5)[2].reshape(3, 32, 32).transpose(1, 2, 0)
  )


def test_unknown_split(archive):
  with pytest.raises(UserError, match=r'--split=val: CIFAR-10 archives have train, test and all'):
    CifarInput(archive, 'val')


def test_can_go_on_anywhere(archive):
  source = CifarInput(archive, 'all')
  whole = list(source.pictures())
  for start in (0, 4, 17, 18):
    tail = list(source.pictures(start))
    assert [p.name for p in tail] == [p.name for p in whole[start:]]
    assert all(
      np.array_equal(a.content, b.content) for a, b in zip(tail, whole[start:], strict=True)
    )


def test_cifar100_has_the_fine_labels(tmp_path):
  path = pack(tmp_path / 'c.tar.gz', files_100(), 'cifar-100-python')
  assert cifar.recognises(path)
  source = CifarInput(path, 'all')
  assert source.kind == 'CIFAR-100 archive'
  assert source.labels.class_names == ('apple', 'bee')
  assert [(p.name, p.label) for p in source.pictures(3)] == [
    ('train[3]', 0),
    ('test[0]', 1),
    ('test[1]', 0),
    ('test[2]', 1),
    ('test[3]', 0),
  ]


@pytest.mark.parametrize('inner', ['', 'cifar-10-batches-py'])
def test_unpacked(tmp_path, archive, inner):
  (tmp_path / 'folder' / inner).mkdir(parents=True)
  for name, content in files_10().items():
    (tmp_path / 'folder' / inner / name).write_bytes(content)
  assert cifar.recognises(tmp_path / 'folder')
  source, packed = CifarInput(tmp_path / 'folder'), CifarInput(archive)
  assert len(source) == 15
  for found, wanted in zip(source.pictures(), packed.pictures(), strict=True):
    np.testing.assert_array_equal(found.content, wanted.content)
    assert found[::2] == wanted[::2]


def test_without_compression(tmp_path, archive):
  path = tmp_path / 'c.tar'
  path.write_bytes(gzip.decompress(archive.read_bytes()))
  assert cifar.recognises(path)
  with contextlib.closing(CifarInput(path)) as source:
    assert len(list(source.pictures())) == 15


def test_as_python_2_wrote_it(tmp_path):
  files = files_10()
  data = rows(260, 7)
  files['data_batch_3'] = python2(data, [2] * 260)
  source = CifarInput(pack(tmp_path / 'c.tar.gz', files))
  assert len(source) == 12 + 260
  last = next(source.pictures(6 + 259))
  assert (last.name, last.label) == ('data_batch_3[259]', 2)
  np.testing.assert_array_equal(last.content, data[259].reshape(3, 32, 32).transpose(1, 2, 0))


def test_identity_changes_with_the_archive(tmp_path, archive):
  other = pack(tmp_path / 'other.tar.gz', files_10(4))
  assert CifarInput(archive).identity() == CifarInput(archive).identity()
  assert CifarInput(archive).identity() != CifarInput(other).identity()
  assert CifarInput(archive).identity() != CifarInput(archive, 'test').identity()


def test_labels_can_be_left_out(archive):
  source = CifarInput(archive)
  source.labels = None
  assert {p.label for p in source.pictures()} == {None}


@pytest.mark.parametrize('meta', [dump({}), dump([b'a']), dump({b'label_names': [1, 2]}), b''])
def test_damaged_names(tmp_path, meta):
  path = pack(tmp_path / 'c.tar.gz', files_10() | {'batches.meta': meta})
  with pytest.raises(UserError, match=r'cannot read .*download it again'):
    CifarInput(path)


def test_class_names_are_printable(tmp_path):
  meta = dump({b'label_names': [b'a\nb', b'\xff', 'é'.encode()]})
  source = CifarInput(pack(tmp_path / 'c.tar.gz', files_10() | {'batches.meta': meta}))
  assert source.labels.class_names == ('a b', '\\xff', 'é')


def test_missing_files(tmp_path):
  files = files_10()
  del files['data_batch_3'], files['batches.meta']
  with pytest.raises(UserError, match=r'c.tar.gz lacks data_batch_3, batches.meta: download'):
    CifarInput(pack(tmp_path / 'c.tar.gz', files))


@pytest.mark.parametrize('part', [0.3, 0.7, 0.95])
def test_truncated_archive(tmp_path, archive, part):
  content = archive.read_bytes()
  archive.write_bytes(content[: int(len(content) * part)])
  with pytest.raises(UserError, match=r'cannot read .*tar.gz .*: download it again'):
    CifarInput(archive)


def test_archive_with_a_lying_size(tmp_path):
  info = tarfile.TarInfo('cifar-10-batches-py/data_batch_1')
  info.size = 2**40
  path = tmp_path / 'c.tar.gz'
  path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))
  with pytest.raises(UserError, match='a file that is too large'):
    CifarInput(path)
  info = tarfile.TarInfo('cifar-10-batches-py/data_batch_1')
  info.type, info.size = tarfile.XHDTYPE, 2**33 - 1
  path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))
  assert not cifar.recognises(path)


def test_links_in_an_archive_are_not_followed(tmp_path):
  path = tmp_path / 'c.tar.gz'
  with tarfile.open(path, 'w:gz') as tar:
    for name in NAMES_10:
      info = tarfile.TarInfo(f'cifar-10-batches-py/{name}')
      info.type, info.linkname = tarfile.SYMTYPE, '/etc/passwd'
      tar.addfile(info)
  with pytest.raises(UserError, match='lacks data_batch_1'):
    CifarInput(path)


def test_folder_that_changes_while_it_is_read(tmp_path):
  for name, content in files_10().items():
    (tmp_path / name).write_bytes(content)
  source = CifarInput(tmp_path)
  (tmp_path / 'data_batch_2').unlink()
  contents = [p.content for p in source.pictures()]
  assert [isinstance(c, Problem) for c in contents] == [False] * 3 + [True] * 3 + [False] * 9
  assert contents[3].reason.startswith('cannot be read (No such file')


def test_other_things_are_not_recognised(tmp_path, archive):
  (tmp_path / 'text.tar.gz').write_text('no archive')
  (tmp_path / 'empty').write_bytes(b'')
  pack(tmp_path / 'other.tar.gz', files_10(), 'photos')
  for name in ('', 'text.tar.gz', 'empty', 'other.tar.gz', 'missing'):
    assert not cifar.recognises(tmp_path / name)
  with pytest.raises(UserError, match='is no CIFAR archive'):
    CifarInput(tmp_path / 'other.tar.gz')
