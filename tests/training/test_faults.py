"""What goes wrong on real machines: each fault is one line, loses nothing, and can be mended."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.helpers import assert_trees_equal
from tests.required import missing
from tests.training.workplace import BATCH, Workplace, contents

STEPS, EVERY = 12, 2


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """With a run that met no fault."""
  place = Workplace(tmp_path_factory.mktemp('faults'))
  done = place.train('straight', STEPS, every=EVERY)
  assert done.returncode == 0, done.stderr
  return place


@pytest.fixture(scope='module')
def half(place):
  """The name of a run that did half of the steps, to copy."""
  assert place.train('half', STEPS // 2, every=EVERY).returncode == 0
  return 'half'


@pytest.fixture
def halfway(place, half, request):
  """(name, folder) of such a run for one test, which can go on."""
  name = request.node.name
  return name, place.copy(half, name)


def assert_goes_on(place, name, **options):
  """The run ends as the one that met no fault."""
  done = place.train(name, STEPS, every=EVERY, **options)
  assert done.returncode == 0, done.stderr
  assert_trees_equal(place.state(name, STEPS), place.state('straight', STEPS))
  assert place.numbers(name) == place.numbers('straight')


def refusal(done, status=2):
  """The one line with which a command ended."""
  assert done.returncode == status, done.stdout + done.stderr
  *warnings, last = done.stderr.splitlines()
  assert not warnings, done.stderr
  assert last.startswith('error: ')
  return done.stderr


@contextlib.contextmanager
def small_disk(folder, megabytes):
  """A file system of its own in a folder."""
  folder.mkdir()
  command = ['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m', 'tmpfs', folder]
  mounted = subprocess.run(command, capture_output=True, text=True, check=False)
  if mounted.returncode:
    missing(f'mounting a file system is not allowed here: {mounted.stderr.strip()}')
  try:
    yield
  finally:
    subprocess.run(['umount', '--lazy', folder], check=True)


def test_a_full_disk(place):
  """Checkpoints stay until there is no room for one; with room again the run goes on."""
  with small_disk(place.path / 'small', 6):
    name = 'small/run'
    (place.path / 'small' / 'ballast').write_bytes(bytes(4 << 20))
    done = place.train(name, STEPS, every=EVERY, keep=100)
    line = refusal(done, status=1)
    assert 'cannot write a checkpoint into ' in line
    assert 'make room' in line
    saved = place.last_step(name)
    assert 0 < saved < STEPS
    assert f'the last good checkpoint is {place.path / name / "checkpoints" / str(saved)}\n' in line
    assert f'failed: {line.removeprefix("error: ")}' in (place.path / name / 'log.txt').read_text()
    (place.path / 'small' / 'ballast').unlink()
    assert_goes_on(place, name, keep=2)


def test_a_disk_that_fills_up_within_a_step(place, halfway):
  """Files may not grow beyond a size here, so it is the numbers that cannot be written."""
  name, folder = halfway
  blocks = (folder / 'stats.jsonl').stat().st_size // 512 + 1
  (folder / 'log.txt').unlink()
  command = place.command(name, STEPS, log__tensorboard=False)
  command['args'] = ['sh', '-c', f'ulimit -f {blocks} && exec "$@"', 'sh', *command['args']]
  done = subprocess.run(**command, capture_output=True, timeout=300, check=False)
  line = refusal(done, status=1)
  assert f'cannot write {folder / "stats.jsonl"} (File too large): make room' in line
  assert_goes_on(place, name)


def test_a_read_only_workdir(place, half):
  with small_disk(place.path / 'fixed', 32):
    name = 'fixed/run'
    place.copy(half, name)
    remount = ['mount', '-o', 'remount,ro', place.path / 'fixed']
    subprocess.run(remount, check=True)
    before = contents(place.path / 'fixed')
    line = refusal(place.train(name, STEPS))
    assert f'cannot write into workdir {place.path / name}: Read-only file system' in line
    line = refusal(place.train('fixed/other', STEPS))
    assert f'cannot use workdir {place.path / "fixed" / "other"}: Read-only file system' in line
    assert contents(place.path / 'fixed') == before
    subprocess.run([*remount[:2], 'remount,rw', remount[3]], check=True)
    assert_goes_on(place, name)


def test_the_images_are_gone(place, halfway):
  """And go on from where they are now."""
  name, folder = halfway
  before = contents(folder)
  line = refusal(place.train(name, STEPS, data__source=place.path / 'nowhere'))
  assert 'nowhere' in line
  assert contents(folder) == before
  moved = shutil.copytree(place.path / 'pictures', place.path / 'moved')
  assert_goes_on(place, name, data__source=moved)


def test_the_images_are_others(place, halfway):
  name, folder = halfway
  before = contents(folder)
  other = shutil.copytree(place.path / 'pictures', place.path / 'other')
  shutil.copy(other / '4.png', other / '11.png')
  line = refusal(place.train(name, STEPS, data__source=other))
  assert 'the saved data position belongs to another set of images' in line
  assert contents(folder) == before
  assert_goes_on(place, name)


def test_another_config(place, halfway):
  name, folder = halfway
  before = contents(folder)
  line = refusal(place.train(name, STEPS, train__r1_gamma=3.0, train__keep=7))
  assert 'holds a run of another config (train.r1_gamma: 1.0 -> 3.0)' in line
  assert contents(folder) == before
  # Also where config.json has been changed by hand: a checkpoint has its own.
  config = json.loads((folder / 'config.json').read_text())
  config['train']['r1_gamma'] = 3.0
  (folder / 'config.json').write_text(json.dumps(config))
  line = refusal(place.train(name, STEPS, train__r1_gamma=3.0))
  assert f'checkpoints/{STEPS // 2} holds a run of another config (train.r1_gamma: ' in line
  (folder / 'config.json').write_bytes(before['config.json'])
  assert_goes_on(place, name, data__threads=1)


def test_a_clock_that_goes_backwards(place, halfway):
  """The times of files are of next year and in the wrong order, and the clock runs back."""
  name, folder = halfway
  future = time.time() + 3e7
  for n, path in enumerate(sorted(folder.rglob('*'))):
    os.utime(path, (future - 1000 * n, future - 1000 * n))
  backwards = place.path / 'backwards'
  backwards.mkdir()
  (backwards / 'sitecustomize.py').write_text(
    'import itertools, time\n'
    'clock = itertools.count()\n'
    'time.time = lambda: 1e9 - 60 * next(clock)\n'
    'time.time_ns = lambda: int(1e9 * time.time())\n'
  )
  command = place.command(name, STEPS, every=EVERY)
  command['env']['PYTHONPATH'] = str(backwards)
  done = subprocess.run(**command, capture_output=True, timeout=300, check=False)
  assert (done.returncode, done.stderr) == (0, '')
  assert f'going on from step {STEPS // 2} ' in done.stdout
  assert_trees_equal(place.state(name, STEPS), place.state('straight', STEPS))
  records = [json.loads(line) for line in (folder / 'stats.jsonl').read_text().splitlines()]
  elapsed = [record['elapsed_seconds'] for record in records]
  assert elapsed == sorted(elapsed)
  assert all(record['seconds'] > 0 for record in records)


def test_two_runs_in_one_workdir(place):
  """The second is refused; the first does not notice."""
  process = place.start('shared', 100_000)
  try:
    place.wait_for_steps('shared', 1, process)
    assert process.poll() is None, place.said('shared')
    line = refusal(place.train('shared', 100_000))
    assert f'another training is running in workdir {place.path / "shared"}' in line
    done = len(place.numbers('shared'))
    place.wait_for_steps('shared', done + 3, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 75
  finally:
    process.kill()
    process.wait()
  steps = [record['step'] for record in place.numbers('shared')]
  assert steps == list(range(1, place.last_step('shared') + 1))


def test_checkpoints_that_stay(place):
  """Every so many kimg one stays for good, the first at or after each multiple."""
  kimg = 5 * BATCH / 1000
  assert place.train('kept', STEPS, every=2, keep=1, train__keep_every=kimg).returncode == 0
  folder = place.path / 'kept' / 'checkpoints'
  assert sorted(int(p.name) for p in folder.iterdir()) == [6, 10, 12]


def test_numbers_that_are_not_finite(place):
  """One line; the same again ends the same way, and at once."""
  lines = []
  for _ in range(2):
    done = place.train('broken', 50, train__learning_rate=1e4)
    lines.append(refusal(done, status=1))
    assert 'warning: gradients not finite in step ' in done.stdout
    assert place.numbers('broken')[-1]['nonfinite'] > 0
  assert lines[0] == lines[1]
  assert 'training broke in step ' in lines[0]
  log = (place.path / 'broken' / 'log.txt').read_text()
  assert log.count(f'failed: {lines[0].removeprefix("error: ")}') == 2


def test_a_state_that_is_not_finite(place):
  """The guards look at less in each step; what is saved is looked at as a whole."""
  line = refusal(place.train('unsaved', 50, every=1, train__learning_rate=1e4), status=1)
  assert 'g_opt.0.nu.' in line
  assert 'not finite after step 1: not saved' in line
  assert place.last_step('unsaved') == 0


def test_a_console_that_nobody_reads(place):
  """A run of weeks does not die of its terminal."""
  command = place.command('unheard', STEPS, every=EVERY)
  with open('/dev/full', 'w') as full:
    done = subprocess.run(**command, stdout=full, stderr=subprocess.PIPE, timeout=300, check=False)
  assert done.returncode == 0, done.stderr
  assert place.numbers('unheard') == place.numbers('straight')
  assert f'finished at step {STEPS} ' in (place.path / 'unheard' / 'log.txt').read_text()
