import re

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.errors import UserError
from stylegan2_jax.tools.progress import progress_command
from tests.reporting.runs import make_run

GRIDS = [0.0, 1.0, 2.5, 5.0]


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'run'


def lines(capsys):
  return [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_the_table_that_is_printed(path, tmp_path, capsys):
  make_run(path, steps=50, grids=GRIDS)
  progress_command(path, str(tmp_path / 'a.mp4'), 2.0, None)
  *table, wrote = lines(capsys)
  assert table == [
    'elapsed kimg grid',
    '0:00:00 0 fakes-000000.png',
    '0:00:20 1 fakes-000001.png',
    '0:00:50 2.5 fakes-000002.500.png',
    '0:01:40 5 fakes-000005.png',
  ]
  assert re.fullmatch(rf'wrote {tmp_path}/a\.mp4: 4 of 4 grids in 2 s, \d+\.\d KiB', wrote)


def test_time_that_stood_still_does_not_count(path, tmp_path, capsys):
  """Runs of older versions have no elapsed time: it is the sum of the steps'."""
  make_run(path, steps=50, grids=GRIDS, clock=False)
  progress_command(path, str(tmp_path / 'a.gif'), 2.0, None)
  assert lines(capsys)[2:4] == ['0:00:20 1 fakes-000001.png', '0:00:50 2.5 fakes-000002.500.png']


def test_a_grid_whose_numbers_are_lost(path, tmp_path, capsys):
  make_run(path, steps=20, grids=GRIDS)
  progress_command(path, str(tmp_path / 'a.gif'), 2.0, None)
  assert lines(capsys)[2:5] == [
    '0:00:20 1 fakes-000001.png',
    '? 2.5 fakes-000002.500.png',
    '? 5 fakes-000005.png',
  ]


def test_a_damaged_line_is_passed_over(path, tmp_path, capsys):
  """And said once; what came before and after counts."""
  run = make_run(path, steps=50, grids=GRIDS)
  lines = run.stats.path.read_text().splitlines()
  lines[29] = lines[29].replace('{', '')
  run.stats.path.write_text('\n'.join([*lines, '']))
  progress_command(path, str(tmp_path / 'a.gif'), 2.0, None)
  said = capsys.readouterr()
  assert said.err == (
    f'warning: {run.stats.path} is damaged in line 30: passed over, remove that line\n'
  )
  assert '0:01:40     5  fakes-000005.png' in said.out


def test_numbers_that_cannot_be_read(path, tmp_path):
  run = make_run(path, grids=GRIDS)
  run.stats.path.mkdir()
  assert complaint(path, tmp_path / 'a.gif') == f'cannot read {run.stats.path}: Is a directory'


def test_long_runs_print_a_choice(path, tmp_path, capsys):
  make_run(path, grids=[float(i) for i in range(200)], size=(2, 2))
  progress_command(path, str(tmp_path / 'a.webp'), 1.0, None)
  printed = lines(capsys)
  assert len(printed) == 33
  assert printed[1].endswith('fakes-000000.png')
  assert printed[30].endswith('fakes-000199.png')
  assert printed[31] == f'(30 of the 200 grids in {path})'
  assert 'a.webp: 19 of 200 grids' in printed[32]


@pytest.mark.parametrize('name', ['a.mp4', 'a.GIF', 'a.webp'])
def test_forms(path, tmp_path, name):
  make_run(path, steps=50, grids=GRIDS)
  out = tmp_path / 'new' / name
  progress_command(path, str(out), 1.0, 48)
  start = out.read_bytes()[:12]
  if name == 'a.mp4':
    assert start[4:8] == b'ftyp'
  else:
    with Image.open(out) as image:
      assert image.format == name[2:].upper()
      assert (image.n_frames, image.width) == (4, 48)
  assert [entry.name for entry in out.parent.iterdir()] == [name]


def test_markdown(path, tmp_path):
  make_run(path, steps=50, grids=GRIDS)
  out = tmp_path / 'my run.md'
  progress_command(path, str(out), 1.0, None)
  assert out.read_text() == (
    '| training time | kimg | images |\n'
    '| ---: | ---: | --- |\n'
    '| 0:00:00 | 0 | ![after 0 kimg](my%20run_grids/fakes-000000.jpg) |\n'
    '| 0:00:20 | 1 | ![after 1 kimg](my%20run_grids/fakes-000001.jpg) |\n'
    '| 0:00:50 | 2.5 | ![after 2.5 kimg](my%20run_grids/fakes-000002.500.jpg) |\n'
    '| 0:01:40 | 5 | ![after 5 kimg](my%20run_grids/fakes-000005.jpg) |\n'
  )
  with Image.open(tmp_path / 'my run_grids' / 'fakes-000005.jpg') as image:
    np.testing.assert_allclose(image.getpixel((3, 3)), (5, 0, 0), atol=3)
    assert image.size == (32, 16)


def test_a_markdown_table_again_leaves_no_old_pictures(path, tmp_path):
  make_run(path, grids=[float(i) for i in range(30)], size=(4, 4))
  out, folder = tmp_path / 'a.md', tmp_path / 'a_grids'
  folder.mkdir()
  (folder / 'fakes-000099.jpg').write_text('old')
  (folder / 'mine.jpg').write_text('keep')
  progress_command(path, str(out), 1.0, 2)
  names = sorted(entry.name for entry in folder.iterdir())
  assert len(names) == 13
  assert names[-1] == 'mine.jpg'
  assert (names[0], names[11]) == ('fakes-000000.jpg', 'fakes-000029.jpg')
  with Image.open(folder / names[0]) as image:
    assert image.size == (2, 2)


def test_the_run_is_not_touched(path, tmp_path):
  make_run(path, steps=5, grids=[0.0])
  before = {entry.name: entry.stat().st_mtime_ns for entry in path.iterdir()}
  progress_command(path, str(tmp_path / 'a.mp4'), 1.0, None)
  assert {entry.name: entry.stat().st_mtime_ns for entry in path.iterdir()} == before


def complaint(path, out):
  with pytest.raises(UserError) as error:
    progress_command(path, str(out), 1.0, None)
  assert '\n' not in str(error.value)
  return str(error.value)


def test_no_grid_yet(path, tmp_path):
  make_run(path)
  words = f'there is no grid in {path} yet: the first comes with the first step'
  assert complaint(path, tmp_path / 'a.mp4') == words


def test_no_run(path, tmp_path):
  assert 'no run in' in complaint(path, tmp_path / 'a.mp4')


@pytest.mark.parametrize('name', ['a.avi', 'a', '.mp4'])
def test_forms_that_are_not_known(path, name):
  make_run(path, grids=[0.0])
  words = f'--out={name} must end in one of .mp4, .webp, .gif, .md'
  assert complaint(path, name) == words


def test_damaged_grid(path, tmp_path):
  run = make_run(path, grids=[0.0, 1.0])
  run.fakes_path(1.0).write_text('no picture')
  for name in ('a.mp4', 'a.md'):
    words = complaint(path, tmp_path / name)
    assert words.startswith(f'cannot read the grid {run.fakes_path(1.0)} (')
  assert not (tmp_path / 'a.mp4').exists()


@pytest.mark.parametrize('name', ['a.mp4', 'a.gif', 'a.webp', 'a.md'])
def test_a_place_that_cannot_be_written(path, tmp_path, name):
  make_run(path, grids=[0.0])
  (tmp_path / 'file').write_text('')
  out = tmp_path / 'file' / name
  assert complaint(path, out) == f'cannot write {out}: File exists; name another --out'
  (tmp_path / name).mkdir()
  words = f'cannot write {tmp_path / name}: Is a directory; name another --out'
  assert complaint(path, tmp_path / name) == words
