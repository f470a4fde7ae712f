"""Sources that change: between two openings, or while they are read."""

import gzip
import os
import pathlib
import shutil

import numpy as np
import pytest

from stylegan2_jax.data.inputs.base import Picture, Problem
from stylegan2_jax.data.inputs.open import open_input
from tests.data.inputs import cifar_archives, stylegan_records, test_mnist
from tests.data.inputs.conftest import write_tar
from tests.data.inputs.test_catalogue import InputTestLabelled, prepare
from tests.data.inputs.test_lsun import contents
from tests.data.inputs.test_lsun import write as write_lsun

FILES = {f'{i}.png': os.urandom(20_000) for i in range(9)}


def _mnist(path, pack):
  count = 300
  images = test_mnist.idx_images(test_mnist.images(count))
  labels = test_mnist.idx_labels([1] * count)
  return test_mnist.write(path, pack, train_images=images, train_labels=labels)


def _cifar(path):
  path.mkdir()
  for name, content in cifar_archives.files_10(20).items():
    (path / name).write_bytes(content)
  return path


def _records(path):
  planes = np.random.default_rng(0).integers(0, 256, (40, 3, 16, 16), np.uint8)
  labels = np.random.default_rng(1).random((40, 3)).astype(np.float32)
  return stylegan_records.write(path, planes, labels)


def _zip(path):
  shutil.make_archive(str(path), 'zip', _folder(path))
  shutil.rmtree(path)
  return path.with_suffix('.zip')


def _folder(path):
  path.mkdir()
  for name, content in FILES.items():
    (path / name).write_bytes(content)
  return path


MAKERS = {
  'mnist': lambda path: _mnist(path, pack=False),
  'mnist.gz': lambda path: _mnist(path, pack=True),
  'cifar': _cifar,
  'cifar.tar.gz': lambda path: cifar_archives.pack(
    path.with_suffix('.tar.gz'), cifar_archives.files_10(20)
  ),
  'lsun': lambda path: write_lsun(path, contents(60)),
  'tfrecords': _records,
  'zip': _zip,
  'tar': lambda path: write_tar(path.with_suffix('.tar'), FILES.items()),
  'tar.gz': lambda path: write_tar(path.with_suffix('.tar.gz'), FILES.items()),
  'tfds': lambda path: pathlib.Path(prepare(InputTestLabelled, path).data_dir),
  'folder': _folder,
}


def _files(path):
  return [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]


def _identity(path):
  source = open_input(str(path))
  source.close()
  return list(source.identity())


# Not read: other splits, resolutions, the lock of LMDB, what TFDS derives.
UNREAD = ('t10k', 'test', 'lock', 'r02', 'labels.txt')


@pytest.mark.parametrize('form', MAKERS)
def test_a_file_that_is_touched_changes_the_identity(tmp_path, form):
  path = MAKERS[form](tmp_path / 'set')
  for file in _files(path):
    if any(word in file.name for word in UNREAD):
      continue
    before = _identity(path)
    assert before == _identity(path)
    os.utime(file, ns=(7, file.stat().st_mtime_ns + 1))
    assert before != _identity(path), file
  assert all(line.isprintable() for line in before)


def test_a_label_file_that_changes(tmp_path):
  path = _folder(tmp_path / 'set')
  tables = []
  for content in ('{"labels": [["1.png", 0]]}', '{"labels": [["2.png", 0]]}'):
    (path / 'dataset.json').write_text(content)
    tables.append(_identity(path))
  assert tables[0] != tables[1]
  assert tables[0][:-1] == tables[1][:-1]


def _cut(file):
  with open(file, 'r+b') as stream:  # in place: the input has it open already
    stream.truncate(file.stat().st_size // 3)


def _overwrite(file):
  with open(file, 'r+b') as stream:
    stream.seek(200)
    stream.write(b'\xff' * (file.stat().st_size - 200))


HARM = {'cut': _cut, 'overwritten': _overwrite, 'gone': pathlib.Path.unlink}


def _check(source, found, start):
  assert len(found) == len(source) - start
  assert {type(picture) for picture in found} == {Picture}
  names = [picture.name for picture in found]
  assert len(set(names)) == len(names)
  for picture in found:
    if isinstance(picture.content, Problem):
      assert picture.content.reason.isprintable()


@pytest.mark.parametrize('harm', HARM)
@pytest.mark.parametrize('form', [form for form in MAKERS if form != 'tfds'])
def test_what_breaks_while_it_is_read_gives_problems(tmp_path, form, harm):
  path = MAKERS[form](tmp_path / 'set')
  source = open_input(str(path))
  reading = source.pictures()
  first = next(reading)
  for file in _files(path):
    HARM[harm](file)
  _check(source, [first, *reading], 0)
  again = list(source.pictures(1))
  _check(source, again, 1)
  if harm == 'cut' and form != 'folder':  # where they are just shorter
    assert any(isinstance(picture.content, Problem) for picture in again)
  source.close()


def test_records_that_vanish_before_they_are_read(tmp_path):
  path = _records(tmp_path / 'set')
  source = open_input(str(path))
  shutil.rmtree(path)
  found = list(source.pictures(5))
  _check(source, found, 5)
  assert found[0] == (
    'ffhq-r03[5]', Problem('cannot be read (No such file or directory)'), None
  )  # fmt: skip


def test_records_that_become_more_are_not_read(tmp_path):
  path = _records(tmp_path / 'set')
  source = open_input(str(path))
  (file,) = path.glob('*-r03.tfrecords')
  file.write_bytes(2 * file.read_bytes())
  assert len(list(source.pictures())) == len(source) == 40


def test_labels_that_break_off_are_problems(tmp_path):
  path = _records(tmp_path / 'set')
  source = open_input(str(path))
  expected = [picture.label for picture in source.pictures()]
  assert len(set(expected)) == 40
  source = open_input(str(path))
  _cut(path / 'ffhq-rxx.labels')
  found = list(source.pictures())
  assert {p.content for p in found} == {Problem('its label cannot be read (it is truncated)')}


@pytest.mark.parametrize('pack', [True, False])
def test_idx_files_that_are_replaced(tmp_path, pack):
  path = _mnist(tmp_path / 'set', pack)
  source = open_input(str(path))
  for file in path.iterdir():
    file.write_bytes(gzip.compress(b'other') if pack else b'')
  _check(source, list(source.pictures()), 0)


def test_a_batch_that_is_gone_is_looked_for_once(tmp_path, monkeypatch):
  source = open_input(str(_cifar(tmp_path / 'set')))
  calls = []
  monkeypatch.setattr(source._files, 'load', lambda place: calls.append(place) or {})
  found = list(source.pictures(10))
  assert all(isinstance(p.content, Problem) for p in found if 'batch_1' not in p.name)
  assert len(calls) == 5
