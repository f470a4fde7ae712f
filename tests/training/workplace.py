"""The real command, run in a folder of its own: started, stopped, killed, and looked at."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
from PIL import Image

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.run_directory import RunDirectory
from tests import quick
from tests.helpers import state_shapes

ROOT = pathlib.Path(__file__).parents[2]
BATCH = 8
TIMINGS = {
  *('images_per_second', 'seconds', 'data_wait_seconds', 'elapsed_seconds'),
  *('memory_gib', 'device_memory_gib'),
}
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
    self.path, self.variables = path, {}  # of the environment, beside those of all
    rng = np.random.default_rng(0)
    for i in range(11):  # fewer than two batches, so that epochs end in the middle of one
      file = path / 'pictures' / f'{i}.png'
      file.parent.mkdir(parents=True, exist_ok=True)
      Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).save(file)

  def command(self, name, steps, every=1000, keep=2, devices=1, flags=(), **fields):
    """Arguments and environment to train `name` up to a number of steps.

    Args:
      name: of the run.
      steps: in all.
      every: steps from checkpoint to checkpoint.
      keep: how many of them.
      devices: forced CPU devices.
      flags: more of them.
      **fields: of the config, dots written as double underscores.
    """
    values = {
      **TINIEST,
      'data.source': self.path / 'pictures',
      'train.total_kimg': steps * BATCH / 1000,
      'train.snapshot_kimg': every * BATCH / 1000,
      'train.keep': keep,
      **{field.replace('__', '.'): value for field, value in fields.items()},
    }
    overrides = [f'--config.{field}={value}' for field, value in values.items()]
    config = f'--config={ROOT / "configs" / "tiny.py"}'
    argv = [sys.executable, ROOT / 'launch.py', config, f'--workdir={self.path / name}']
    env = quick.environment(devices, self.path / 'cache', **self.variables)
    return {'args': [*argv, *overrides, *flags], 'env': env, 'cwd': self.path, 'text': True}

  def train(self, name, steps, **options):
    """Runs to the end, and returns the finished process."""
    command = self.command(name, steps, **options)
    return subprocess.run(**command, capture_output=True, timeout=300, check=False)

  def start(self, name, steps, **options):
    """Starts, and returns the process, whose output goes to one file."""
    with (self.path / f'{name}.out').open('w') as out:
      command = self.command(name, steps, **options)
      return subprocess.Popen(**command, stdout=out, stderr=subprocess.STDOUT)

  def said(self, name):
    """What the last process that `start` began has said."""
    return (self.path / f'{name}.out').read_text()

  def wait_for_steps(self, name, count, process):
    """Returns when a run has done `count` steps, or its process has ended."""
    stats = self.path / name / 'stats.jsonl'
    wait_until(process, lambda: stats.exists() and stats.read_text().count('\n') >= count)

  def wait_for_words(self, name, words, process):
    """Returns when the process that `start` began has said so, or has ended."""
    wait_until(process, lambda: words in self.said(name))

  def train_and_stop(self, name, number=signal.SIGINT, after=2, steps=100_000, **options):
    """Sends a signal once so many steps are done: (exit status, output)."""
    process = self.start(name, steps, **options)
    try:
      self.wait_for_steps(name, after, process)
      assert process.poll() is None, self.said(name)
      process.send_signal(number)
      return process.wait(timeout=120), self.said(name)
    finally:
      process.kill()
      process.wait()

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

  def last_step(self, name):
    """That of the newest checkpoint; 0 without one."""
    return max(Checkpoints(self.path / name / 'checkpoints').steps(), default=0)

  def copy(self, name, other):
    """A copy of a run, to spoil."""
    return shutil.copytree(self.path / name, self.path / other)


def wait_until(process, happened):
  """Returns when something has happened, or a process has ended."""
  end = time.monotonic() + 300
  while process.poll() is None and not happened():
    assert time.monotonic() < end, 'nothing happens'
    time.sleep(0.002)


def contents(path):
  """Every file of a run but its log, and its bytes."""
  files = [p for p in path.rglob('*') if p.is_file() and p.name != 'log.txt']
  return {str(p.relative_to(path)): p.read_bytes() for p in files}
