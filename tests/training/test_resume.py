"""Runs of the real command that stop and go on equal a run that never stopped, to the bit."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.run_directory import RunDirectory
from tests.helpers import assert_trees_equal, state_shapes

ROOT = pathlib.Path(__file__).parents[2]
BATCH = 8
TIMINGS = {'images_per_second', 'seconds', 'data_wait_seconds', 'memory_gib'}
TINIEST = {
  'seed': 3,
  'data.resolution': 4,
  'data.mirror': True,
  'network.z_dim': 8,
  'network.w_dim': 8,
  'network.channel_base': 64,
  'network.channel_max': 8,
  'train.batch_size': BATCH,
  'train.micro_batch': 4,
  'train.pl_interval': 2,
  'train.r1_interval': 3,
  'train.learning_rate': 0.002,
  'sample.grid_rows': 1,
  'sample.grid_cols': 2,
}


class Workplace:
  """Starts the command in a folder of its own, with pictures and a cache that the runs share."""

  def __init__(self, path):
    self.path = path
    rng = np.random.default_rng(0)
    for i in range(11):  # fewer than two batches, so that epochs end in the middle of one
      file = path / 'pictures' / f'{i}.png'
      file.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).save(file)

  def command(self, name, steps, every=1000, keep=2):
    """Arguments and environment to train `name` up to a number of steps."""
    fields = {
      **TINIEST,
      'data.source': self.path / 'pictures',
      'train.total_kimg': steps * BATCH / 1000,
      'train.snapshot_kimg': every * BATCH / 1000,
      'train.keep': keep,
    }
    flags = [f'--config.{field}={value}' for field, value in fields.items()]
    config = f'--config={ROOT / "configs" / "tiny.py"}'
    argv = [sys.executable, ROOT / 'launch.py', config, f'--workdir={self.path / name}', *flags]
    env = {
      **os.environ,
      'XDG_CACHE_HOME': str(self.path / 'cache'),
      'XLA_FLAGS': '',
      'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',  # compiles in half the time
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    }
    env.pop('JAX_COMPILATION_CACHE_DIR', None)
    return {'args': argv, 'env': env, 'cwd': self.path, 'text': True}

  def train(self, name, steps, **options):
    """Runs to the end, and returns the finished process."""
    command = self.command(name, steps, **options)
    return subprocess.run(**command, capture_output=True, timeout=300, check=False)

  def train_and_interrupt(self, name):
    """Sends SIGINT once two steps are done: (exit status, standard output)."""
    process = subprocess.Popen(
      **self.command(name, 100_000), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    stats = self.path / name / 'stats.jsonl'
    end = time.monotonic() + 300
    try:
      while not stats.exists() or stats.read_text().count('\n') < 2:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, 'no step is done'
        time.sleep(0.005)
      process.send_signal(signal.SIGINT)
      return process.wait(timeout=120), process.communicate()[0]
    finally:
      process.kill()

  def numbers(self, name):
    """The records of stats.jsonl, without what no two runs share."""
    lines = (self.path / name / 'stats.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMINGS} for line in lines]

  def state(self, name, step):
    """The train state in a checkpoint."""
    run = RunDirectory(self.path / name)
    settings = run.read_settings()
    modules = build_networks(settings.network, settings.data.size, 3, 0)
    shapes = state_shapes(*modules, settings.train)
    return Checkpoints(run.checkpoints_path).restore_state(step, shapes)


@dataclasses.dataclass
class Runs:
  """What the tests look at."""

  place: Workplace
  stopped_at: int  # where `interrupted` was, at first
  steps: int  # of `straight` and, at last, of `interrupted`
  status: int
  said: str


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """`interrupted`, gone on with to some step; `straight`, as long without a stop."""
  place = Workplace(tmp_path_factory.mktemp('resume'))
  status, said = place.train_and_interrupt('interrupted')
  stopped_at = place.numbers('interrupted')[-1]['step']
  steps = max(stopped_at + 2, 4)
  for name, options in (('interrupted', {}), ('straight', {'every': 2, 'keep': 100_000})):
    done = place.train(name, steps, **options)
    assert done.returncode == 0, done.stderr
    assert f'finished at step {steps} ' in done.stdout
  return Runs(place, stopped_at, steps, status, said)


@pytest.fixture(scope='module')
def halves(runs):
  """Two steps, a stop, two steps."""
  for steps, message in ((2, 'finished at step 2 '), (4, 'going on from step 2 ')):
    done = runs.place.train('halves', steps)
    assert done.returncode == 0, done.stderr
    assert message in done.stdout
  return 'halves'


def test_4_steps_are_2_and_2(runs, halves):
  assert_trees_equal(runs.place.state(halves, 4), runs.place.state('straight', 4))


def test_no_step_is_missing_or_doubled(runs, halves):
  expected = runs.place.numbers('straight')
  assert [record['step'] for record in expected] == list(range(1, runs.steps + 1))
  assert runs.place.numbers(halves) == expected[:4]
  assert runs.place.numbers('interrupted') == expected


def test_the_numbers_are_there(runs):
  """Those of each phase, in the steps in which it runs (1 and 3 hold step 0 and 2)."""
  records = runs.place.numbers('straight')
  for record in records:
    assert {'loss_g', 'loss_d', 'logits_real', 'logits_fake', 'learning_rate'} <= set(record)
    assert ('pl_mean' in record) == ((record['step'] - 1) % 2 == 0)
    assert ('r1_penalty' in record) == ((record['step'] - 1) % 3 == 0)
    assert record['kimg'] == record['step'] * BATCH / 1000


def test_an_interrupt_saves_and_leaves_cleanly(runs):
  assert runs.status == 0
  assert f'stopped and saved at step {runs.stopped_at} ' in runs.said
  assert runs.stopped_at in Checkpoints(runs.place.path / 'interrupted' / 'checkpoints').steps()


def test_an_interrupted_run_ends_like_any_other(runs):
  straight, interrupted = (runs.place.state(n, runs.steps) for n in ('straight', 'interrupted'))
  assert_trees_equal(interrupted, straight)
  pictures = [
    sorted((runs.place.path / name).glob('fakes-*.png'))[-1] for name in ('straight', 'interrupted')
  ]
  assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_finished_run_is_left_alone(runs, halves):
  before = contents(runs.place.path / halves)
  done = runs.place.train(halves, 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert 'nothing to do' in done.stdout
  assert contents(runs.place.path / halves) == before


def test_a_damaged_checkpoint(runs, halves):
  """One line, nothing touched; and the remedy that it names works."""
  path = runs.place.path / 'damaged'
  shutil.copytree(runs.place.path / halves, path)
  (path / 'checkpoints' / '4' / 'training' / 'manifest.ocdbt').unlink()
  before = contents(path)
  done = runs.place.train('damaged', 4)
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr
  assert done.stderr.startswith(f'error: checkpoint {path / "checkpoints" / "4"} is damaged (')
  assert 'remove that folder to use step 2' in done.stderr
  assert contents(path) == before
  shutil.rmtree(path / 'checkpoints' / '4')
  done = runs.place.train('damaged', 4)
  assert done.returncode == 0, done.stderr
  assert_trees_equal(runs.place.state('damaged', 4), runs.place.state('straight', 4))
  assert runs.place.numbers('damaged') == runs.place.numbers('straight')[:4]


def contents(path):
  """Every file of a run but its log, and its bytes."""
  files = [p for p in path.rglob('*') if p.is_file() and p.name != 'log.txt']
  return {str(p.relative_to(path)): p.read_bytes() for p in files}
