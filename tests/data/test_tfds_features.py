"""What a set says of itself is looked at before TFDS acts on it."""

import json
import os
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.data.tfds_features import image_key, label_form, open_builder
from stylegan2_jax.errors import UserError
from tests.prepared_sets import settings

pytestmark = pytest.mark.usefixtures('no_other_sets')

OWN = 'tensorflow_datasets.core.features.text_feature.Text'


@pytest.fixture
def trap(tmp_path, monkeypatch):
  """A module that leaves a file behind when it is imported; returns that file."""
  marker = tmp_path / 'marker'
  folder = tmp_path / 'modules'
  folder.mkdir()
  (folder / 'trap_module.py').write_text(f'open({str(marker)!r}, "w").close()\n')
  monkeypatch.syspath_prepend(str(folder))
  yield marker
  sys.modules.pop('trap_module', None)


def camel(content):
  content['featuresDict']['features']['name']['pythonClassName'] = 'trap_module.X'


def snake(content):
  feature = content['featuresDict']['features']['name']
  del feature['pythonClassName']
  feature['python_class_name'] = 'trap_module.X'


def in_a_sequence(content):
  content['featuresDict']['features']['name'] = {
    'python_class_name': 'tensorflow_datasets.core.features.sequence_feature.Sequence',
    'sequence': {'feature': {'python_class_name': 'trap_module.X', 'text': {}}},
  }


def in_a_string(content):
  inner = {'x': {'type': 'trap_module.X', 'content': {}}}
  content['featuresDict']['features']['name'] = {
    'pythonClassName': 'tensorflow_datasets.core.features.features_dict.FeaturesDict',
    'jsonFeature': {'json': json.dumps(inner)},
  }


def old_form(content):
  content.clear()
  content |= {'type': 'trap_module.X', 'content': {}}


def beside_tfds(content):
  feature = content['featuresDict']['features']['name']
  feature['pythonClassName'] = 'tensorflow_datasets.core.features.test_feature.X'


@pytest.mark.parametrize(
  'change', [camel, snake, in_a_sequence, in_a_string, old_form, beside_tfds]
)
def test_no_code_of_a_set_runs(spoiled, trap, refused, change):
  path = spoiled / 'plain' / '1.0.0' / 'features.json'
  content = json.loads(path.read_text())
  change(content)
  path.write_text(json.dumps(content))
  refused(settings(spoiled, 'plain'), str(path.parent), 'launch.py prepare')
  assert not trap.exists()
  assert 'trap_module' not in sys.modules
  assert 'tensorflow_datasets.core.features.test_feature' not in sys.modules


@pytest.mark.parametrize('key', ['pythonClassName', 'python_class_name'])
def test_no_code_runs_that_the_other_file_names(spoiled, trap, refused, key):
  """TFDS takes features from dataset_info.json too."""
  path = spoiled / 'plain' / '1.0.0' / 'dataset_info.json'
  content = json.loads(path.read_text())
  path.write_text(json.dumps({**content, 'features': {key: 'trap_module.X', 'text': {}}}))
  refused(settings(spoiled, 'plain'), 'feature of its own kind, trap_module.X')
  assert not trap.exists()


def test_code_is_not_imported_by_other_fields(spoiled, trap):
  path = spoiled / 'plain' / '1.0.0' / 'dataset_info.json'
  content = json.loads(path.read_text())
  path.write_text(json.dumps({**content, 'moduleName': 'trap_module', 'configName': 'trap_module'}))
  open_source(settings(spoiled, 'plain'))
  assert not trap.exists()


@pytest.mark.parametrize('name', ['features.json', 'label.labels.txt', 'dataset_info.json'])
def test_descriptions_without_an_end(spoiled, name, refused):
  path = spoiled / 'photos' / '1.0.0' / name
  path.unlink()
  os.mkfifo(path)
  where = str(spoiled / 'photos') if name == 'dataset_info.json' else str(path)
  refused(settings(spoiled, spoiled / 'photos' / '1.0.0'), where)
  path.unlink()
  with path.open('wb') as file:
    file.truncate(2**26 + 1)
  refused(settings(spoiled, spoiled / 'photos' / '1.0.0'), str(path), 'more than 67108864 bytes')


def test_names_of_another_number_of_classes(spoiled, refused):
  path = spoiled / 'photos' / '1.0.0' / 'features.json'
  content = json.loads(path.read_text())
  content['featuresDict']['features']['label']['classLabel']['numClasses'] = '50'
  path.write_text(json.dumps(content))
  refused(settings(spoiled, 'photos'), 'photos/1.0.0 has names for 3 of its 50 classes')
  content['featuresDict']['features']['label']['classLabel']['numClasses'] = str(10**12)
  path.write_text(json.dumps(content))
  refused(settings(spoiled, 'photos'), 'labels of width 1000000000000, not 1 to 65536')


F = tfds.features


@pytest.mark.parametrize(
  ('feature', 'expected'),
  [
    (F.ClassLabel(names=['a', 'b']), (('a', 'b'), 2)),
    (F.ClassLabel(num_classes=2), (('0', '1'), 2)),
    (F.ClassLabel(), ((), 0)),
    (F.Tensor(shape=(3,), dtype=np.float32), ((), 3)),
    (F.Tensor(shape=(None,), dtype=np.float32), ((), 0)),
    (F.Tensor(shape=(3,), dtype=np.float64), ((), 0)),
    (F.Tensor(shape=(3, 1), dtype=np.float32), ((), 0)),
    (F.Sequence(F.ClassLabel(names=['a', 'b'])), ((), 0)),
    (F.LabeledImage(labels=3, shape=(8, 8, 1)), ((), 0)),
    (F.FeaturesDict({'x': np.float32}), ((), 0)),
    (F.Text(), ((), 0)),
  ],
)
def test_label_forms(feature, expected):
  assert label_form('it', F.FeaturesDict({'label': feature})) == expected


def test_image_keys():
  image, mask = F.Image(shape=(8, 8, 3)), F.LabeledImage(labels=3, shape=(8, 8, 1))
  assert image_key('it', F.FeaturesDict({'photo': image, 'mask': mask})) == 'photo'
  assert image_key('it', F.FeaturesDict({'photo': image, 'image': image})) == 'image'
  for spec, words in (
    (F.FeaturesDict({'a': image, 'b': image}), 'it has the image features a, b, and none called'),
    (F.FeaturesDict({'mask': mask}), 'it has no image feature'),
    (F.Sequence(image), 'it does not hold pictures with names'),
  ):
    with pytest.raises(UserError, match=words):
      image_key('it', spec)


def test_features_of_the_catalogue_are_known(tmp_path):
  """Of kinds that its sets with pictures have."""
  spec = F.FeaturesDict(
    {
      'image': F.Image(shape=(8, 8, 3)),
      'objects': F.Sequence({'bbox': F.BBoxFeature(), 'label': F.ClassLabel(names=['a'])}),
      'mask': F.LabeledImage(labels=3, shape=(8, 8, 1)),
      'captions': F.Translation(['en', 'fr']),
      'steps': F.Dataset({'x': F.Scalar(np.int32)}),
      'features': F.Tensor(shape=(3,), dtype=np.float32),
    }
  )
  template = tfds.core.ShardedFileTemplate(
    dataset_name='all', data_dir=tmp_path, split='train', filetype_suffix='array_record'
  )
  (tmp_path / 'all-train.array_record-00000-of-00001').touch()
  split = tfds.core.SplitInfo('train', [1], 1, template)
  tfds.folder_dataset.write_metadata(
    data_dir=tmp_path, features=spec, split_infos=[split], check_data=False
  )
  assert set(open_builder(tmp_path).info.features) == set(spec)
