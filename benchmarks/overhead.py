"""Measures what a training step costs beside the compiled functions that it calls.

  python benchmarks/overhead.py --out=benchmarks/results/overhead.json

Trains for real, with all that a run does in a step. After every 16 steps the same compiled
functions run for 16 steps by themselves, on a state of their own and one batch: what the real steps
take longer is the host's share. So both are timed in turn, in one process; what the host does while
the devices compute costs nothing, in either. Snapshots lie at the end and are not counted.

On a single CPU device programs run in the thread that calls them. There the host's share is also
measured more closely: as what the same steps spend outside of the calls.
"""

import contextlib
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()
backend.run_where_called()  # as in training

import jax  # noqa: E402
import numpy as np  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402

from stylegan2_jax import presets  # noqa: E402
from stylegan2_jax.stats import Stats  # noqa: E402
from stylegan2_jax.training import loop, session  # noqa: E402
from stylegan2_jax.training.schedule import phases_at  # noqa: E402

_CYCLE = 16  # steps after which all phases have run as often as they should


class Comparison:
  """Lets the compiled functions of every run also work by themselves, in turn with the run."""

  def __init__(self):
    self.real, self.bare = [], []  # seconds of each cycle
    self.called = []  # seconds of each real cycle that the compiled functions took
    self._programs, self._in_calls = None, 0.0
    self._step_of_run = step_of_run = loop.Run._step

    def step(run, number, engine):
      if self._programs is None:
        self._programs = engine._compiled
        engine._compiled = {n: self._timed(program) for n, program in self._programs.items()}
      if number % _CYCLE == 0:
        if number:
          self.real.append(time.perf_counter() - self._begun)
          self.called.append(self._in_calls)
        self._in_calls = 0.0
        self.bare.append(self.bare_cycle(engine))
        self._begun = time.perf_counter()
      return step_of_run(run, number, engine)

    loop.Run._step = step

  def __enter__(self):
    return self

  def __exit__(self, *error):
    loop.Run._step = self._step_of_run

  def _timed(self, program):
    def call(*arguments):
      begun = time.perf_counter()
      result = program(*arguments)
      self._in_calls += time.perf_counter() - begun
      return result

    return call

  def bare_cycle(self, engine):
    """Seconds that the compiled functions of a cycle take, one step after another."""
    train = engine._settings.train
    if not hasattr(self, '_state'):
      self._state = jax.tree.map(lambda x: x + 0, engine._state)
      zeros = np.zeros((train.batch_size, *engine._settings.data.size, 3), np.uint8)
      self._chunks = engine.put({'image': zeros})
    state, begun = self._state, time.perf_counter()
    for number in range(_CYCLE):
      bad = dict(engine._none_bad)
      for phase in phases_at(number, train):
        state, _, bad[phase] = self._programs[phase](state, self._chunks, None)
      state, ends = self._programs['average'](state, bad, engine._wishes[0])
      jax.block_until_ready(ends)
    jax.block_until_ready(state)
    self._state = state
    return time.perf_counter() - begun


def measure(settings, cycles: int) -> dict:
  """What a run takes longer than its compiled functions, by so many cycles after a first one."""
  kimg = (_CYCLE * (cycles + 1) + 1) * settings.train.batch_size / 1000
  settings = presets.with_fields(settings, {'train.total_kimg': kimg, 'train.snapshot_kimg': kimg})
  with tempfile.TemporaryDirectory() as folder, Comparison() as compared:
    workdir = pathlib.Path(folder) / 'run'
    session.train(settings, workdir)
    records = [record for record, _ in Stats(workdir / 'stats.jsonl').records()]
  # The first cycle has the first pictures in it.
  pairs = list(zip(compared.real[1:], compared.bare[1:], strict=False))
  real, bare = map(sum, zip(*pairs, strict=True))
  called = sum(compared.called[1:])
  alone = jax.default_backend() == 'cpu' and jax.device_count() == 1
  seconds = sum(record['seconds'] for record in records[_CYCLE:])
  return {
    'batch': settings.train.batch_size,
    'cycles_of_16_steps': len(pairs),
    'milliseconds_per_step': report.digits(1000 * real / len(pairs) / _CYCLE),
    'host_share': report.spread([1 - b / r for r, b in pairs]),
    'host_share_of_the_sum': report.digits(1 - bare / real, 3),
    'share_outside_of_calls': report.digits(1 - called / real, 3) if alone else None,
    'data_wait_share': report.digits(
      sum(r['data_wait_seconds'] for r in records[_CYCLE:]) / seconds, 3
    ),
  }


def main():
  """Measures and prints; writes JSON with --out."""
  parser = report.parser(__doc__)
  parser.set_defaults(rounds=10)
  parser.add_argument('--sizes', default='tiny32,cifar32,64px', help='of ' + ', '.join(sizes.SIZES))
  parser.add_argument('--data_dir', default='datasets', help='where data sets are, or are drawn')
  flags = parser.parse_args()
  results = {'command': 'python benchmarks/overhead.py', **report.machine()}
  rows = [('size', 'ms a step', "host's share, %", 'least', 'most', 'of the sum')]
  rows[0] += ('outside of calls, %', 'waiting, %')
  for name in flags.sizes.split(','):
    settings = presets.with_fields(sizes.size(name), {'data.dir': flags.data_dir})
    with contextlib.redirect_stdout(sys.stderr):
      found = results[name] = measure(settings, flags.rounds)
    shares = [100 * found['host_share'][key] for key in ('median', 'min', 'max')]
    for key in ('host_share_of_the_sum', 'share_outside_of_calls', 'data_wait_share'):
      shares.append('' if found[key] is None else 100 * found[key])
    rows.append((name, found['milliseconds_per_step'], *shares))
  print(report.table(rows))
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
