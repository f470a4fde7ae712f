"""Measures what a training step costs beside the compiled functions that it calls.

  python benchmarks/overhead.py --out=benchmarks/results/overhead.json

Trains for real, with all that a run does in a step. After every 16 steps the same compiled
functions run for 16 steps by themselves, on a state of their own and one batch: what the real steps
take longer is the host's share. So both are timed in turn, in one process; what the host does while
the devices compute costs nothing, in either. Snapshots lie at the end and are not counted.
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
import numpy as np  # noqa: E402

from stylegan2_jax import presets  # noqa: E402
from stylegan2_jax.stats import Stats  # noqa: E402
from stylegan2_jax.training import loop, session  # noqa: E402
from stylegan2_jax.training.schedule import phases_at  # noqa: E402

_CYCLE = 16  # steps after which all phases have run as often as they should


class Comparison:
  """Lets the compiled functions of every run also work by themselves, in turn with the run."""

  def __init__(self):
    self.real, self.bare = [], []  # seconds of each cycle
    step_of_run = loop.Run._step

    def step(run, number, engine):
      if number % _CYCLE == 0:
        if number:
          self.real.append(time.perf_counter() - self._begun)
        self.bare.append(self.bare_cycle(engine))
        self._begun = time.perf_counter()
      return step_of_run(run, number, engine)

    loop.Run._step = step

  def bare_cycle(self, engine):
    """Seconds that the compiled functions of a cycle take, one step after another."""
    train = engine._settings.train
    if not hasattr(self, '_state'):
      self._state = jax.tree.map(lambda x: x + 0, engine._state)
      zeros = np.zeros((train.batch_size, *engine._settings.data.size, 3), np.uint8)
      self._chunks = engine._chunks({'image': zeros})
    state, begun = self._state, time.perf_counter()
    for number in range(_CYCLE):
      bad = dict(engine._none_bad)
      for phase in phases_at(number, train):
        state, _, bad[phase] = engine.compiled[phase](state, self._chunks, None)
      state, ends = engine.compiled['average'](state, bad, engine._wishes[0])
      jax.block_until_ready(ends)
    jax.block_until_ready(state)
    self._state = state
    return time.perf_counter() - begun


def main():
  """Measures and prints; writes JSON with --out."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--config', default='configs/shapes.py')
  parser.add_argument('--resolution', type=int, default=64)
  parser.add_argument('--steps', type=int, default=321)
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
  compared = Comparison()
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder) / 'run'
    session.train(settings, workdir)
    records = [record for record, _ in Stats(workdir / 'stats.jsonl').records()]
  # The first cycle has the first pictures in it.
  pairs = list(zip(compared.real[1:], compared.bare[1:], strict=False))
  shares = sorted(1 - bare / real for real, bare in pairs)
  seconds = sum(record['seconds'] for record in records[_CYCLE:])
  result = {
    'command': 'python benchmarks/overhead.py',
    'config': flags.config,
    'resolution': flags.resolution,
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'machine': platform.machine(),
    'jax': jax.__version__,
    'cycles_of_16_steps': len(pairs),
    'milliseconds_per_step': 1000 * sum(real for real, _ in pairs) / len(pairs) / _CYCLE,
    'host_share_median': shares[len(shares) // 2],
    'host_share_of_the_sum': 1 - sum(b for _, b in pairs) / sum(r for r, _ in pairs),
    'data_wait_share': sum(r['data_wait_seconds'] for r in records[_CYCLE:]) / seconds,
  }
  print(json.dumps(result, indent=2))
  if flags.out:
    pathlib.Path(flags.out).parent.mkdir(exist_ok=True)
    pathlib.Path(flags.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
