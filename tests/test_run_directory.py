"""The folder of a run: who may write, what is kept, what is refused."""

import dataclasses
import os
import subprocess
import sys

import pytest

from stylegan2_jax import config as config_lib
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory, saved_steps

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


def test_second_training_is_refused_until_the_first_ends(run_dir):
  first = RunDirectory(run_dir).open(SETTINGS)
  with pytest.raises(UserError, match='another training is running'):
    RunDirectory(run_dir).open(SETTINGS)
  first.close()
  first.close()
  RunDirectory(run_dir).open(SETTINGS).close()


def test_lock_ends_with_a_killed_process(run_dir):
  script = (
    'import os, sys\n'
    'from stylegan2_jax.config import Settings\n'
    'from stylegan2_jax.run_directory import RunDirectory\n'
    'run = RunDirectory(sys.argv[1]).open(Settings())\n'
    'os.kill(os.getpid(), 9)\n'
  )
  ended = subprocess.run([sys.executable, '-c', script, str(run_dir)], check=False)
  assert ended.returncode == -9
  RunDirectory(run_dir).open(SETTINGS).close()


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


def test_a_file_system_without_locks(run_dir, monkeypatch):
  def fails(*unused):
    raise OSError(37, 'No locks available')

  monkeypatch.setattr('fcntl.flock', fails)
  with pytest.raises(UserError, match=r'^cannot lock .*\.lock \(No locks available\): put the wor'):
    RunDirectory(run_dir).open(SETTINGS)
  assert RunDirectory(run_dir).is_locked() is None


def test_whether_a_training_has_it(run_dir):
  run = RunDirectory(run_dir)
  assert run.is_locked() is False
  with RunDirectory(run_dir).open(SETTINGS):
    assert run.is_locked() is True
  assert run.is_locked() is False


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
