"""A run that is killed again and again ends as one that never was, to the bit."""

import random
import signal
import time

import pytest

from tests.helpers import assert_trees_equal
from tests.training.workplace import Workplace, wait_until

STEPS, EVERY = 150, 3
KILLS = 3


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """With a run that never stopped."""
  place = Workplace(tmp_path_factory.mktemp('kills'))
  done = place.train('straight', STEPS, every=EVERY)
  assert done.returncode == 0, done.stderr
  return place


def assert_same_end(place, name):
  assert_trees_equal(place.state(name, STEPS), place.state('straight', STEPS))
  assert place.numbers(name) == place.numbers('straight')
  left = sorted(p.name for p in (place.path / name / 'checkpoints').iterdir())
  assert left == sorted(str(step) for step in (STEPS - EVERY, STEPS))
  fakes = [sorted((place.path / n).glob('fakes-*.png')) for n in (name, 'straight')]
  assert [p.name for p in fakes[0]] == [p.name for p in fakes[1]]
  assert [p.read_bytes() for p in fakes[0]] == [p.read_bytes() for p in fakes[1]]


def stop_in_a_save(place, name, process):
  """Stops a process for the moment while a checkpoint is half written; returns what is there."""
  folder = place.path / name / 'checkpoints'

  def half_written():
    return {p.name for p in folder.glob('*.orbax-checkpoint-tmp*')}

  while process.poll() is None:
    wait_until(process, half_written)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)  # until all its threads stand still
    if found := half_written():
      return found
    process.send_signal(signal.SIGCONT)
  raise AssertionError(place.said(name))


def test_sigkill_in_a_save(place):
  """The half of a checkpoint does not count, and is gone at the end."""
  process = place.start('saving', STEPS, every=EVERY)
  try:
    place.wait_for_steps('saving', 2 * EVERY + 1, process)
    left = stop_in_a_save(place, 'saving', process)
  finally:
    process.kill()
    process.wait()
  folder = place.path / 'saving' / 'checkpoints'
  assert left <= {p.name for p in folder.iterdir()}
  assert 0 < place.last_step('saving') < STEPS
  done = place.train('saving', STEPS, every=EVERY)
  assert (done.returncode, done.stderr) == (0, '')
  assert_same_end(place, 'saving')


def kill(place, words, wait):
  """Kills a process some time after it has said some words; returns the newest step then."""
  process = place.start('killed', STEPS, every=EVERY)
  try:
    place.wait_for_words('killed', words, process)
    wait(process)
    ended = process.poll()
  finally:
    process.kill()
    process.wait()
  assert ended is None, f'it is over: {place.said("killed")}'
  return place.last_step('killed')


def test_sigkill_at_random_moments(place):
  """While it starts; before the first checkpoint; in the middle of steps, grids, checkpoints."""
  moments, reached = random.Random(1), []
  for words, seconds in (('compiling', 0.5), *[('training from', 2.0)] * KILLS):
    reached.append(kill(place, words, lambda _, s=seconds: time.sleep(moments.uniform(0, s))))
  # On a slow machine all these may come before a second checkpoint: once more, after it.
  after = 3 * EVERY + 1  # when step 3 * EVERY is saved, 2 * EVERY is on the disk
  reached.append(kill(place, 'training from', lambda p: place.wait_for_steps('killed', after, p)))
  assert reached == sorted(reached)
  assert reached[-1] >= 2 * EVERY
  done = place.train('killed', STEPS, every=EVERY)
  assert done.returncode == 0, done.stderr
  assert_same_end(place, 'killed')


def test_signals_and_the_time_limit(place):
  """Each saves at the next step and says 'preempted'; what follows is another process."""
  for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    after = len(place.numbers('stopped')) + 5 if (place.path / 'stopped').exists() else 5
    status, said = place.train_and_stop('stopped', number, after, STEPS, every=EVERY)
    assert status == 75, said
    assert f'stopped and saved at step {place.last_step("stopped")} ' in said
    assert place.numbers('stopped')[-1]['step'] == place.last_step('stopped')
  before = place.last_step('stopped')
  done = place.train('stopped', STEPS, every=EVERY, flags=['--time_limit=1s'])
  assert (done.returncode, done.stderr) == (75, '')
  assert place.last_step('stopped') == before + 1  # compiling took longer than the limit
  done = place.train('stopped', STEPS, every=EVERY)
  assert done.returncode == 0, done.stderr
  assert_same_end(place, 'stopped')
