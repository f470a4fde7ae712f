"""Measures the training step: each phase, and all of it as training runs it.

  python benchmarks/step.py --out=benchmarks/results/step.json

Each size runs in a process of its own. A round measures the machine's peaks, 16 real steps (in
which every phase runs as often as it should; random uint8 images go in and all scalars come out,
EMA included), and each phase by itself. The share of the peak is that of float32 matrix products in
the same round, by operations counted from the networks' sizes (networks/work.py); where most of a
size computes in bfloat16, that of bfloat16. Compilation is timed without the compilation cache.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()

import jax  # noqa: E402
import numpy as np  # noqa: E402
import peaks  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402

from stylegan2_jax.networks.builder import build_networks  # noqa: E402
from stylegan2_jax.networks.work import network_work, phase_work  # noqa: E402
from stylegan2_jax.training import parallel  # noqa: E402
from stylegan2_jax.training.engine import Engine  # noqa: E402
from stylegan2_jax.training.schedule import intervals  # noqa: E402
from stylegan2_jax.training.state import new_state  # noqa: E402

CYCLE = 16  # steps after which all phases have run as often as they should


class Training:
  """Networks of a size with fresh weights, and random images to train on."""

  def __init__(self, settings):
    """Compiles all phases."""
    parallel.device_count()  # before anything else looks at the devices, as training does
    self.settings, data = settings, settings.data
    networks = build_networks(settings.network, data.size, data.channels, 0)
    state = new_state(settings.seed, *networks, settings.train, settings.augment)
    self._engine = Engine(settings, networks, state, None)
    self.compile_seconds, begun = {}, time.perf_counter()
    self._engine.compile(lambda name, seconds: self.compile_seconds.update({name: seconds}))
    self.compile_seconds['all'] = time.perf_counter() - begun
    shape = (4, settings.train.batch_size, *data.size, data.channels)
    self._images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    self._done = 0

  def cycle(self) -> float:
    """Seconds of the next 16 steps, as training runs them."""
    begun = time.perf_counter()
    for _ in range(CYCLE):
      batch = {'image': self._images[self._done % len(self._images)]}
      self._engine.step(self._done, batch)
      self._done += 1
    return time.perf_counter() - begun

  def phases(self) -> dict[str, float]:
    """Seconds of one call of each compiled function: the phases, and what ends a step."""
    seconds, compiled = {}, dict(self._engine.compiled)

    def timed(name):
      def call(*arguments):
        begun = time.perf_counter()
        results = jax.block_until_ready(compiled[name](*arguments))
        seconds[name] = time.perf_counter() - begun
        return results

      return call

    self._engine.compiled.update({name: timed(name) for name in compiled})
    try:
      self._engine.step(0, {'image': self._images[0]})  # in which every phase is due
    finally:
      self._engine.compiled.update(compiled)
    return seconds

  def memory(self) -> dict[str, int]:
    """Bytes that XLA plans for each function: arguments, new results, and what lies between."""
    planned = {}
    for name, function in self._engine.compiled.items():
      found = function.memory_analysis()
      planned[name] = (
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        - found.alias_size_in_bytes
        + found.temp_size_in_bytes
      )
    return planned


def measure(name: str, batch: int, rounds: int) -> dict:
  """Everything about one size."""
  jax.config.update('jax_enable_compilation_cache', False)  # compiling takes what it takes
  settings = sizes.size(name, batch)
  training, machine = Training(settings), peaks.Peaks()
  train = settings.train
  work = phase_work(network_work(settings.network, settings.data.size, 3), train)
  every = intervals(train)
  image_work = sum(work[phase] / every.get(phase, 1) for phase in work)
  peak = 'bfloat16' if settings.network.num_reduced else 'float32'
  training.cycle()  # to warm up
  rates, cycles, calls = [], [], {phase: [] for phase in training.phases()}
  for _ in range(rounds):
    rates.append(machine.measure())
    cycles.append(training.cycle())
    for phase, seconds in training.phases().items():
      calls[phase].append(seconds)
  images = CYCLE * train.batch_size
  shares = [
    image_work * images / seconds / rate[peak] / jax.device_count()
    for seconds, rate in zip(cycles, rates, strict=True)
  ]
  return {
    'batch': train.batch_size,
    'seconds_per_kimg': report.spread([1000 * seconds / images for seconds in cycles]),
    'images_per_second': report.spread([images / seconds for seconds in cycles]),
    'gflop_per_image': report.digits(image_work / 1e9),
    'share_of_peak': report.spread(shares),
    'peak': peak,
    'peaks': machine.summary(),
    'phases': {
      phase: _phase(seconds, work.get(phase), train.batch_size, rates, peak, every.get(phase, 1))
      for phase, seconds in calls.items()
    },
    'planned_mib': {phase: round(n / 2**20, 1) for phase, n in training.memory().items()},
    'peak_mib': round(report.peak_memory() / 2**20),
    'compile_seconds': {k: round(v, 1) for k, v in training.compile_seconds.items()},
  }


def _phase(seconds, work, batch, rates, peak, every):
  found = {'milliseconds': report.spread([1000 * s for s in seconds]), 'every': every}
  if work is not None:
    pairs = zip(seconds, rates, strict=True)
    share = statistics.median(work * batch / s / rate[peak] for s, rate in pairs)
    found['share_of_peak'] = report.digits(share / jax.device_count(), 3)
  return found


def _print(name, found):
  peak = found['peaks']
  print(
    f'\n{name}, batch {found["batch"]}: {found["seconds_per_kimg"]["median"]:.4g} s/kimg, '
    f'{found["images_per_second"]["median"]:.4g} images/s, '
    f'{found["share_of_peak"]["median"]:.0%} of {peak[found["peak"] + "_gflop_per_s"]:.0f} GFLOP/s '
    f'({found["peak"]} products), {found["gflop_per_image"]:.3g} GFLOP an image; at most '
    f'{found["peak_mib"]} MiB; compiled in {found["compile_seconds"]["all"]:.0f} s'
  )
  rows = [('phase', 'ms', 'least', 'most', 'every', 'of peak', 'MiB', 'compile s')]
  for phase, values in found['phases'].items():
    ms, share = values['milliseconds'], values.get('share_of_peak')
    rows.append(
      (
        phase,
        *(ms[key] for key in ('median', 'min', 'max')),
        values['every'],
        '' if share is None else f'{share:.0%}',
        found['planned_mib'][phase],
        found['compile_seconds'][phase],
      )
    )
  print(report.table(rows), flush=True)


def main():
  """Measures and prints; writes JSON with --out."""
  parser = report.parser(__doc__)
  parser.add_argument('--sizes', default=','.join(sizes.SMALL), help='of ' + ', '.join(sizes.SIZES))
  parser.add_argument('--batch', type=int, default=0, help='another than that of the size')
  parser.add_argument('--alone', action='store_true', help='in this process, one size')
  flags = parser.parse_args()
  names = flags.sizes.split(',')
  if flags.alone:
    report.write(flags.out, measure(*names, flags.batch, flags.rounds))
    return
  command = [sys.executable, __file__, '--alone', f'--rounds={flags.rounds}']
  results = {'command': 'python benchmarks/step.py', **report.machine()}
  with tempfile.TemporaryDirectory() as folder:
    for name in names:
      out = pathlib.Path(folder) / name
      subprocess.run(
        [*command, f'--sizes={name}', f'--batch={flags.batch}', f'--out={out}'], check=True
      )
      results[name] = json.loads(out.read_text())
      _print(name, results[name])
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
