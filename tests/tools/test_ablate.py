"""`launch.py ablate` with runs that only pretend to train."""

import csv
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

import launch
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.tools import ablation_runs
from tests.reporting.runs import locked
from tests.tools.fake_training import EVERY

ROOT = pathlib.Path(__file__).parents[2]
TINY = ROOT / 'configs' / 'tiny.py'
FAKE = pathlib.Path(__file__).with_name('fake_training.py')
VARY = '--vary=train.r1_gamma=1,10'
STEPS = 20


@pytest.fixture
def place(tmp_path, monkeypatch):
  """The folder of an ablation, whose runs pretend."""
  monkeypatch.setattr(ablation_runs, '_LAUNCH', FAKE)
  monkeypatch.setenv('PYTHONPATH', str(ROOT))
  return tmp_path / 'ablation'


def command(place, *flags, steps=STEPS):
  kimg = f'--config.train.total_kimg={steps * 8 / 1000}'
  return ['ablate', f'--config={TINY}', f'--workdir={place}', kimg, *flags]


def ablate(place, *flags, **options):
  return launch.main(command(place, *flags, **options))


def start(place, *flags, **options):
  """The command as a process of its own."""
  script = (
    'import pathlib, sys, launch\n'
    'from stylegan2_jax.tools import ablation_runs\n'
    'ablation_runs._LAUNCH = pathlib.Path(sys.argv[1])\n'
    'sys.exit(launch.main(sys.argv[2:]))\n'
  )
  argv = [sys.executable, '-c', script, FAKE, *command(place, *flags, **options)]
  output = (place.parent / 'output.txt').open('w')
  with output:
    return subprocess.Popen(argv, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, text=True)


def run_at(place, gamma, seed):
  return RunDirectory(place / f'train.r1_gamma={gamma}' / f'seed{seed}')


def steps_of(run):
  return [record['step'] for record, _ in run.stats.records()]


def table(place):
  with (place / 'table.csv').open(newline='') as file:
    return {row['train.r1_gamma']: row for row in csv.DictReader(file)}


def wait_for(happened, process, what):
  end = time.monotonic() + 60
  while not happened():
    assert process.poll() is None, f'{what}: ended with {process.returncode}'
    assert time.monotonic() < end, what
    time.sleep(0.01)


def begins(run):
  """At which step each process of a run began, and their numbers."""
  text = run.log_path.read_text()
  return [tuple(map(int, found)) for found in re.findall(r'begins at (\d+) as (\d+)', text)]


def test_table_and_figure(place, capsys):
  """loss_d is gamma + seed + step; the last tenth of 20 steps are 19 and 20."""
  assert ablate(place, VARY, '--seeds=3') == 0
  printed = capsys.readouterr().out
  rows = table(place)
  for gamma in (1, 10):
    row = rows[str(gamma)]
    assert (row['finished'], row['runs'], row['loss_d n']) == ('3', '3', '3')
    assert float(row['loss_d mean']) == gamma + 1 + 19.5
    assert float(row['loss_d std']) == 1.0
    assert (row['sign_real mean'], row['sign_real std']) == ('0.5', '0.0')
  assert '| 10 | 3 of 3 | 30.5 ± 1 | 0.5 ± 0 |' in (place / 'table.md').read_text()
  assert re.search(r'^ +10 +3 of 3 +30.5 ± 1 +0.5 ± 0$', printed, re.MULTILINE)
  assert printed.startswith('6 runs: 2 variants x 3 seeds; 0 finished, 6 to train\n')
  assert '[1/6 r1_gamma=1, seed 0] begins at 0' in printed
  assert '[2/6 r1_gamma=10, seed 0] starts' in printed  # all variants of a seed, then the next
  assert '[5/6 r1_gamma=1, seed 2] finished; 1 left, 0:00:' in printed
  with Image.open(place / 'curves.png') as image:
    assert (image.format, image.size) == ('PNG', (880, 372))
  settings = run_at(place, 10, 2).read_settings()
  assert (settings.seed, settings.train.r1_gamma) == (2, 10.0)


def test_finished_runs_are_left_alone_and_variants_are_added(place, capsys):
  assert ablate(place, VARY, '--seeds=2') == 0
  before = {p: p.stat().st_mtime_ns for p in place.rglob('*') if p.name == 'stats.jsonl'}
  assert len(before) == 4
  capsys.readouterr()
  assert ablate(place, '--vary=train.r1_gamma=10,100', '--of=sign_real') == 0
  printed = capsys.readouterr().out
  assert '2 runs: 2 variants x 1 seeds; 1 finished, 1 to train' in printed
  assert all(p.stat().st_mtime_ns == then for p, then in before.items())
  rows = table(place)
  assert {gamma: row['finished'] for gamma, row in rows.items()} == {
    '10': '2',
    '100': '1',
    '1': '2',
  }
  assert 'loss_d mean' not in rows['1']
  assert ablate(place, VARY, '--seeds=2', '--of=loss_d', steps=25) == 0  # further, all of them
  assert begins(run_at(place, 1, 0))[-1][0] == 20
  assert float(table(place)['1']['loss_d mean']) == 1 + 0.5 + 24  # steps 23, 24, 25


def test_failures_are_named_and_end_no_other(place, capsys):
  assert ablate(place, '--vary=train.r1_gamma=13,14,15,1') == 1
  captured = capsys.readouterr()
  assert captured.err == (
    'error: 3 of 4 runs failed, see above: the same command tries them again\n'
  )
  text = (place / 'table.md').read_text()
  assert '- r1_gamma=13, seed 0: failed: loss_d is not finite\n' in text
  assert '- r1_gamma=14, seed 0: failed: ended by signal 9 (SIGKILL)\n' in text
  assert '- r1_gamma=15, seed 0: failed: begins at 0\n' in text  # its last words
  assert '| 1 | 1 of 1 | 20.5 | 0.5 |' in text
  assert '| 13 | 0 of 1 | – | – |' in text
  assert 'not finished: r1_gamma=13, seed 0: failed: loss_d is not finite' in captured.out
  assert '[1/4 r1_gamma=13, seed 0] failed: loss_d is not finite; 3 left' in captured.out
  run = run_at(place, 13, 0)
  with run.log_path.open('a') as log:
    log.write('2026-01-01 00:00:01 failed: D ran away\n')
  assert ablate(place, '--vary=train.r1_gamma=1') == 0  # of earlier ones the log says why
  assert '- r1_gamma=13, seed 0: failed: D ran away\n' in (place / 'table.md').read_text()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_by_a_signal(place, monkeypatch, number):
  """Both runs of the moment save; the same command goes on from there."""
  monkeypatch.setenv('FAKE_SECONDS', '0.03')
  flags = (VARY, '--seeds=2', '--jobs=2')
  process = start(place, *flags, steps=100)
  runs = [run_at(place, gamma, 0) for gamma in (1, 10)]
  try:
    wait_for(lambda: all(len(steps_of(run)) >= 7 for run in runs), process, 'steps')
    process.send_signal(number)
    assert process.wait(timeout=30) == 75
  finally:
    process.kill()
  stopped = [max(saved_steps(run.checkpoints_path)) for run in runs]
  assert all(7 <= step < 100 for step in stopped)
  assert [steps_of(run)[-1] for run in runs] == stopped
  assert not run_at(place, 1, 1).path.exists()
  text = (place / 'table.md').read_text()
  assert f'- r1_gamma=1, seed 0: stopped at {stopped[0] * 8 / 1000:g} kimg\n' in text
  assert '- r1_gamma=10, seed 1: not begun\n' in text
  monkeypatch.setenv('FAKE_SECONDS', '0')
  assert ablate(place, *flags, steps=100) == 0
  assert [begins(run)[-1][0] for run in runs] == stopped
  assert all(steps_of(run) == list(range(1, 101)) for run in runs)
  assert table(place)['10']['finished'] == '2'


@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere runs outlive a killed parent')
def test_killed(place, monkeypatch):
  """Its run ends with it, and goes on from its newest checkpoint."""
  monkeypatch.setenv('FAKE_SECONDS', '0.03')
  process = start(place, VARY, steps=100)
  run = run_at(place, 1, 0)
  try:
    wait_for(lambda: len(steps_of(run)) >= 12, process, 'steps')
  finally:
    process.kill()
    process.wait()
  ((_, child),) = begins(run)
  end = time.monotonic() + 30
  while run.is_locked():
    assert time.monotonic() < end, f'process {child} goes on'
    time.sleep(0.01)
  saved = max(saved_steps(run.checkpoints_path))
  assert saved % EVERY == 0
  assert 10 <= saved < 100
  monkeypatch.setenv('FAKE_SECONDS', '0')
  assert ablate(place, VARY, steps=100) == 0
  assert [step for step, _ in begins(run)] == [0, saved]
  assert steps_of(run) == list(range(1, 101))


def test_time_limit(place, monkeypatch, capsys):
  monkeypatch.setenv('FAKE_SECONDS', '0.05')
  assert ablate(place, VARY, '--time_limit=1s', steps=1000) == 75
  printed = capsys.readouterr().out
  assert 'the time is up: the runs save and stop' in printed
  assert '2 of 2 runs are not finished: the same command goes on' in printed
  assert saved_steps(run_at(place, 1, 0).checkpoints_path)
  assert not run_at(place, 10, 0).path.exists()
  assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_each_device_has_a_run(place, capsys):
  assert ablate(place, VARY, '--seeds=2', '--devices=5,7') == 0
  printed = capsys.readouterr().out
  assert '4 to train, 2 at a time' in printed
  used = re.findall(r'\] begins at 0 (\d)$', printed, re.MULTILINE)
  assert len(used) == 4
  assert set(used) == {'5', '7'}


def one_error(capsys):
  captured = capsys.readouterr()
  assert captured.out == ''
  (line,) = captured.err.splitlines()
  return line


def test_what_is_refused_before_anything_starts(place, capsys):
  assert ablate(place, '--vary=train.r1_gamma=1,x') == 2
  assert 'train.r1_gamma=x: the value must be a number' in one_error(capsys)
  assert ablate(place, VARY, '--jobs=2', '--devices=0') == 2
  assert '--jobs and --devices exclude each other' in one_error(capsys)
  assert not place.exists()
  place.mkdir()
  (place / 'photo.png').touch()
  assert ablate(place, VARY) == 2
  assert 'holds other files (photo.png, ...) and no ablation' in one_error(capsys)
  assert [p.name for p in place.iterdir()] == ['photo.png']


def test_what_is_refused_in_an_ablation(place, capsys):
  assert ablate(place, VARY) == 0
  capsys.readouterr()
  before = {p: p.read_bytes() for p in place.rglob('*') if p.is_file()}
  assert ablate(place, '--vary=train.r1_gamma=100', '--config.train.batch_size=16') == 2
  assert 'holds a run of another config (train.batch_size: 8 -> 16)' in one_error(capsys)
  assert ablate(place, VARY, '--of=loss_e') == 2
  assert re.search(r'--of=loss_e: .*did you mean loss_d\? they have loss_d, s', one_error(capsys))
  with locked(run_at(place, 10, 0)):
    assert ablate(place, VARY) == 2
  assert 'another training is running in' in one_error(capsys)
  with (place / '.lock').open('a'), locked(RunDirectory(place)):
    assert ablate(place, VARY) == 2
  assert 'another ablation is running in workdir' in one_error(capsys)
  assert {p: p.read_bytes() for p in place.rglob('*') if p.is_file()} == before
  (place / 'ablation.json').write_text('{')
  assert ablate(place, VARY) == 2
  assert re.search(r'cannot read .*ablation.json \(.*\): remove it', one_error(capsys))
