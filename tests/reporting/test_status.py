import os
import time

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting import status
from stylegan2_jax.run_directory import RunDirectory
from tests.reporting.runs import append, locked, make_run, record


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'run'


def test_numbers(path):
  run = make_run(path, steps=50, grids=[0.0, 5.0])
  (run.checkpoints_path / '50').mkdir(parents=True)
  (run.checkpoints_path / '9').mkdir()
  (run.checkpoints_path / '60.orbax-checkpoint-tmp').mkdir()
  found = status.read(run)
  assert (found.step, found.kimg, found.elapsed) == (50, 5.0, 100.0)
  assert found.images_per_second == pytest.approx(50.0)
  assert found.data_wait == pytest.approx(0.005)
  assert found.left == pytest.approx(300.0)
  assert found.memory == {'host': 1.25}
  assert found.checkpoint.name == 'step 50'
  assert found.grid.name == 'fakes-000005.png'
  assert found.age < 60
  assert found.warnings == []


def test_speed_counts_what_lies_between_the_steps(path):
  run = make_run(path)
  append(run, *(record(step, elapsed_seconds=4.0 * step) for step in range(1, 11)))
  assert status.read(run).images_per_second == pytest.approx(25.0)


def test_runs_of_older_versions_have_no_elapsed_time(path):
  found = status.read(make_run(path, steps=10, clock=False))
  assert found.elapsed is None
  assert found.images_per_second == pytest.approx(50.0)
  assert found.left == pytest.approx(380.0)


def test_nothing_written_yet(path):
  found = status.read(make_run(path))
  assert (found.state, found.step, found.kimg) == ('stopped', 0, 0.0)
  assert found.age is found.images_per_second is found.data_wait is found.left is None
  assert found.curves == found.memory == {}
  assert found.checkpoint is found.grid is None
  assert found.log == found.warnings == []


def test_one_step(path):
  found = status.read(make_run(path, steps=1))
  assert found.images_per_second == 50.0
  assert found.curves['loss_g'] == [2.0]


def test_no_run(path):
  with pytest.raises(UserError, match='no run in'):
    status.read(RunDirectory(path))


def test_state(path):
  run = make_run(path, steps=100)
  assert status.read(run).state == 'stopped'
  with locked(run):
    assert status.read(run).state == 'running'
  assert status.read(run).state == 'stopped'
  append(run, *map(record, range(101, 201)))
  found = status.read(run)
  assert (found.state, found.left) == ('finished', None)


def test_looking_keeps_no_training_out(path):
  run = make_run(path, steps=1)
  with locked(run):
    pass
  for _ in range(20):
    status.read(run)
    with locked(run):
      pass


@pytest.mark.parametrize('steps', [1, 5, 59, 60, 61, 500, 5000])
def test_curves_run_from_the_first_step_to_the_last(path, steps):
  curves = status.read(make_run(path, steps=steps)).curves
  losses = curves['loss_g']
  assert len(losses) == min(steps, 60) or steps < 100
  assert losses == sorted(losses)
  assert 2.0 <= losses[0] <= 2.0 + steps / 40
  assert steps * 0.975 <= losses[-1] <= 1 + steps
  assert curves['images_per_second'] == pytest.approx([50.0] * len(losses))
  if steps >= 500:
    assert curves['r1_penalty'] == [0.25] * 60


def test_every_step_is_seen_where_they_are_few(path):
  run = make_run(path, steps=200)
  assert sum(sum(1 for _ in status._records(run, a, a + 7)) for a in range(0, 10**5, 7)) == 200


def test_a_long_file_is_not_read_through(path, monkeypatch):
  run = make_run(path, steps=40_000)
  numbers = []
  original = type(run.stats).records

  def counting(self, offset=0):
    for item in original(self, offset):
      numbers.append(item[0]['step'])
      yield item

  monkeypatch.setattr(type(run.stats), 'records', counting)
  found = status.read(run)
  assert found.step == 40_000
  assert len(numbers) < 2500


def test_a_torn_last_line_is_left_out(path):
  run = make_run(path, steps=7)
  with run.stats.path.open('a') as file:
    file.write('{"step": 8, "kim')
  assert status.read(run).step == 7


def test_a_damaged_file_is_a_warning(path):
  run = make_run(path, steps=7)
  content = bytearray(run.stats.path.read_bytes())
  content[30:33] = b'\0\n\0'
  run.stats.path.write_bytes(content)
  found = status.read(run)
  assert found.step == 7
  (warning,) = found.warnings
  assert 'stats.jsonl is damaged in line 1: passed over' in warning


def test_a_folder_in_place_of_the_file_is_a_warning(path):
  run = make_run(path)
  run.stats.path.mkdir()
  found = status.read(run)
  assert (found.step, found.kimg) == (0, 0.0)
  assert found.warnings == [f'cannot read {run.stats.path}: Is a directory']


def test_records_of_wrong_types(path):
  run = make_run(path, steps=3)
  with run.stats.path.open('a') as file:
    file.write('{"step": 4}\n{"step": 4, "kimg": 0.4, "seconds": "x", "elapsed_seconds": []}\n')
  found = status.read(run)
  assert (found.step, found.kimg, found.elapsed) == (4, 0.4, None)
  assert 'in line 4: passed over' in found.warnings[0]


def log(run, *lines):
  run.log_path.write_text(''.join(f'2026-01-01 00:00:00 {line}\n' for line in lines))


def test_what_the_log_says(path):
  run = make_run(path)
  log(run, 'warning: one', 'wrote x', 'warning: two\x1b[2J', 'failed: three', 'passed over: four')
  found = status.read(run)
  expected = ['warning: two [2J', 'failed: three', 'passed over: four']
  assert found.warnings == [f'2026-01-01 00:00:00 {line}' for line in expected]
  assert len(found.log) == 5
  assert not any('\x1b' in line for line in found.log)


def test_a_log_that_is_no_text(path):
  run = make_run(path)
  run.log_path.write_bytes(b'\xff\xfe\0\n' * 100_000)
  assert len(status.read(run).log) < 20_000


def test_what_the_numbers_show(path):
  run = make_run(path)
  append(run, *(record(i, nonfinite=3, data_wait_seconds=0.5) for i in range(1, 11)))
  with locked(run):
    assert status.read(run).warnings == [
      '30 gradient values of the last 10 steps were not finite',
      '25% of the time is spent waiting for data: raise data.threads',
    ]
    now = time.time()
    os.utime(run.stats.path, (now - 300, now - 300))
    assert status.read(run).warnings[0].startswith('the last step was 5 min ago: it stands still')
  assert len(status.read(run).warnings) == 1


def test_a_clock_that_goes_backwards(path):
  run = make_run(path, steps=3, grids=[0.0])
  later = time.time() + 10_000
  for file in path.iterdir():
    os.utime(file, (later, later))
  found = status.read(run)
  assert (found.age, found.grid.age) == (0.0, 0.0)


def test_curves_of_an_earlier_look(path):
  run = make_run(path, steps=3)
  assert status.read(run, curves={'a': [1.0]}).curves == {'a': [1.0]}
