"""Measures what a training step costs beside the compiled functions that it calls.

  python benchmarks/overhead.py --out=benchmarks/results/overhead.json

Trains for real, with all that a run writes, and counts the time from the call of each compiled
function until its results are there; all other time of a step is the host's: waiting for data,
passing arrays, numbers, guards, log, console. Snapshots lie between the steps and are not counted.
"""

import argparse
import json
import pathlib
import platform
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()

import jax  # noqa: E402

from stylegan2_jax import presets  # noqa: E402
from stylegan2_jax.stats import Stats  # noqa: E402
from stylegan2_jax.training import loop  # noqa: E402
from stylegan2_jax.training.engine import Engine  # noqa: E402

_WARM_UP = 16  # steps that are not counted


class Stopwatch:
  """Wraps the compiled functions of every Engine, and adds up what they take."""

  def __init__(self):
    self.seconds = 0.0
    self.by_step = []  # seconds inside, at the end of each step
    compile_all, step = Engine.compile, Engine.step

    def compile_and_wrap(engine, announce):
      compile_all(engine, announce)
      for name, fn in engine.compiled.items():
        engine.compiled[name] = self.timed(fn)

    def step_and_note(engine, *args):
      outcome = step(engine, *args)
      self.by_step.append(self.seconds)
      return outcome

    Engine.compile, Engine.step = compile_and_wrap, step_and_note

  def timed(self, fn):
    """`fn`, which returns when its results are there."""

    def call(*args):
      begun = time.perf_counter()
      results = jax.block_until_ready(fn(*args))
      self.seconds += time.perf_counter() - begun
      return results

    return call


def main():
  """Measures and prints; writes JSON with --out."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--config', default='configs/shapes.py')
  parser.add_argument('--resolution', type=int, default=64)
  parser.add_argument('--steps', type=int, default=96)
  parser.add_argument('--data_dir', default='datasets')
  parser.add_argument('--out')
  flags = parser.parse_args()
  settings = presets.load_settings(flags.config)
  kimg = flags.steps * settings.train.batch_size / 1000
  settings = presets.override(
    settings,
    {
      'data.resolution': str(flags.resolution),
      'data.dir': flags.data_dir,
      'train.total_kimg': str(kimg),
      'train.snapshot_kimg': str(kimg),
    },
  )
  watch = Stopwatch()
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder) / 'run'
    loop.train(settings, workdir)
    records = [record for record, _ in Stats(workdir / 'stats.jsonl').records()]
  counted = records[_WARM_UP:]
  whole = sum(record['seconds'] for record in counted)
  inside = watch.by_step[len(records) - 1] - watch.by_step[_WARM_UP - 1]
  waited = sum(record['data_wait_seconds'] for record in counted)
  result = {
    'command': 'python benchmarks/overhead.py',
    'config': flags.config,
    'resolution': flags.resolution,
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'machine': platform.machine(),
    'jax': jax.__version__,
    'steps': len(counted),
    'milliseconds_per_step': 1000 * whole / len(counted),
    'host_share': 1 - inside / whole,
    'data_wait_share': waited / whole,
  }
  print(json.dumps(result, indent=2))
  if flags.out:
    pathlib.Path(flags.out).parent.mkdir(exist_ok=True)
    pathlib.Path(flags.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
