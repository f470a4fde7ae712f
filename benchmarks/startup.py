"""Measures how long training takes from the start of its process to the end of its first step.

  python benchmarks/startup.py --out=benchmarks/results/startup.json

The demo, `launch.py --config=configs/shapes.py`, in a folder of its own, is ended as soon as it has
said that its first step is done. A round starts it three times: 'cold' with an empty compilation
cache, 'warm' with what that one left, 'no data' also without the data set, which is drawn first.
Beside them the same round measures this machine by a process of its own that imports JAX, compiles
a fixed small function (no cache) and multiplies matrices; starts are also given as times that
process. Its seconds, as all others, are of the clock, and of the processors where it says so.

Where the time goes is told from outside, by when the lines of the output come, by `-X importtime`
(summed until the data are open; modules imported later count for what imports them) and by the
first line of stats.jsonl. A phase is compiled while the next is traced, so that seconds overlap.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

_ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

_PRESET = 'configs/shapes.py'
_KIMG = 1.0  # longer than anybody waits
_IMPORT = re.compile(r'import time:\s*(\d+) \|')  # microseconds of a module without what it imports
_PHASE = re.compile(r'  (\w+): ([\d.]+) s$')
_STAGES = {  # name -> the line that it ends with; what comes before `data` is divided further
  'data': 'data: ',
  'devices': 'devices: ',
  'state': 'compiling ',
  'compile': 'training from ',
  'step': 'first step done ',
}


def start(folder: pathlib.Path, data: pathlib.Path, cache: pathlib.Path) -> dict:
  """Seconds of one start, by stages; `folder` is new, and holds the run afterwards."""
  command = [
    *(sys.executable, '-X', 'importtime', 'launch.py', f'--config={_PRESET}'),
    *(f'--workdir={folder}', f'--config.data.dir={data}', f'--config.train.total_kimg={_KIMG}'),
  ]
  environ = {**os.environ, 'JAX_COMPILATION_CACHE_DIR': str(cache)}
  environ.pop('PYTHONUNBUFFERED', None)  # lines would come in pieces, between those of imports
  begun = time.perf_counter()
  process = subprocess.Popen(
    command,
    cwd=_ROOT,
    env=environ,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  moments, phases, imports, drawn, said = {}, {}, 0, 0.0, []
  for line in process.stdout:
    now = time.perf_counter() - begun
    if found := _IMPORT.match(line):
      imports += int(found[1]) if 'data' not in moments else 0
      continue
    said.append(line)
    if found := _PHASE.match(line):
      phases[found[1]] = float(found[2])
    if line.startswith('preparing '):
      drawn = -now
    if line.startswith('prepared '):
      drawn += now
    moments |= {name: now for name, words in _STAGES.items() if line.startswith(words)}
    if 'step' in moments:
      break
  process.kill()
  _, _, usage = os.wait4(process.pid, 0)
  process.returncode = -9  # it is gone: nothing to wait for
  process.stdout.close()
  if 'step' not in moments:
    sys.exit(f'{" ".join(command)} ended early:\n{"".join(said)}')
  first = json.loads((folder / 'stats.jsonl').read_text().split('\n')[0])
  return {
    'all': moments['step'],
    'processors': usage.ru_utime + usage.ru_stime,
    'stages': {
      'imports': imports / 1e6,
      'data set drawn': drawn,
      'data opened': moments['data'] - imports / 1e6 - drawn,
      'fresh state': moments['state'] - moments['devices'],
      'compiled': moments['compile'] - moments['state'],
      'log opened': moments['step'] - moments['compile'] - first['seconds'],
      'first batch': first['data_wait_seconds'],
      'first step': first['seconds'] - first['data_wait_seconds'],
    },
    'phases': phases,
  }


def yardstick() -> dict[str, float]:
  """What this process takes to import JAX, to compile and to multiply: seconds; 1e9 operations/s.

  The function: 48 layers of two products each and their gradients, unrolled, twice differentiated.
  """
  begun, busy = time.perf_counter(), time.process_time()
  import jax
  import jax.numpy as jnp

  found = {'import': time.perf_counter() - begun, 'import processors': time.process_time() - busy}
  jax.config.update('jax_enable_compilation_cache', False)

  def penalty(weights, x):
    def loss(x):
      for w in weights:
        x = x + jnp.tanh(x @ w) @ w.T
      return jnp.sum(x**2)

    return jnp.sum(jax.grad(loss)(x) ** 2)

  shapes = [jax.ShapeDtypeStruct((64, 64), jnp.float32)] * 48
  lowered = jax.jit(jax.grad(penalty)).lower(shapes, shapes[0])
  begun, busy = time.perf_counter(), time.process_time()
  lowered.compile()
  found['compile'] = time.perf_counter() - begun
  found['compile processors'] = time.process_time() - busy

  import peaks

  x = jnp.ones((2048, 2048))
  product = jax.jit(lambda x: jnp.matmul(x, x, precision='highest'))
  found['float32 gflop_per_s'] = 2 * 2048**3 / peaks.best_of(5, lambda: product(x)) / 1e9
  return found


def measured_yardstick() -> dict[str, float]:
  """`yardstick` of a process of its own, and seconds from its start to its end as 'all'."""
  begun = time.perf_counter()
  command = [sys.executable, __file__, '--yardstick']
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
  return {'all': time.perf_counter() - begun, **json.loads(done.stdout)}


def rounds(count: int) -> list[dict]:
  """The starts and the yardstick of each round."""
  found = []
  with tempfile.TemporaryDirectory() as name:
    folder, data = pathlib.Path(name), pathlib.Path(name) / 'data'
    _prepare(data)
    for i in range(count):
      cache, base = folder / f'cache{i}', folder / f'run{i}'
      found.append(
        {
          'yardstick': measured_yardstick(),
          'cold': start(base / 'cold', data, cache),
          'warm': start(base / 'warm', data, cache),
          'no data': start(base / 'no data', folder / f'data{i}', cache),
        }
      )
  return found


def _prepare(data):
  """Draws the data set, so that it is there."""
  import dataclasses

  from stylegan2_jax import run_settings
  from stylegan2_jax.data.sources import open_source

  settings = run_settings.training_settings(str(_ROOT / _PRESET), {}, data)
  with contextlib.redirect_stdout(sys.stderr):
    open_source(dataclasses.replace(settings.data, dir=str(data)))


def summary(found: list[dict]) -> dict:
  """Medians and extremes of the starts, and of their ratios to the yardstick of the same round."""
  import report

  def over(get):
    return report.spread([get(round_) for round_ in found])

  results = {
    'yardstick': {name: over(lambda r, n=name: r['yardstick'][n]) for name in found[0]['yardstick']}
  }
  for kind in ('cold', 'warm', 'no data'):
    first = found[0][kind]
    results[kind] = {
      'seconds': over(lambda r, k=kind: r[k]['all']),
      'processor_seconds': over(lambda r, k=kind: r[k]['processors']),
      'times_yardstick': over(lambda r, k=kind: r[k]['all'] / r['yardstick']['all']),
      'stages': {n: over(lambda r, k=kind, n=n: r[k]['stages'][n]) for n in first['stages']},
      'phases': {n: over(lambda r, k=kind, n=n: r[k]['phases'][n]) for n in first['phases']},
    }
  return results


def _print(results):
  import report

  kinds = ('cold', 'warm', 'no data')
  rows = [('seconds (median)', *kinds)]
  for name in ('seconds', 'processor_seconds', 'times_yardstick'):
    rows.append((name.replace('_', ' '), *(results[kind][name]['median'] for kind in kinds)))
  for part in ('stages', 'phases'):
    for name in results['cold'][part]:
      indented = '  ' * (1 + (part == 'phases')) + name
      rows.append((indented, *(results[kind][part][name]['median'] for kind in kinds)))
  print(report.table(rows))
  found = {name: values['median'] for name, values in results['yardstick'].items()}
  print('yardstick: ' + ', '.join(f'{name} {value:.3g}' for name, value in found.items()))


def main():
  """Measures and prints; writes JSON with --out."""
  if sys.argv[1:] == ['--yardstick']:
    print(json.dumps(yardstick()))
    return
  import report

  parser = report.parser(__doc__)
  parser.set_defaults(rounds=3)
  flags = parser.parse_args()
  found = rounds(flags.rounds)
  # Not before: JAX would take the memory of a GPU.
  results = {'command': 'python benchmarks/startup.py', **report.machine()}
  results |= {'rounds': flags.rounds, **summary(found)}
  _print(results)
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
