"""The folder of a run: who may write, what is kept, what is refused."""

import dataclasses
import os
import types

import pytest

from stylegan2_jax import config as config_lib
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.settings import Settings

SETTINGS = Settings()


def tree(path):
  """Every file below a path with its content."""
  return {p: p.read_bytes() for p in sorted(path.rglob('*')) if p.is_file()}


def test_building_one_touches_nothing(run_dir):
  run = RunDirectory(run_dir)
  assert not run.exists()
  assert not run_dir.exists()
  with pytest.raises(UserError, match=r'no run in .*run: config\.json is missing'):
    run.read_settings()


def test_open_writes_the_config(run_dir):
  with RunDirectory(run_dir / 'deep').open(SETTINGS) as run:
    assert run.exists()
    assert run.checkpoints_path.is_dir()
    assert run.read_settings() == SETTINGS
    assert RunDirectory(run_dir / 'deep').read_settings() == SETTINGS


def test_paths(run_dir):
  run = RunDirectory(run_dir)
  assert run.fakes_path(5.0) == run_dir / 'fakes-000005.png'
  assert run.fakes_path(5.016) == run_dir / 'fakes-000005.016.png'
  assert run.fakes_path(25_000) == run_dir / 'fakes-025000.png'
  assert run.reals_path == run_dir / 'reals.png'
  assert run.log_path == run_dir / 'log.txt'


def test_grids_come_in_the_order_of_training(run_dir):
  run = RunDirectory(run_dir).open(SETTINGS)
  grids = [0.0, 0.008, 5.0, 5.016, 40.0, 1_000_000.0]
  for kimg in reversed(grids):
    run.fakes_path(kimg).touch()
  for other in ('fakes-1.png', 'fakes-000005.png.tmp', 'fakes-old.png'):
    (run_dir / other).touch()
  assert run.fakes() == [(kimg, run.fakes_path(kimg)) for kimg in grids]
  run.close()


def test_resume_takes_over_what_may_change(run_dir):
  RunDirectory(run_dir).open(SETTINGS).close()
  longer = dataclasses.replace(SETTINGS, train=dataclasses.replace(SETTINGS.train, total_kimg=9.0))
  with RunDirectory(run_dir).open(longer) as run:
    assert run.read_settings() == SETTINGS  # there may still be a reason not to go on
    run.write_settings(longer)
  assert RunDirectory(run_dir).read_settings() == longer


def test_another_config_is_refused_and_nothing_touched(run_dir):
  RunDirectory(run_dir).open(SETTINGS).close()
  before = tree(run_dir)
  train = dataclasses.replace(SETTINGS.train, batch_size=64, total_kimg=9.0)
  other = dataclasses.replace(SETTINGS, seed=1, train=train)
  with pytest.raises(UserError, match=r'\(seed: 0 -> 1; train\.batch_size: 32 -> 64\)'):
    RunDirectory(run_dir).open(other)
  assert tree(run_dir) == before
  RunDirectory(run_dir).open(SETTINGS).close()  # the lock was given back


def test_damaged_config_is_refused_and_nothing_touched(run_dir):
  RunDirectory(run_dir).open(SETTINGS).close()
  (run_dir / 'config.json').write_text(config_lib.to_json(SETTINGS)[:50])
  before = tree(run_dir)
  with pytest.raises(UserError, match=r'config\.json is not valid JSON'):
    RunDirectory(run_dir).open(SETTINGS)
  assert tree(run_dir) == before


def test_a_file_is_no_workdir(tmp_path):
  (tmp_path / 'file').write_text('precious')
  with pytest.raises(UserError, match='is a file: name a folder'):
    RunDirectory(tmp_path / 'file').open(SETTINGS)
  with pytest.raises(UserError, match='cannot use workdir'):
    RunDirectory(tmp_path / 'file' / 'run').open(SETTINGS)
  assert tree(tmp_path) == {tmp_path / 'file': b'precious'}


def test_a_folder_of_something_else_is_no_workdir(tmp_path):
  (tmp_path / 'thesis.tex').write_text('precious')
  with pytest.raises(UserError, match=r'holds other files \(thesis\.tex, \.\.\.\) and no run'):
    RunDirectory(tmp_path).open(SETTINGS)
  assert tree(tmp_path) == {tmp_path / 'thesis.tex': b'precious'}


def test_unwritable_folder(run_dir, monkeypatch):
  def refuses(self, *unused, **also_unused):
    raise PermissionError(13, 'Permission denied')

  monkeypatch.setattr('pathlib.Path.mkdir', refuses)
  with pytest.raises(UserError, match=r'cannot use workdir .*: Permission denied; name another'):
    RunDirectory(run_dir).open(SETTINGS)


def refusal(act, *args):
  with pytest.raises(UserError) as error:
    act(*args)
  assert '\n' not in str(error.value)
  return str(error.value)


def place(path, name):
  """A path that cannot be a workdir, and the beginning of what is said."""
  at = path / name
  if name == 'file':
    at.write_text('precious')
    return at, f'workdir {at} is a file: name a folder'
  if name == 'file/run':
    (path / 'file').write_text('precious')
    return at, f'cannot use workdir {at}: Not a directory; name another'
  if name == 'folder':
    at.mkdir()
    (at / 'thesis.tex').write_text('precious')
    return at, f'workdir {at} holds other files (thesis.tex, ...) and no run'
  (path / 'link').symlink_to(path / 'nowhere')
  if name == 'link':
    return at, f'workdir {at} links to {path / "nowhere"}, which is not there: mend that'
  return at, f'cannot use workdir {at}: File exists; name another'


@pytest.mark.parametrize('name', ['file', 'file/run', 'folder', 'link', 'link/run'])
def test_checking_refuses_what_opening_does(tmp_path, name):
  path, words = place(tmp_path, name)
  before = sorted(tmp_path.rglob('*'))
  checked = refusal(RunDirectory(path).check, SETTINGS)
  assert checked.startswith(words)
  assert refusal(RunDirectory(path).open, SETTINGS) == checked
  assert sorted(tmp_path.rglob('*')) == before


def test_checking_touches_nothing(run_dir):
  RunDirectory(run_dir).check(SETTINGS)
  assert not run_dir.exists()
  RunDirectory(run_dir).open(SETTINGS).close()
  (run_dir / '.lock').unlink()
  before = sorted(run_dir.rglob('*'))
  RunDirectory(run_dir).check(SETTINGS)
  assert sorted(run_dir.rglob('*')) == before


def test_checking_a_folder_that_is_in_use(run_dir):
  with RunDirectory(run_dir).open(SETTINGS):
    checked = refusal(RunDirectory(run_dir).check, SETTINGS)
    assert checked == refusal(RunDirectory(run_dir).open, SETTINGS)
  assert checked == (f'another training is running in workdir {run_dir}: stop it or name another')
  RunDirectory(run_dir).check(SETTINGS)


@pytest.mark.parametrize(
  ('flags', 'words'), [(os.ST_RDONLY, 'Read-only file system'), (0, 'Permission denied')]
)
def test_checking_what_cannot_be_written(run_dir, monkeypatch, flags, words):
  monkeypatch.setattr('os.access', lambda path, mode: False)
  monkeypatch.setattr('os.statvfs', lambda path: types.SimpleNamespace(f_flag=flags))
  checked = refusal(RunDirectory(run_dir).check, SETTINGS)
  assert checked == f'cannot use workdir {run_dir}: {words}; name another'
  run_dir.mkdir()
  checked = refusal(RunDirectory(run_dir).check, SETTINGS)
  assert checked == f'cannot write into workdir {run_dir}: {words}'


def test_checkpoints_that_are_lost(run_dir):
  """Numbers without the folder of checkpoints, which is made before the first of them."""
  run = RunDirectory(run_dir).open(SETTINGS)
  run.checkpoints_path.rmdir()
  run.close()
  RunDirectory(run_dir).check(SETTINGS)  # as where a process ended before it made the folder
  run.stats.append({'step': 7, 'kimg': 0.5})
  run.close()
  words = (
    f'{run.checkpoints_path} is not there, but {run.stats.path} has 7 steps: bring that folder'
  )
  for act in (RunDirectory(run_dir).check, RunDirectory(run_dir).open):
    assert refusal(act, SETTINGS).startswith(words)
    assert not run.checkpoints_path.exists()
  run.checkpoints_path.mkdir()
  RunDirectory(run_dir).open(SETTINGS).close()


def test_reading_needs_no_lock(run_dir):
  with RunDirectory(run_dir).open(SETTINGS):
    assert RunDirectory(run_dir).read_settings() == SETTINGS
    assert os.listdir(run_dir)


@pytest.mark.parametrize('method', ['open', 'mkdir', 'replace', 'touch'])
def test_a_disk_that_is_full(run_dir, monkeypatch, method):
  run_dir.mkdir()

  def fails(self, *unused, **also_unused):
    if self != run_dir:
      raise OSError(28, 'No space left on device')

  monkeypatch.setattr(f'pathlib.Path.{method}', fails)
  with pytest.raises(UserError, match=r'^cannot write into workdir .*run: No space left'):
    RunDirectory(run_dir).open(SETTINGS)


def test_the_end_of_the_log(run_dir):
  run = RunDirectory(run_dir)
  assert run.last_log_lines(5) == []
  run_dir.mkdir()
  run.log_path.write_bytes(b'one\ntwo\x1b[2J \xff\nthree\nfou')
  assert run.last_log_lines(3) == ['two [2J \ufffd', 'three', 'fou']
  assert run.last_log_lines(9) == ['one', 'two [2J \ufffd', 'three', 'fou']
  run.log_path.write_text(''.join(f'line {i:06d}\n' for i in range(50_000)))
  lines = run.last_log_lines(50_000)  # as many as are looked at, and no half of one
  assert lines == [f'line {i:06d}' for i in range(50_000 - len(lines), 50_000)]
  assert 1000 < len(lines) < 10_000
  run.log_path.write_text('x' * 1000)
  assert run.last_log_lines(1) == ['x' * 297 + '...']


def test_steps_that_were_saved(tmp_path):
  assert saved_steps(tmp_path / 'checkpoints') == []
  for name in ('50', '9', '60.orbax-checkpoint-tmp', 'old'):
    (tmp_path / name).mkdir()
  (tmp_path / '70').touch()
  assert saved_steps(tmp_path) == [9, 50]
