"""The commands `prepare` and `inspect`: their reports, contact sheets and exit statuses."""

import json

import numpy as np
import pytest
from PIL import Image

import launch

COLOURS = {'ants': (200, 0, 0), 'bees': (0, 200, 0), 'wasps': (0, 0, 200)}


@pytest.fixture
def photos(tmp_path):
  """Three classes with 3, 2 and 1 plain pictures, one of them twice, and a file that is none."""
  for number, (name, colour) in enumerate(COLOURS.items()):
    (tmp_path / 'photos' / name).mkdir(parents=True)
    for i in range(3 - number):
      shade = tuple(max(0, c - 20 * i) for c in colour)
      Image.new('RGB', (16, 16), shade).save(tmp_path / 'photos' / name / f'{i}.png')
  Image.new('RGB', (16, 16), COLOURS['ants']).save(tmp_path / 'photos' / 'ants' / 'again.bmp')
  (tmp_path / 'photos' / 'notes.txt').write_text('dear diary')
  return tmp_path / 'photos'


@pytest.fixture
def prepared(photos, tmp_path, capsys):
  """(folder of the set, what `prepare` printed)."""
  out = tmp_path / 'sets' / 'insects'
  command = ['prepare', f'--source={photos}', f'--out={out}', '--labels=folders', '--workers=0']
  assert launch.main(command) == 0
  return out / '1.0.0', capsys.readouterr().out


def inspect(folder, tmp_path, capsys):
  """(exit status, standard output, standard error)."""
  status = launch.main(['inspect', f'--data={folder}', f'--out={tmp_path / "sheet.png"}'])
  return status, *capsys.readouterr()


def rows(text):
  """The lines of a report without spaces at their ends."""
  return [' '.join(line.split()) for line in text.splitlines()]


def test_report(prepared, photos):
  folder, printed = prepared
  lines = rows(printed)
  assert lines[0].startswith('insects/1.0.0: 7 images of 16x16x3, ')
  for line in (
    f'made of folder {photos}',
    'in 8',
    'out 7',
    f'skipped 1, named in {folder / "skipped.csv"}',
    '1 is no image by its ending',
    'labels 3 classes (from folder names)',
    '4 ants',
    '2 bees',
    '1 wasps',
    'warning 1 duplicates: ants/again.bmp = ants/0.png',
    f'look at {folder / "contact.png"}',
  ):
    assert line in lines, (line, printed)
  assert '--config.data.labels=True' in lines[-1]


def test_contact_sheet_has_a_row_for_each_class(prepared):
  folder, _ = prepared
  sheet = np.asarray(Image.open(folder / 'contact.png'))
  assert sheet.shape[0] == 3 * 64
  margin = sheet.shape[1] - 4 * 64  # as many cells as the largest class has pictures
  assert margin > 20
  for row, colour in enumerate(COLOURS.values()):
    cells = sheet[64 * row + 32, margin + 32 :: 64]
    last = 20 * (2 - row)
    expected = [tuple(max(0, c - shade) for c in colour) for shade in range(0, last + 1, 20)]
    found = [tuple(int(v) for v in cell) for cell in cells if cell.any()]
    assert set(found) == set(expected)
    assert (sheet[64 * row : 64 * row + 64, :margin] > 128).any()  # its name


def test_inspect_says_the_same(prepared, tmp_path, capsys):
  folder, printed = prepared
  status, again, _ = inspect(folder, tmp_path, capsys)
  assert status == 0
  assert 'checked all pixels and labels are as they were prepared' in rows(again)
  said = {line for line in rows(printed) if not line.startswith('look at')}  # at another sheet
  assert said < set(rows(again))
  sheets = [
    np.asarray(Image.open(path)) for path in (tmp_path / 'sheet.png', folder / 'contact.png')
  ]
  np.testing.assert_array_equal(*sheets)


def test_inspect_finds_what_has_changed(prepared, tmp_path, capsys):
  folder, _ = prepared
  record = json.loads((folder / 'preparation.json').read_text())
  record['content'] = 'f' * 32
  (folder / 'preparation.json').write_text(json.dumps(record))
  status, printed, complaint = inspect(folder, tmp_path, capsys)
  assert status == 2
  assert 'has changed since it was prepared' in complaint
  assert complaint.count('\n') == 1
  assert 'as they were prepared' not in printed


@pytest.mark.parametrize(
  'record', ['[]', '{', '{"transform": 3}', '{"counts": {"reasons": {"x": "y"}}}', '"\\u001b"']
)
def test_inspect_survives_any_record(prepared, tmp_path, capsys, record):
  folder, _ = prepared
  (folder / 'preparation.json').write_text(record)
  status, printed, complaint = inspect(folder, tmp_path, capsys)
  assert status == 0
  assert 'is damaged and ignored' in complaint
  assert rows(printed)[0].startswith('insects/1.0.0: 7 images')
  assert '4 ants' in rows(printed)


def test_inspect_finds_other_class_names(prepared, tmp_path, capsys):
  folder, _ = prepared
  (folder / 'label.labels.txt').write_text('ants\nbees\nflies\n')
  status, _, complaint = inspect(folder, tmp_path, capsys)
  assert status == 2
  assert 'has changed since it was prepared' in complaint


def test_most_skipped_is_a_warning(photos, tmp_path, capsys):
  for path in photos.rglob('*.png'):
    path.write_bytes(path.read_bytes()[:40])
  command = ['prepare', f'--source={photos}', f'--out={tmp_path / "few"}', '--workers=0']
  assert launch.main(command) == 0
  captured = capsys.readouterr()
  assert 'warning most images were skipped: look at the reasons above' in rows(captured.out)
  assert 'sub-folders (ants, bees, wasps) can be classes' in captured.err


def test_damaged_shard(prepared, tmp_path, capsys):
  folder, _ = prepared
  (shard,) = folder.glob('*.array_record*')
  content = bytearray(shard.read_bytes())
  content[len(content) // 2 :] = b''
  shard.write_bytes(content)
  status, _, complaint = inspect(folder, tmp_path, capsys)
  assert status == 2
  assert shard.name in complaint


def test_nothing_there(tmp_path, capsys):
  status, _, complaint = inspect(tmp_path / 'nowhere', tmp_path, capsys)
  assert status == 2
  assert complaint.startswith('error: --data=')
  status = launch.main(['prepare', f'--source={tmp_path / "no.zip"}', f'--out={tmp_path / "set"}'])
  assert status == 2
  assert 'does not exist' in capsys.readouterr().err


@pytest.mark.parametrize('counts', [None, {}, {'out': 7, 'bytes': 'x'}])
def test_prepared_already_by_another_version(prepared, photos, capsys, counts):
  """What the file does not say is read out of the pictures."""
  folder, printed = prepared
  record = json.loads((folder / 'preparation.json').read_text())
  (folder / 'preparation.json').write_text(json.dumps({**record, 'counts': counts or {}}))
  if counts is None:
    del record['counts']
    (folder / 'preparation.json').write_text(json.dumps(record))
  out = folder.parent
  command = ['prepare', f'--source={photos}', f'--out={out}', '--labels=folders', '--workers=0']
  assert launch.main(command) == 0
  again = rows(capsys.readouterr().out)
  assert again[0] == rows(printed)[0]
  assert {'4 ants', '2 bees', '1 wasps'} < set(again)
  assert 'warning 1 duplicates: ants/again.bmp = ants/0.png' in again
