"""Which input a path is, and that whatever is wrong with it is one line."""

import os
import pathlib
import shutil
import tempfile

import numpy as np
import pytest

from stylegan2_jax.data.inputs.open import open_input
from tests.data.inputs import cifar_archives, stylegan_records
from tests.data.inputs.test_lsun import write as write_lsun
from tests.data.inputs.test_mnist import write as write_mnist


@pytest.fixture
def closed():
  """A folder, and a function that goes on as somebody who may read what others may read."""
  folder = pathlib.Path(tempfile.mkdtemp())  # not below pytest's, which others cannot reach
  folder.chmod(0o755)
  me = os.geteuid()

  def become_other():
    if me == 0:
      os.seteuid(65534)

  yield folder, become_other
  os.seteuid(me)
  for path in folder.rglob('*'):
    path.chmod(0o700)
  shutil.rmtree(folder)


@pytest.mark.parametrize('form', ['file.zip', 'file.tar', 'file.tfrecords', 'data.mdb', 'folder'])
def test_what_may_not_be_read_is_one_line(closed, form, user_error):
  folder, become_other = closed
  path = folder / form
  if form == 'folder':
    path.mkdir()
    (path / 'a.png').write_bytes(b'a')
  else:
    path.write_bytes(b'PK')
  path.chmod(0)
  become_other()
  user_error(lambda: open_input(str(path)), form, 'Permission denied')


def test_what_lies_in_a_closed_folder(closed, user_error):
  folder, become_other = closed
  (folder / 'a\nb').mkdir()
  (folder / 'a\nb' / 'x.zip').write_bytes(b'PK')
  (folder / 'a\nb').chmod(0)
  become_other()
  user_error(lambda: open_input(f'{folder}/a\nb/x.zip'), '--source', 'Permission denied')
  user_error(lambda: open_input(f'{folder}/a\nb'), '--source', 'Permission denied')


def test_closed_files_in_open_folders(closed, user_error):
  folder, become_other = closed
  write_mnist(folder)
  (folder / 'train-images-idx3-ubyte.gz').chmod(0)
  become_other()
  user_error(lambda: open_input(str(folder)), 'train-images-idx3-ubyte.gz', 'Permission denied')


@pytest.mark.parametrize(
  ('source', 'words'),
  [
    ('x' * 300, 'does not exist'),
    ('y/' * 5000, 'does not exist'),
    ('no\n\x1b[2Jthing', '--source=no\\n\\x1b[2Jthing does not exist'),
    ('~no_such_user/x', 'does not exist'),
    ('a\0b', 'a\\x00b does not exist'),
    ('tfds:x\ny', 'x\\ny is no name'),
    ('tfds:' + 'x' * 300, 'x' * 250),
  ],
)
def test_impossible_paths(tmp_path, monkeypatch, source, words, user_error):
  monkeypatch.chdir(tmp_path)
  user_error(lambda: open_input(source), words)


def test_things_that_are_no_files(tmp_path, user_error):
  os.mkfifo(tmp_path / 'pi\npe')
  user_error(lambda: open_input(f'{tmp_path}/pi\npe'), '--source', 'is neither a folder nor a file')


def _pictures(path):
  path.mkdir()
  (path / 'a.png').write_bytes(b'a')
  return path


def _planes(count=3):
  return np.zeros((count, 3, 8, 8), np.uint8)


SPLITLESS = {
  'folder': _pictures,
  'LSUN folder': lambda path: write_lsun(path, {b'a': b'1'}),
  'TFRecords folder': lambda path: stylegan_records.write(path, _planes()),
  'single idx file': lambda path: write_mnist(path) / 'train-images-idx3-ubyte.gz',
}


@pytest.mark.parametrize('kind', SPLITLESS)
def test_forms_without_splits(tmp_path, kind, user_error):
  path = str(SPLITLESS[kind](tmp_path / 'set'))
  open_input(path).close()
  for split in ('test', 'all', 'train[:3]'):
    words = f'--split={split}: {path} is a {kind}, which has no splits: leave --split out'
    user_error(lambda split=split: open_input(path, split=split), words)


def test_archives_have_no_splits(form, classes, user_error):
  path = str(form.write(classes))
  user_error(lambda: open_input(path, split='test'), 'has no splits: leave --split out')


def test_published_splits(tmp_path, user_error):
  path = str(cifar_archives.pack(tmp_path / 'c.tar.gz', cifar_archives.files_10()))
  user_error(lambda: open_input(path, split='train[:3]'), 'CIFAR-10 archives have train, test and')
  source = open_input(path, split='all')
  assert len(source) == 18
  source.close()


def test_labels_of_published_sets(tmp_path, user_error):
  path = str(stylegan_records.write(tmp_path / 'set', _planes(), np.array([0, 1, 2])))
  user_error(lambda: open_input(path, 'fol\nders'), '--labels=fol\\nders is for folders')
  assert open_input(path).labels.class_names == ('0', '1', '2')
  pathlib.Path(path, 'ffhq-rxx.labels').write_bytes(b'damaged')
  user_error(lambda: open_input(path), 'rxx.labels', 'or use --labels=none')
  assert open_input(path, 'none').labels is None
