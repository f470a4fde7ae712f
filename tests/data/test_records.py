"""Prepared sets that are damaged or hostile are refused with a reason."""

import json
import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from tests.helpers import noise_pictures, prepared_set
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
  assert ', label vectors of 2' in source.describe()
  assert 'prepared' not in source.describe()
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


def test_another_file_format_or_split(spoiled, refused):
  path = spoiled / 'plain' / '1.0.0' / 'dataset_info.json'
  text = path.read_text()
  path.write_text(text.replace('"array_record"', '"tfrecord"'))
  refused(settings(spoiled, 'plain'), 'stored as tfrecord', 'launch.py prepare')
  path.write_text(text.replace('"train"', '"test"'))
  refused(settings(spoiled, 'plain'), 'has no split train, but test', 'launch.py prepare')


@pytest.mark.parametrize(
  'template',
  [
    '../../../{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
    '/etc/passwd',
    'x/../{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
    '..',
    '\x1b[31m{DATASET}\n-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
  ],
)
def test_files_of_others(spoiled, template, refused):
  """A set says itself what its files are called."""
  path = spoiled / 'plain' / '1.0.0' / 'dataset_info.json'
  content = json.loads(path.read_text())
  content['splits'][0]['filepathTemplate'] = template
  path.write_text(json.dumps(content))
  words = 'cannot read' if template == '..' or '\n' in template else 'which is not its own'
  refused(settings(spoiled, 'plain'), str(path.parent), words)


def test_names_with_escape_codes(spoiled, refused):
  path = spoiled / 'plain' / '1.0.0' / 'dataset_info.json'
  content = json.loads(path.read_text())
  path.write_text(json.dumps({**content, 'name': '../../x'}))
  refused(settings(spoiled, 'plain'), 'which is not its own')
  path.write_text(json.dumps({**content, 'version': '\x1b[31m\n'}))
  refused(settings(spoiled, 'plain'), str(path.parent))
  path.write_text(json.dumps({**content, 'fileFormat': '\x1b[31m\n'}))
  with pytest.raises(UserError) as caught:
    open_source(settings(spoiled, 'plain'))
  assert str(caught.value).isprintable()


def test_a_pipe_is_no_shard(spoiled, refused):
  file = spoiled / 'photos' / '1.0.0' / 'photos-train.array_record-00001-of-00002'
  file.unlink()
  os.mkfifo(file)
  refused(settings(spoiled, 'photos'), str(file), 'it is missing')


def test_many_shards(tmp_path):
  """More than the usual limit allows to be open at a time."""
  path = prepared_set(tmp_path / 'many' / '1.0.0', noise_pictures(6), shards=6)
  script = (
    'import resource, sys\n'
    'from stylegan2_jax.data import records\n'
    'records._OTHER_FILES = 1000\n'
    'resource.setrlimit(resource.RLIMIT_NOFILE, (500, int(sys.argv[1])))\n'
    'try:\n'
    f'  print(records.Records({str(path)!r}).read(5).label)\n'
    'except records.UserError as error:\n'
    '  print(error)\n'
    'print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n'
  )

  def run(limit):
    command = [sys.executable, '-c', script, str(limit)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()

  assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 1006
  assert run(1006) == ['None', '1006']
  refusal, limit = run(1005)
  assert refusal.startswith(f'{path} consists of 6 files, and only 1005 may be open at a time')
  assert '`ulimit -n 1006`' in refusal
  assert limit == '500'


def test_pictures_of_another_size_than_the_set_says(tmp_path, refused):
  """They would be scaled without a word."""
  path = prepared_set(tmp_path / 'a' / '1.0.0', noise_pictures(3))
  larger = prepared_set(tmp_path / 'b' / '1.0.0', noise_pictures(3, 16, 16))
  for k in (0, 1):  # the files of the one described as those of the other
    name = f'train.array_record-{k:05d}-of-00002'
    shutil.copy(larger / f'b-{name}', path / f'a-{name}')
  refused(settings(tmp_path, 'a'), 'a/1.0.0[0] is 16x16, not 8x8 as the set says')
  prepared_set(tmp_path / 'c' / '1.0.0', noise_pictures(3))
  shutil.copy(larger / f'b-{name}', tmp_path / 'c' / '1.0.0' / f'c-{name}')
  source = open_source(settings(tmp_path, 'c'))
  np.testing.assert_array_equal(source.read(1).label, -1)
  with pytest.raises(UserError, match=r'c/1\.0\.0\[2\] is 16x16, not 8x8 as the set says'):
    source.read(2)
