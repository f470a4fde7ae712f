"""`inspect` on damaged sets: every fault is said in one line, and the exit status is 2."""

import io
import json
import shlex
import struct
import zlib

import numpy as np
import pytest
import tensorflow_datasets as tfds
from array_record.python import array_record_module
from PIL import Image

import launch
from stylegan2_jax.data.preparation.report import how_to_train
from stylegan2_jax.data.records import Records
from tests.helpers import noise_pictures, png, prepared_set
from tests.prepared_sets import CLASSES, NAMES, PICTURES, RECORD, VECTORS

VERDICT = 'is damaged ({} of 5 images cannot be used): remove the set and prepare it again'


def rewrite(folder, change):
  """Puts change(number, fields of the record) in the place of every record; bytes as they are."""
  number = 0
  has_vectors = '"tensor"' in (folder / 'features.json').read_text()
  label = tfds.features.Tensor(shape=(2,), dtype=np.float32) if has_vectors else np.int64
  text = tfds.features.Text()
  spec = tfds.features.FeaturesDict({'image': text, 'name': text, 'label': label})
  for file in sorted(folder.glob('*.array_record*')):
    reader = array_record_module.ArrayRecordReader(str(file))
    records = reader.read_all()
    reader.close()
    writer = array_record_module.ArrayRecordWriter(str(file), 'group_size:1')
    for record in records:
      fields = change(number, spec.deserialize_example_np(record))
      writer.write(fields if isinstance(fields, bytes) else spec.serialize_example(fields))
      number += 1
    writer.close()


def spoil(folder, numbers, **fields):
  """Gives some records other fields, whether the set may hold them or not."""
  rewrite(folder, lambda number, found: {**found, **(fields if number in numbers else {})})


def encoded(size, mode, kind='PNG'):
  buffer = io.BytesIO()
  Image.new(mode, size).save(buffer, kind)
  return buffer.getvalue()


def bomb(side):
  """A PNG file that claims to be large."""

  def chunk(kind, content):
    checksum = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + checksum

  header = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
  chunks = chunk(b'IHDR', header), chunk(b'IDAT', zlib.compress(b'0')), chunk(b'IEND', b'')
  return b'\x89PNG\r\n\x1a\n' + b''.join(chunks)


@pytest.fixture
def photos(tmp_path):
  return prepared_set(tmp_path / 'photos' / '1.0.0', PICTURES, CLASSES, NAMES)


@pytest.fixture
def faces(tmp_path):
  return prepared_set(tmp_path / 'faces' / '1.0.0', PICTURES, VECTORS, record=RECORD)


@pytest.fixture
def inspect(tmp_path, capsys):
  """A function folder -> (exit status, lines printed, lines of complaint)."""

  def run(folder):
    status = launch.main(['inspect', f'--data={folder}', f'--out={tmp_path / "sheet.png"}'])
    printed, complaint = capsys.readouterr()
    return status, [' '.join(x.split()) for x in printed.splitlines()], complaint.splitlines()

  return run


def sheet(tmp_path):
  return np.asarray(Image.open(tmp_path / 'sheet.png'))


@pytest.mark.parametrize(
  ('fields', 'words'),
  [
    ({'label': 99}, 'has the label 99, but there are 3 classes'),
    ({'label': -1}, 'has the label -1, but there are 3 classes'),
    ({'label': 2**31}, 'has the label 2147483648, but there are 3 classes'),
    ({'image': bomb(60_000)}, 'has more than 134217728 pixels'),
    ({'image': bomb(11_000)}, 'is truncated or damaged'),
    ({'image': b'hello'}, 'is not a picture that can be read'),
    ({'image': b''}, 'is empty'),
    ({'image': png(PICTURES[1])[:-20]}, 'is truncated or damaged'),
    ({'image': encoded((16, 8), 'RGB')}, 'is 16x8x3, not 8x8x3'),
    ({'image': encoded((8, 8), 'L')}, 'is 8x8x1, not 8x8x3'),
    ({'image': encoded((8, 8), 'LA')}, 'is 8x8x2, not 8x8x3'),
    ({'image': encoded((8, 8), 'CMYK', 'TIFF')}, 'is 8x8x4, not 8x8x3'),
    ({'image': encoded((8, 8), 'I;16')}, 'has 16 bits per channel, not 8'),
  ],
)
def test_one_damaged_picture(photos, inspect, tmp_path, fields, words):
  spoil(photos, [1], **fields)
  status, printed, complaint = inspect(photos)
  assert status == 2
  warnings = [line for line in printed if line.startswith('warning')]
  assert len(warnings) == 1
  assert warnings[0].startswith(f'warning 1.png {words}')
  assert complaint == [f'error: {photos} {VERDICT.format(1)} (launch.py prepare)']
  assert '0 ant' not in printed
  assert '1 ant' in printed  # of two, one is damaged
  assert sheet(tmp_path).shape[0] == 3 * 64  # a row for each class


def test_one_damaged_record(photos, inspect):
  rewrite(photos, lambda number, found: b'\xff' * 50 if number == 4 else found)
  status, printed, complaint = inspect(photos)
  assert status == 2
  assert any(line.startswith('warning photos/1.0.0[4] cannot be read (') for line in printed)
  assert complaint == [f'error: {photos} {VERDICT.format(1)} (launch.py prepare)']


def test_everything_is_damaged(faces, inspect, tmp_path):
  spoil(faces, range(5), image=b'x')
  status, printed, complaint = inspect(faces)
  assert status == 2
  assert VERDICT.format(5) in complaint[-1]
  assert 'labels vectors of 2 (from labels.csv); means over the images:' in printed
  assert not (tmp_path / 'sheet.png').exists()
  assert not any('look at' in line or 'checked' in line for line in printed)


def test_many_are_damaged(tmp_path, inspect):
  folder = prepared_set(tmp_path / 'a' / '1.0.0', noise_pictures(12), [0] * 12, ['x'])
  spoil(folder, range(8), label=1)
  status, printed, complaint = inspect(folder)
  assert status == 2
  assert [line for line in printed if line.startswith('warning')] == [
    *(f'warning {i}.png has the label 1, but there are 1 classes' for i in range(5)),
    'warning 3 more images are damaged',
  ]
  assert '8 of 12 images' in complaint[0]


def test_labels_that_are_not_finite(faces, inspect):
  spoil(faces, [2], label=np.array([np.nan, 0], np.float32))
  status, printed, complaint = inspect(faces)
  assert status == 2
  assert 'warning 2.png has a label that is not finite' in printed
  assert VERDICT.format(1) in complaint[-1]


def test_names_of_another_number_of_components(faces, inspect):
  record = {**RECORD, 'labels': {'component_names': ['a', 'b', 'c']}}
  (faces / 'preparation.json').write_text(json.dumps(record))
  status, printed, complaint = inspect(faces)
  assert status == 2
  assert 'has changed since it was prepared' in complaint[-1]
  assert any(line.endswith(' component 1') for line in printed)


def test_escape_codes_stay_inside(faces, inspect):
  strings = {'source': 'a\x1b[31mb', 'kind': '\x1b[2J\n', 'format': '\x1b'}
  counts = {'reasons': {'\x1b[31m' * 100: 5}, 'in': 9, 'skipped': 4}
  (faces / 'preparation.json').write_text(json.dumps({**RECORD, **strings, 'counts': counts}))
  spoil(faces, [3], name='\x1b[31m\n' * 100, image=b'x')
  _, printed, complaint = inspect(faces)
  assert 'skipped 4, named in' in '\n'.join(printed)
  assert all(line.isprintable() for line in printed + complaint)


def test_a_set_of_various_kinds(tmp_path, inspect):
  """The sheet shows all in the channels that the set has."""
  pictures = [*noise_pictures(2), *noise_pictures(1, 4, 6)]
  folder = prepared_set(tmp_path / 'wild' / '1.0.0', pictures, [0, 0, 1], ['a', 'b'])
  palette = Image.fromarray(np.full((8, 8), 7, np.uint8), 'P')
  palette.putpalette([0] * 21 + [200, 100, 50])
  buffer = io.BytesIO()
  palette.save(buffer, 'PNG')
  spoil(folder, [0], image=buffer.getvalue())
  assert inspect(folder)[0] == 0
  found = sheet(tmp_path)
  margin = found.shape[1] - 2 * 64
  assert found[20, margin + 20].tolist() == [200, 100, 50]


def test_out_that_cannot_be_written(photos, tmp_path, capsys):
  (tmp_path / 'file').touch()
  status = launch.main(['inspect', f'--data={photos}', f'--out={tmp_path / "file" / "x.png"}'])
  assert status == 2
  assert 'name another --out' in capsys.readouterr().err


def command(records):
  """The words of the command that trains on a set, as a shell reads them."""
  return shlex.split(' '.join(how_to_train(records)[1:]).replace('\\\n', ''))


def test_how_to_train_is_quoted(tmp_path):
  folder = tmp_path / "it's $(touch x)" / 'a; b'
  folder.parent.mkdir()
  prepared_set(tmp_path / 'a' / '1.0.0', PICTURES).parent.rename(folder)
  words = command(Records(folder / '1.0.0'))
  assert f'--config.data.source={folder}' in words
  assert '--workdir=runs/a; b' in words


def test_how_to_train_on_this_very_set(tmp_path):
  """The folder above means its highest version."""
  first = prepared_set(tmp_path / 'a' / '1.0.0', PICTURES)
  assert f'--config.data.source={tmp_path / "a"}' in command(Records(first))
  prepared_set(tmp_path / 'a' / '1.1.0', PICTURES)
  assert f'--config.data.source={first}' in command(Records(first))
  assert '--workdir=runs/a' in command(Records(first))
  odd = tmp_path / 'a\x1b[31m'
  first.parent.rename(odd)
  assert how_to_train(Records(odd / '1.1.0')) == []
