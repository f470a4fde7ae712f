"""Measures how fast images are generated, from seeds to uint8 at psi 0.7.

  python benchmarks/generate.py --out=benchmarks/results/generate.json

Random weights, on which the time does not depend; what a trained run does is measured by
benchmarks/sampling.py. In a round every batch size takes its turn, after the machine's peaks. The
share is that of the peak of float32 products in the same round (bfloat16 where most of a size
computes in that), by operations of mapping and synthesis counted from the networks' sizes.
"""

import math
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()
backend.run_where_called()  # as where a model is read

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import peaks  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402

from stylegan2_jax.networks.builder import build_networks, init_networks  # noqa: E402
from stylegan2_jax.networks.work import network_work  # noqa: E402
from stylegan2_jax.sampler import Sampler  # noqa: E402

_SECONDS = 1.0  # about so long is a batch size timed in a round


def measure(settings, batches, rounds) -> dict:
  """Images/s and share of the peak by batch size."""
  data = settings.data
  generator, discriminator = build_networks(settings.network, data.size, data.channels, 0)
  params, _, maps = init_networks(jax.random.key(0), generator, discriminator)
  sampler = Sampler(generator, params, jnp.zeros(settings.network.w_dim), maps)
  work = network_work(settings.network, data.size, data.channels)
  peak = 'bfloat16' if settings.network.num_reduced else 'float32'

  def seconds(batch, count):
    begun = time.perf_counter()
    sampler.sample(range(count), psi=0.7, batch_size=batch)
    return time.perf_counter() - begun

  counts = {}
  for batch in batches:
    seconds(batch, batch)  # compiles
    counts[batch] = batch * math.ceil(_SECONDS / seconds(batch, batch))
  machine, speeds, shares = peaks.Peaks(), {b: [] for b in batches}, {b: [] for b in batches}
  for _ in range(rounds):
    rate = machine.measure()[peak]
    for batch, count in counts.items():
      speed = count / seconds(batch, count)
      speeds[batch].append(speed)
      shares[batch].append((work.mapping + work.synthesis) * speed / rate)
  return {
    'gflop_per_image': report.digits((work.mapping + work.synthesis) / 1e9),
    'peak': peak,
    'peaks': machine.summary(),
    'best_batch': max(batches, key=lambda batch: statistics.median(speeds[batch])),
    'by_batch': {
      batch: {
        'images_per_second': report.spread(speeds[batch]),
        'share_of_peak': report.spread(shares[batch]),
      }
      for batch in batches
    },
  }


def main():
  """Measures and prints; writes JSON with --out."""
  parser = report.parser(__doc__)
  parser.add_argument('--sizes', default=','.join(sizes.SMALL), help='of ' + ', '.join(sizes.SIZES))
  usual = '8,16,32' if jax.default_backend() == 'cpu' else '16,32,64'
  parser.add_argument('--batches', default=usual)
  flags = parser.parse_args()
  batches = [int(batch) for batch in flags.batches.split(',')]
  results = {'command': 'python benchmarks/generate.py', **report.machine()}
  heads = (f'batch {batch}' for batch in batches)
  rows = [('images/s (of the peak)', *heads, 'best', 'GFLOP an image', 'peak, GFLOP/s')]
  for name in flags.sizes.split(','):
    found = results[name] = measure(sizes.size(name), batches, flags.rounds)
    cells = [
      f'{values["images_per_second"]["median"]:.4g} ({values["share_of_peak"]["median"]:.0%})'
      for values in found['by_batch'].values()
    ]
    peak = f'{found["peaks"][found["peak"] + "_gflop_per_s"]:.0f} ({found["peak"]})'
    rows.append((name, *cells, found['best_batch'], found['gflop_per_image'], peak))
  print(report.table(rows))
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
