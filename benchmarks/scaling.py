"""Measures what it costs to cut a batch: over devices, and into micro-batches on one.

  python benchmarks/scaling.py --out=benchmarks/results/scaling.json

The same global batch on 1, 2 and 4 devices, a micro-batch on each, and on one device as 1, 2 and 4
micro-batches one after another. With d devices and with d micro-batches on one, the numbers that
come out are the same. On a CPU the devices are forced: they share its cores, so that ratios near 1
are the best there can be, and what is above is overhead. On GPUs as many are used as there are.

Each variant is a process that trains when it is told to. In a round all take turns for 16 real
steps, in which every phase runs as often as it should. Ratios are to one device with the whole
batch, medians of those within rounds. Memory: what XLA plans for a device in the hungriest phase.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()  # before JAX is imported: it would not look for its compilation cache later

import report  # noqa: E402

_SIZES = ('tiny32', 'cifar32')
_BATCH = 16
_WAYS = {  # name -> (devices, micro-batches on each); the others are compared with the first
  '1 device': (1, 1),
  '2 devices': (2, 1),
  '4 devices': (4, 1),
  '2 micro-batches': (1, 2),
  '4 micro-batches': (1, 4),
}


class Way:
  """A process that trains on so many devices, in so many micro-batches on each."""

  def __init__(self, size: str, batch: int, devices: int, chunks: int, platform: str):
    """Starts it and waits until it is warm; `platform`: 'cpu', 'gpu' or 'tpu'."""
    environ = dict(os.environ, XLA_PYTHON_CLIENT_PREALLOCATE='false')  # several share a GPU
    if platform == 'cpu':
      flag = f'--xla_force_host_platform_device_count={devices}'
      environ['XLA_FLAGS'] = f'{environ.get("XLA_FLAGS", "")} {flag}'.strip()
    elif platform == 'gpu':
      seen = environ.get('CUDA_VISIBLE_DEVICES') or ','.join(map(str, range(devices)))
      environ['CUDA_VISIBLE_DEVICES'] = ','.join(seen.split(',')[:devices])
    command = [
      *(sys.executable, __file__, '--serve', f'--sizes={size}', f'--batch={batch}'),
      f'--micro_batch={batch // devices // chunks}',
    ]
    pipe = subprocess.PIPE
    self._process = subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, text=True)
    self.planned_mib = self._answer()['planned_mib']

  def seconds(self) -> float:
    """Of the next 16 steps."""
    self._process.stdin.write('\n')
    self._process.stdin.flush()
    return self._answer()['seconds']

  def close(self) -> None:
    """Ends it."""
    self._process.stdin.close()
    self._process.wait()
    self._process.stdout.close()

  def _answer(self):
    line = self._process.stdout.readline()
    if not line:
      sys.exit(f'{" ".join(self._process.args)} ended with status {self._process.wait()}')
    return json.loads(line)


def serve(size: str, batch: int, micro_batch: int) -> None:
  """What the process of a `Way` does: 16 steps for each line of stdin."""
  import sizes
  import step

  settings = sizes.size(size, batch)
  train = dataclasses.replace(settings.train, micro_batch=micro_batch)
  training = step.Training(dataclasses.replace(settings, train=train))
  training.cycle()
  planned = max(training.memory().values())
  print(json.dumps({'planned_mib': round(planned / 2**20, 1)}), flush=True)
  for _ in sys.stdin:
    print(json.dumps({'seconds': training.cycle()}), flush=True)


def measure(size: str, batch: int, rounds: int, platform: str, count: int) -> dict:
  """Every way that `count` devices allow, on networks of one size."""
  ways = {}
  for name, (devices, chunks) in _WAYS.items():
    if devices <= count:
      ways[name] = Way(size, batch, devices, chunks, platform)
  taken = [{name: way.seconds() for name, way in ways.items()} for _ in range(rounds)]
  images, found = 16 * batch, {}  # a cycle of step.Training has 16 steps
  for name, way in ways.items():
    way.close()
    found[name] = {
      'seconds_per_kimg': report.spread([1000 * t[name] / images for t in taken]),
      'ratio': report.spread([t[name] / t['1 device'] for t in taken]),
      'planned_mib_per_device': way.planned_mib,
    }
  return found


def _machine():
  """(platform, devices that may be used, what report.machine says), asked in another process.

  In this one JAX would take the memory of a GPU.
  """
  code = (
    'import json, jax, report;'
    'print(json.dumps([jax.default_backend(), jax.device_count(), report.machine()]))'
  )
  folder = pathlib.Path(__file__).parent
  done = subprocess.run(
    [sys.executable, '-c', code], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
  )
  platform, count, about = json.loads(done.stdout)
  return platform, 4 if platform == 'cpu' else count, about


def _print(size, batch, found):
  rows = [(f'{size}, batch {batch}', 's/kimg', 'ratio', 'least', 'most', 'MiB a device')]
  for name, values in found.items():
    ratio = values['ratio']
    rows.append(
      (
        name,
        values['seconds_per_kimg']['median'],
        *(ratio[key] for key in ('median', 'min', 'max')),
        values['planned_mib_per_device'],
      )
    )
  print(report.table(rows) + '\n', flush=True)


def main():
  """Measures and prints; writes JSON with --out."""
  parser = report.parser(__doc__)
  parser.add_argument('--sizes', default=','.join(_SIZES), help='of benchmarks/sizes.py')
  parser.add_argument('--batch', type=int, default=_BATCH, help='over all devices')
  parser.add_argument('--serve', action='store_true', help='be one of the processes')
  parser.add_argument('--micro_batch', type=int, default=0, help='of that process')
  flags = parser.parse_args()
  if flags.serve:
    serve(flags.sizes, flags.batch, flags.micro_batch)
    return
  platform, count, about = _machine()
  results = {'command': 'python benchmarks/scaling.py', **about, 'batch': flags.batch}
  for size in flags.sizes.split(','):
    results[size] = measure(size, flags.batch, flags.rounds, platform, count)
    _print(size, flags.batch, results[size])
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
