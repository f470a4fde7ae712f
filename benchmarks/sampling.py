"""Measures how fast images are drawn, and how long the first one takes.

  python benchmarks/sampling.py --workdir=runs/shapes --out=benchmarks/results/sampling.json

Images/s: from seeds to uint8, for each batch size, all sizes in turn in every round, so that what
else the machine does falls on all alike; the load averages say how much that was. The first image:
`launch.py sample` of one seed, from the start of the process to its end, when the PNG is written;
cold with an empty compilation cache, warm with what the cold one left there. Python's own bytecode
is compiled already in both.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import resource
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

from stylegan2_jax import StyleGAN2  # noqa: E402
from stylegan2_jax.sampler import Sampler  # noqa: E402

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_BATCHES = (1, 2, 4, 8, 16, 32)
_SECONDS = 0.5  # about so long is a batch size timed in a round


def images_per_second(gan, rounds):
  """{batch size: the median of all rounds, the least, the most}."""
  sampler = Sampler(gan.generator, gan.params['generator'], gan.w_avg, gan.noise_maps)
  label = np.eye(gan.c_dim, dtype=np.float32)[:1] if gan.c_dim else None

  def seconds(batch, count):
    labels = None if label is None else np.repeat(label, count, axis=0)
    begun = time.perf_counter()
    sampler.sample(range(count), labels=labels, batch_size=batch)
    return time.perf_counter() - begun

  counts = {}
  for batch in _BATCHES:
    seconds(batch, batch)  # compiles
    counts[batch] = batch * math.ceil(_SECONDS / seconds(batch, batch))
  speeds = {batch: [] for batch in _BATCHES}
  for _ in range(rounds):
    for batch, count in counts.items():
      speeds[batch].append(count / seconds(batch, count))
  return {batch: _summary(values, 0) for batch, values in speeds.items()}


def first_image(workdir, rounds):
  """Seconds of the command and of the processors, cold and warm by turns."""
  taken = {'cold': [], 'warm': []}
  for _ in range(rounds):
    with tempfile.TemporaryDirectory() as folder:
      for kind in ('cold', 'warm'):
        taken[kind].append(_command(workdir, pathlib.Path(folder)))
  return {
    kind: {'seconds': _summary(whole, 2), 'processor_seconds': _summary(busy, 2)}
    for kind, (whole, busy) in ((kind, zip(*pairs, strict=True)) for kind, pairs in taken.items())
  }


def _command(workdir, folder):
  """(seconds, seconds of processor time) of drawing one image."""
  out = folder / 'image.png'
  out.unlink(missing_ok=True)
  command = [sys.executable, str(_ROOT / 'launch.py'), 'sample', f'--workdir={workdir}']
  environ = {**os.environ, 'JAX_COMPILATION_CACHE_DIR': str(folder / 'cache')}
  begun, busy = time.perf_counter(), _busy()
  subprocess.run(
    [*command, '--seeds=0', f'--out={out}'], env=environ, check=True, stdout=subprocess.DEVNULL
  )
  assert out.stat().st_size
  return time.perf_counter() - begun, _busy() - busy


def _busy():
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


def _summary(values, digits):
  found = {'median': statistics.median(values), 'min': min(values), 'max': max(values)}
  return {name: round(value, digits) for name, value in found.items()}


def main():
  """Measures and prints; writes JSON with --out."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--workdir', nargs='+', default=['runs/shapes'])
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--out')
  flags = parser.parse_args()
  results = {
    'command': f'python benchmarks/sampling.py --workdir {" ".join(flags.workdir)}',
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'cores': os.cpu_count(),
    'machine': platform.machine(),
    'jax': jax.__version__,
    'rounds': flags.rounds,
    'load_average_before': round(os.getloadavg()[0], 1),
  }
  for workdir in flags.workdir:
    gan = StyleGAN2.load(workdir, discriminator=False)
    results[pathlib.Path(workdir).name] = {
      'size': list(gan.size),
      'generator_parameters': sum(x.size for x in jax.tree.leaves(gan.params['generator'])),
      'images_per_second_by_batch_size': images_per_second(gan, flags.rounds),
      'seconds_to_the_first_image': first_image(workdir, flags.rounds),
    }
  results['load_average_after'] = round(os.getloadavg()[0], 1)
  print(json.dumps(results, indent=2))
  if flags.out:
    pathlib.Path(flags.out).parent.mkdir(exist_ok=True)
    pathlib.Path(flags.out).write_text(json.dumps(results, indent=2) + '\n')


if __name__ == '__main__':
  main()
