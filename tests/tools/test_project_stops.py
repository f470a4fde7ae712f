"""The real command, killed and stopped: it goes on bit for bit."""

import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests import quick
from tests.helpers import saved_run
from tests.training.workplace import wait_until

ROOT = pathlib.Path(__file__).parents[2]
STEPS = 1500


class Place:
  """Starts the command in a folder of its own."""

  def __init__(self, path):
    self.path = path
    saved_run(path / 'run')

  def start(self, out, *flags):
    """The process; what it says goes to OUT.txt."""
    command = [sys.executable, ROOT / 'launch.py', 'project', f'--workdir={self.path / "run"}']
    command += ['--seeds=0-2', '--batch_size=2', f'--steps={STEPS}', '--save_every=0.05']
    env = quick.environment(cache=self.path / 'cache')
    with self.said(out).open('w') as file:
      command += [f'--out={self.path / out}', *flags]
      return subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)

  def run(self, out, *flags):
    """(exit status, what it said)."""
    status = self.start(out, *flags).wait(timeout=300)
    return status, self.said(out).read_text()

  def state(self, out):
    """The file of an unfinished batch."""
    return self.path / out / '.unfinished.npz'

  def said(self, out):
    return self.path / f'{out}.txt'

  def interrupt(self, out, number, batch=0):
    """Sends a signal once a batch has been saved; returns the exit status."""
    process = self.start(out)
    try:
      wait_until(process, lambda: self.batch(out) == batch)
      assert process.poll() is None, self.said(out).read_text()
      process.send_signal(number)
      return process.wait(timeout=60)
    finally:
      process.kill()
      process.wait()

  def batch(self, out):
    """Whose state is saved; None if there is none."""
    try:
      with np.load(self.state(out)) as file:
        return int(file['batch'])
    except FileNotFoundError:
      return None


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  place = Place(tmp_path_factory.mktemp('project'))
  status, said = place.run('whole')
  assert status == 0, said
  return place


def contents(path):
  return {file.name: file.read_bytes() for file in path.iterdir() if file.name != '.lock'}


def test_killed_in_each_batch(place):
  """Never a half file; at the end the files of a run that nobody stopped."""
  for batch in (0, 1):
    assert place.interrupt('killed', signal.SIGKILL, batch) == -signal.SIGKILL
  assert {file.name for file in (place.path / 'killed').glob('seed*.npz')} == {
    'seed0000.npz',
    'seed0001.npz',
  }
  status, said = place.run('killed')
  assert status == 0, said
  assert 'going on from step' in said
  assert contents(place.path / 'killed') == contents(place.path / 'whole')


def test_stopped(place):
  """Each signal saves and says so; the same command goes on."""
  for number in (signal.SIGINT, signal.SIGTERM):
    shutil.rmtree(place.path / 'stopped', ignore_errors=True)
    assert place.interrupt('stopped', number) == 75
    said = place.said('stopped').read_text()
    assert 'stopped and saved at step' in said
    assert 'Traceback' not in said
  status, said = place.run('stopped')
  assert (status, 'going on from step' in said) == (0, True), said
  assert contents(place.path / 'stopped') == contents(place.path / 'whole')


def test_state_that_is_damaged_or_of_other_settings(place):
  assert place.interrupt('damaged', signal.SIGTERM) == 75
  status, said = place.run('damaged', '--space=w+')
  assert (status, 'holds a projection with space w, not w+' in said) == (2, True), said
  state = place.state('damaged')
  state.write_bytes(state.read_bytes()[:-100])
  status, said = place.run('damaged')
  assert status == 2
  (line,) = (line for line in said.splitlines() if line.startswith('error'))
  assert '.unfinished.npz is damaged' in line
  assert 'remove it, and this batch begins anew' in line
  state.unlink()
  assert place.run('damaged')[0] == 0
  assert contents(place.path / 'damaged') == contents(place.path / 'whole')


def test_two_at_once(place):
  process = place.start('twice')
  try:
    wait_until(process, lambda: place.batch('twice') == 0)
    process.send_signal(signal.SIGSTOP)  # so that it does not end meanwhile
    status, said = place.run('twice')
    assert status == 2, said
    assert 'another projection is running in' in said
  finally:
    process.kill()
    process.wait()
