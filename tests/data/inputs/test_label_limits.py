"""More labels than a prepared set can hold are refused before any work, and by one line."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds

from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM
from stylegan2_jax.data.inputs.catalogue import CatalogueInput
from stylegan2_jax.data.inputs.cifar import CifarInput
from stylegan2_jax.data.inputs.open import open_input
from stylegan2_jax.data.inputs.tables import read_table
from tests.data.inputs import cifar_archives, stylegan_records
from tests.data.inputs.test_catalogue import _Builder, png, prepare

MANY = MAX_LABEL_DIM + 1


def _json(label, **more):
  return json.dumps({'labels': [['a.png', label]], **more}).encode()


@pytest.mark.parametrize(
  ('content', 'words'),
  [
    (_json(MAX_LABEL_DIM), "of 'a.png' is 65536, no class number from 0 to 65535"),
    (_json([0.5] * MANY), "of 'a.png' has 65537 numbers, more than the 65536"),
    (_json(0, class_names=[f'c{i}' for i in range(MANY)]), 'has 65537 classes, more than the'),
  ],
)
def test_json(content, words, user_error):
  user_error(lambda: read_table(content, 'x.json', 'x.json'), 'x.json', words, '--labels=none')


def test_csv(user_error):
  lines = [f'{i}.png,class {i}' for i in range(MANY)]
  user_error(
    lambda: read_table('\n'.join(lines).encode(), 'x.csv', 'x.csv'),
    'x.csv has 65537 classes, more than the 65536 that can be: give fewer, or use --labels=none',
  )
  found = read_table('\n'.join(lines[:-1]).encode(), 'x.csv', 'x.csv')
  assert len(found.meaning.class_names) == MAX_LABEL_DIM


def test_the_most_that_can_be():
  assert len(read_table(_json(MAX_LABEL_DIM - 1), 'x', 'x').meaning.class_names) == MAX_LABEL_DIM
  assert read_table(_json([0] * MAX_LABEL_DIM), 'x', 'x').meaning.dim == MAX_LABEL_DIM


def test_folders(as_zip, user_error, monkeypatch):
  monkeypatch.setattr('stylegan2_jax.data.inputs.labels.MAX_LABEL_DIM', 2)
  files = {f'{i}/a.png': b'1' for i in range(3)}
  user_error(lambda: as_zip.open(files, 'folders'), 'has 3 folders for --labels=folders, more than')
  assert len(as_zip.open(dict(list(files.items())[1:]), 'folders').labels.class_names) == 2


def test_cifar(tmp_path, user_error):
  meta = cifar_archives.dump({b'label_names': [b'x'] * MANY})
  path = cifar_archives.pack(tmp_path / 'c', cifar_archives.files_10() | {'batches.meta': meta})
  user_error(lambda: CifarInput(path), 'batches.meta has 65537 classes, more than 65536')


def test_catalogue(tmp_path, user_error):
  class InputTestWide(_Builder):
    features = {  # noqa: RUF012
      'image': tfds.features.Image(shape=(4, 4, 3)),
      'label': tfds.features.Tensor(shape=(MANY,), dtype=np.float32),
    }

    def value(self, key, i):
      return np.zeros(MANY, np.float32) if key == 'label' else png(i)

  prepare(InputTestWide, tmp_path)
  user_error(lambda: CatalogueInput('input_test_wide', data_dir=tmp_path), 'width 65537')
  (folder,) = tmp_path.glob('input_test_wide/*')
  assert open_input(str(folder), 'none').labels is None


@pytest.mark.parametrize('labels', [np.zeros((3, MANY), np.uint8), np.array([0, 1, MAX_LABEL_DIM])])
def test_tfrecords(tmp_path, labels, user_error):
  planes = np.zeros((3, 3, 8, 8), np.uint8)
  path = str(stylegan_records.write(tmp_path / 'set', planes, labels))
  user_error(lambda: open_input(path), 'rxx.labels', '6553', 'or use --labels=none')
  assert open_input(path, 'none').labels is None
