"""The lock of a workdir: one training at a time, whatever becomes of it."""

import contextlib
import fcntl
import subprocess
import sys

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.workdir_lock import WorkdirLock


@pytest.fixture
def path(tmp_path):
  return tmp_path / '.lock'


@contextlib.contextmanager
def taken(path):
  """As if a training had it."""
  lock = WorkdirLock(path)
  lock.take()
  try:
    yield
  finally:
    lock.close()
    lock.close()


def refusal(act):
  with pytest.raises(UserError) as error:
    act()
  return str(error.value)


def test_a_second_one_is_refused_until_the_first_ends(path):
  lock = WorkdirLock(path)
  with taken(path):
    for act in (lock.take, lock.check):
      assert refusal(act) == (
        f'another training is running in workdir {path.parent}: stop it or name another'
      )
  lock.check()
  lock.take()
  lock.close()


def test_it_ends_with_a_killed_process(path):
  script = (
    'import os, pathlib, sys\n'
    'from stylegan2_jax.workdir_lock import WorkdirLock\n'
    'lock = WorkdirLock(pathlib.Path(sys.argv[1]))\n'
    'lock.take()\n'
    'os.kill(os.getpid(), 9)\n'
  )
  ended = subprocess.run([sys.executable, '-c', script, str(path)], check=False)
  assert ended.returncode == -9
  with taken(path):
    pass


def test_whether_a_training_has_it(path):
  lock = WorkdirLock(path)
  assert lock.is_taken() is False
  lock.check()
  assert not path.exists()
  with taken(path):
    assert lock.is_taken() is True
  assert lock.is_taken() is False


def test_one_who_looks_is_waited_for(path, monkeypatch):
  """Looking takes the lock for a moment, in which a training may begin."""
  tries = []
  flock = fcntl.flock

  def busy_once(file, how):
    tries.append(how)
    if len(tries) == 1:
      raise BlockingIOError(11, 'Resource temporarily unavailable')
    flock(file, how)

  monkeypatch.setattr('fcntl.flock', busy_once)
  with taken(path):
    assert len(tries) == 2


def test_a_file_system_without_locks(path, monkeypatch):
  def fails(*unused):
    raise OSError(37, 'No locks available')

  path.touch()
  monkeypatch.setattr('fcntl.flock', fails)
  lock = WorkdirLock(path)
  for act in (lock.take, lock.check):
    assert refusal(act) == (
      f'cannot lock {path} (No locks available): put the workdir on a file system with locks'
    )
  assert lock.is_taken() is None


def test_a_file_that_cannot_be_written(path, tmp_path):
  path.mkdir()
  with pytest.raises(IsADirectoryError):
    WorkdirLock(path).take()
