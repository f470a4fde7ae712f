import importlib.util
import io
import json
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from stylegan2_jax.data.inputs import catalogue
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.catalogue import CatalogueInput
from stylegan2_jax.errors import UserError

CLASSES = ['cat', 'dog']


def png(value, side=4):
  buffer = io.BytesIO()
  Image.new('RGB', (side, side), (value, 2, 3)).save(buffer, 'png')
  return buffer.getvalue()


class _Builder(tfds.core.GeneratorBasedBuilder):
  """Encoded pictures only, which TFDS writes without TensorFlow."""

  VERSION = tfds.core.Version('1.2.0')
  url_infos = None
  features: dict
  skip_registration = True  # of this one; its subclasses are in the catalogue

  def _info(self):
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(self.features),
      disable_shuffling=True,
    )

  def _split_generators(self, dl_manager):
    return {'train': self._generate_examples(0, 5), 'test': self._generate_examples(5, 8)}

  def _generate_examples(self, start, stop):
    for i in range(start, stop):
      yield i, {key: self.value(key, i) for key in self.features}

  def value(self, key, i):
    if key == 'label':
      return -1 if i == 7 else i % 2
    return png(i) if 'image' in key else f'text {i}'


class InputTestLabelled(_Builder):
  features = {  # noqa: RUF012
    'image': tfds.features.Image(shape=(None, None, 3), encoding_format='png'),
    'other_image': tfds.features.Image(shape=(None, None, 3)),
    'text': tfds.features.Text(),
    'label': tfds.features.ClassLabel(names=CLASSES),
  }


class InputTestPlain(_Builder):
  features = {'left_image': tfds.features.Image(shape=(4, 4, 3))}  # noqa: RUF012


class InputTestText(_Builder):
  features = {'text': tfds.features.Text()}  # noqa: RUF012


def prepare(builder_class, directory):
  builder = builder_class(data_dir=directory, file_format='array_record')
  builder.download_and_prepare(
    download_dir=directory, download_config=tfds.download.DownloadConfig(try_download_gcs=False)
  )
  return builder


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  directory = tmp_path_factory.mktemp('tfds')
  for builder_class in (InputTestLabelled, InputTestPlain, InputTestText):
    prepare(builder_class, directory)
  return directory


def test_by_name(data_dir, monkeypatch):
  source = CatalogueInput('input_test_labelled', data_dir=data_dir)
  assert len(source) == 5
  assert source.labels.class_names == ('cat', 'dog')
  pictures = list(source.pictures())
  assert pictures == [(f'train[{i}]', png(i), i % 2) for i in range(5)]
  assert list(source.pictures(3)) == pictures[3:]
  monkeypatch.setenv('TFDS_DATA_DIR', str(data_dir))
  for name in ('tfds:input_test_labelled', 'input_test_labelled:1.2.0'):
    assert list(CatalogueInput(name).pictures()) == pictures


@pytest.mark.parametrize('below', ['input_test_labelled', 'input_test_labelled/1.2.0'])
def test_by_path(data_dir, below):
  assert catalogue.recognises(data_dir / below)
  source = CatalogueInput(data_dir / below, 'test')
  assert list(source.pictures()) == [
    ('test[0]', png(5), 1),
    ('test[1]', png(6), 0),
    ('test[2]', png(7), None),  # -1: unknown
  ]


def test_splits(data_dir):
  def opened(split):
    return [p.name for p in CatalogueInput('input_test_plain', split, data_dir).pictures()]

  assert opened('all') == [f'train[{i}]' for i in range(5)] + [f'test[{i}]' for i in range(3)]
  assert opened('train[2:4]') == ['train[2:4][0]', 'train[2:4][1]']
  assert opened('train+test')[-1] == 'train+test[7]'
  source = CatalogueInput('input_test_plain', 'all', data_dir)
  assert [p.name for p in source.pictures(4)][:2] == ['train[4]', 'test[0]']
  for split in ('validation', 'train[9', '../x'):
    with pytest.raises(UserError, match=r'splits are .*train.*, all') as caught:
      opened(split)
    assert '\n' not in str(caught.value)


def test_without_labels_the_only_image_counts(data_dir):
  source = CatalogueInput('input_test_plain', data_dir=data_dir)
  assert source.labels is None
  assert list(source.pictures(4)) == [('train[4]', png(4), None)]


def test_without_images(data_dir):
  with pytest.raises(UserError, match=r'input_test_text has no image feature.*another data set'):
    CatalogueInput('input_test_text', data_dir=data_dir)


def test_identity(data_dir):
  source = CatalogueInput('input_test_plain', 'all', data_dir)
  first, *splits = source.identity()
  assert first == 'input_test_plain/1.2.0'
  assert [line.split()[:2] for line in splits[:3:2]] == [['train', '5'], ['test', '3']]
  files = [line.split()[0] for line in (splits[1], *splits[3:])]
  shards = [f'input_test_plain-{split}.array_record-00000-of-00001' for split in ('train', 'test')]
  assert files == [*shards, 'dataset_info.json', 'features.json']
  assert source.identity() != CatalogueInput('input_test_plain', 'test', data_dir).identity()


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('no_such_set', r'cannot use no_such_set .*not found.*datasets/catalog'),
    ('input_test_plain:9.9.9', r'cannot use input_test_plain:9.9.9 .*datasets/catalog'),
    ('input_test_plain/big', r'cannot use input_test_plain/big .*datasets/catalog'),
    ('../mnist', 'is no name of the TFDS catalogue'),
    ('huggingface:mnist', 'is no name of the TFDS catalogue'),
    ('a\nb', r'a\\nb is no name'),
    ('', 'is no name'),
  ],
)
def test_unknown_names(tmp_path, name, words):
  with pytest.raises(UserError, match=words) as caught:
    CatalogueInput(name, data_dir=tmp_path)
  assert '\n' not in str(caught.value)
  assert list(tmp_path.iterdir()) == []


def test_not_prepared_without_tensorflow(tmp_path, monkeypatch):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  with pytest.raises(UserError, match=r'not prepared in .*: pip install tensorflow, and'):
    CatalogueInput('input_test_plain', data_dir=tmp_path)


def test_prepared_on_request_with_tensorflow(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: 'there')
  source = CatalogueInput('input_test_plain', 'all', tmp_path)
  assert len(list(source.pictures())) == 8
  assert 'input_test_plain is not prepared in' in capsys.readouterr().err
  assert CatalogueInput('input_test_plain', 'all', tmp_path).identity() == source.identity()
  assert 'not prepared' not in capsys.readouterr().err


def test_preparation_that_fails(tmp_path, monkeypatch):
  def fail(*_, **__):
    raise RuntimeError('no\nnetwork')

  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: 'there')
  monkeypatch.setattr(InputTestPlain, 'download_and_prepare', fail)
  with pytest.raises(UserError, match=r'cannot read input_test_plain \(no network\)'):
    CatalogueInput('input_test_plain', data_dir=tmp_path)


def copy(data_dir, tmp_path):
  return shutil.copytree(data_dir / 'input_test_labelled' / '1.2.0', tmp_path / 'set' / '1.2.0')


def test_prepared_for_tensorflow_only(data_dir, tmp_path):
  folder = copy(data_dir, tmp_path)
  info = json.loads((folder / 'dataset_info.json').read_text())
  info['fileFormat'] = 'tfrecord'
  (folder / 'dataset_info.json').write_text(json.dumps(info))
  for file in folder.glob('*array_record*'):
    file.rename(str(file).replace('array_record', 'tfrecord'))
  with pytest.raises(UserError, match=r'only TensorFlow reads: .*--file_format=array_record'):
    CatalogueInput(folder)


@pytest.mark.parametrize('damage', ['missing', 'truncated'])
def test_damaged_set(data_dir, tmp_path, damage):
  folder = copy(data_dir, tmp_path)
  (file,) = folder.glob('*-train.array_record-*')
  if damage == 'missing':
    file.unlink()
  else:
    file.write_bytes(file.read_bytes()[:200])
  with pytest.raises(UserError, match='cannot read'):
    CatalogueInput(folder)


def test_record_that_is_none(data_dir, monkeypatch):
  source = CatalogueInput('input_test_labelled', data_dir=data_dir)
  records = [source._records[0][i] for i in range(5)]
  records[1], records[3] = b'\xff' * 20, b''
  source._records = [records]
  kinds = [isinstance(p.content, Problem) for p in source.pictures()]
  assert kinds == [False, True, False, True, False]


def test_vectors(data_dir, tmp_path, monkeypatch):
  class InputTestVectors(_Builder):
    features = {  # noqa: RUF012
      'image': tfds.features.Image(shape=(4, 4, 3)),
      'label': tfds.features.Tensor(shape=(2,), dtype=np.float32),
    }

    def value(self, key, i):
      return np.array([i, -0.5], np.float32) if key == 'label' else png(i)

  prepare(InputTestVectors, tmp_path)
  source = CatalogueInput('input_test_vectors', data_dir=tmp_path)
  assert source.labels.dim == 2
  assert next(source.pictures(3)).label == (3.0, -0.5)


def test_other_things_are_not_recognised(tmp_path):
  (tmp_path / 'file').write_text('')
  for name in ('', 'file', 'missing'):
    assert not catalogue.recognises(tmp_path / name)
  with pytest.raises(UserError, match='holds no prepared TFDS data set'):
    CatalogueInput(tmp_path)
