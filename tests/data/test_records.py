"""Prepared sets that are damaged or hostile are refused with a reason."""

import json
import shutil
import sys

import pytest

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from tests.prepared_sets import RECORD, pixels, settings

pytestmark = pytest.mark.usefixtures('no_other_sets')


@pytest.mark.parametrize(
  'content',
  [
    b'',
    b'\xff\xfe',
    b'[]',
    b'{}',
    b'[' * 100_000,
    json.dumps({**RECORD, 'content': 'not hex'}).encode(),
    json.dumps({**RECORD, 'filter': 'a\nb'}).encode(),
    json.dumps({**RECORD, 'pillow': 13}).encode(),
    json.dumps({**RECORD, 'labels': [1]}).encode(),
    json.dumps({**RECORD, 'labels': {'component_names': 'ab'}}).encode(),
  ],
)
def test_a_record_that_is_none(spoiled, content, capsys):
  """The pictures are what they are; only how they came to be is unknown."""
  path = spoiled / 'faces' / '1.0.0' / 'preparation.json'
  path.write_bytes(content)
  source = open_source(settings(spoiled, 'faces'))
  assert source.describe().endswith('label vectors of 2')
  assert source.component_names == ()
  assert capsys.readouterr().err.startswith(f'warning: {path} is damaged and ignored')


def test_component_names_of_another_number(spoiled):
  record = {**RECORD, 'labels': {'component_names': ['a', 'b', 'c']}}
  (spoiled / 'faces' / '1.0.0' / 'preparation.json').write_text(json.dumps(record))
  assert open_source(settings(spoiled, 'faces')).component_names == ()


@pytest.mark.parametrize('damage', ['missing', 'empty', 'half', 'end', 'other'])
def test_damaged_shards(spoiled, damage, refused):
  """Named when the set is opened: the second shard is not read before."""
  file = spoiled / 'photos' / '1.0.0' / 'photos-train.array_record-00001-of-00002'
  content = file.read_bytes()
  if damage == 'missing':
    file.unlink()
  else:
    kept = {'empty': 0, 'half': len(content) // 2, 'end': len(content) - 10, 'other': 0}[damage]
    file.write_bytes(content[:kept])
  words = [str(file), 'cannot read']
  if damage == 'other':  # of another set: whole, but not what was promised
    shutil.copy(file.with_name('photos-train.array_record-00000-of-00002'), file)
    words = [str(file), 'holds 3 of 2 images']
  refused(settings(spoiled, 'photos'), 'launch.py prepare', *words)


def test_a_bit_in_a_record(spoiled):
  file = spoiled / 'plain' / '1.0.0' / 'plain-train.array_record-00001-of-00002'
  content = bytearray(file.read_bytes())
  content[content.index(b'IDAT') + 50] ^= 1
  file.write_bytes(content)
  source = open_source(settings(spoiled, 'plain'))
  with pytest.raises(UserError, match=r'cannot read plain/1\.0\.0\[\d\] .*launch\.py prepare'):
    pixels(source)


@pytest.mark.parametrize('name', ['dataset_info.json', 'features.json'])
@pytest.mark.parametrize('content', [b'', b'{}', b'[1]', b'\xff', b'{"a": ' * 10_000, None])
def test_damaged_descriptions(spoiled, name, content, refused):
  path = spoiled / 'plain' / '1.0.0' / name
  if content is None:
    path.unlink()
  else:
    path.write_bytes(content)
  refused(settings(spoiled, spoiled / 'plain'), str(spoiled / 'plain'))


def test_nothing_is_imported_that_a_set_names(spoiled, refused):
  """TFDS would import the module of a feature class, whatever it is."""
  path = spoiled / 'plain' / '1.0.0' / 'features.json'
  text = path.read_text()
  name = 'tensorflow_datasets.core.features.text_feature.Text'
  assert name in text
  path.write_text(text.replace(name, 'antigravity.Text'))
  refused(settings(spoiled, 'plain'), 'feature of its own kind, antigravity.Text')
  assert 'antigravity' not in sys.modules


def test_another_file_format_or_split(spoiled, refused):
  path = spoiled / 'plain' / '1.0.0' / 'dataset_info.json'
  text = path.read_text()
  path.write_text(text.replace('"array_record"', '"tfrecord"'))
  refused(settings(spoiled, 'plain'), 'stored as tfrecord', 'launch.py prepare')
  path.write_text(text.replace('"train"', '"test"'))
  refused(settings(spoiled, 'plain'), 'has no split train, but test', 'launch.py prepare')
