"""Measures how fast Inception-v3 makes features, beside the machine's matrix products.

  python benchmarks/features.py --pytorch=/usr/bin/python3 --out=benchmarks/results/features.json

Images/s: uint8 of 299x299 pixels to 2048 features, for each batch size, on random weights. The
peak: float32 products of 2048x2048 matrices in the same process, as multiply-adds per second. With
--pytorch, the same network of the package pytorch-fid with the same weights and images runs in
another interpreter, which has it and PyTorch, on as many threads as there are cores. All take turns
in every round; the load averages say what else the machine did. Where it did much, threads that
wait for each other lose most: `taskset -c 0` in front gives one core to each, and seconds of the
processor say more than those of the clock. Shares and ratios are medians of those within rounds.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import platform
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

from stylegan2_jax.metrics.features.inception import inception_pools  # noqa: E402
from stylegan2_jax.metrics.features.inception_files import load_inception  # noqa: E402
from stylegan2_jax.metrics.features.inception_layers import (  # noqa: E402
  CLASSES,
  SIDE,
  WIDTH,
  conv_shapes,
  multiplications,
)

_BATCHES = (1, 4, 16)
_SECONDS = 2.0  # about so long is each timed in a round
_MATRIX = 2048


def random_state():
  """Weights by the names of the PyTorch ports, which keep activations at one scale."""
  rng, state = np.random.default_rng(0), {}
  for name, (height, width, inputs, outputs) in conv_shapes().items():
    kernel = rng.standard_normal((outputs, inputs, height, width), np.float32)
    state[f'{name}.conv.weight'] = kernel * np.float32(math.sqrt(2 / (inputs * height * width)))
    for part in ('weight', 'running_var'):
      state[f'{name}.bn.{part}'] = rng.uniform(0.9, 1.1, outputs).astype(np.float32)
    for part in ('bias', 'running_mean'):
      state[f'{name}.bn.{part}'] = rng.normal(0, 0.1, outputs).astype(np.float32)
  state['fc.weight'] = rng.standard_normal((CLASSES, WIDTH), np.float32)
  state['fc.bias'] = np.zeros(CLASSES, np.float32)
  return state


class Ours:
  """This package's network, compiled."""

  def __init__(self, folder):
    self._images = np.load(folder / 'images.npy')
    self._weights = jax.device_put(load_inception(folder / 'weights.npz'))
    self._run = jax.jit(lambda weights, images: inception_pools(weights, images)[WIDTH])

  def features(self, batch):
    """Of the first images."""
    return np.asarray(self._run(self._weights, self._images[:batch]))

  def seconds(self, batch, repeats):
    """For so many times the same batch."""
    return _timed(lambda: self.features(batch), repeats)


class Theirs:
  """pytorch-fid's network in another process: benchmarks/features_pytorch.py."""

  def __init__(self, interpreter, folder):
    script = pathlib.Path(__file__).with_name('features_pytorch.py')
    self._folder = folder
    self._process = subprocess.Popen(
      [interpreter, str(script), str(folder)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )
    self.about = json.loads(self._process.stdout.readline())

  def features(self, batch):
    """Of the first images."""
    self.seconds(batch, 1)
    return np.load(self._folder / 'features.npy')

  def seconds(self, batch, repeats):
    """For so many times the same batch."""
    self._process.stdin.write(f'{batch} {repeats}\n')
    self._process.stdin.flush()
    return tuple(map(float, self._process.stdout.readline().split()))

  def close(self):
    """Ends the process."""
    self._process.stdin.close()
    self._process.wait()


class Products:
  """Matrix products: `batch` is of no account."""

  def __init__(self):
    self._matrix = jax.random.normal(jax.random.key(0), (_MATRIX, _MATRIX))
    highest = jax.lax.Precision.HIGHEST
    self._run = jax.jit(lambda x: jax.numpy.matmul(x, x, precision=highest))

  def seconds(self, batch, repeats):
    """For so many products."""
    del batch
    return _timed(lambda: self._run(self._matrix).block_until_ready(), repeats)


def _timed(function, repeats):
  """Seconds of the clock, and of the processors."""
  begun, busy = time.perf_counter(), time.process_time()
  for _ in range(repeats):
    function()
  return time.perf_counter() - begun, time.process_time() - busy


def measure(networks, batch, rounds):
  """Of each network in every round: seconds for an image or a product, and of the processors."""
  repeats = {}
  for name, network in networks.items():
    network.seconds(batch, 1)  # compiles
    repeats[name] = math.ceil(_SECONDS / network.seconds(batch, 1)[0])
  taken = {name: [] for name in networks}
  for _ in range(rounds):
    for name, network in networks.items():
      count = repeats[name] * (1 if name == 'products' else batch)
      taken[name].append([x / count for x in network.seconds(batch, repeats[name])])
  return {name: np.array(values) for name, values in taken.items()}  # [rounds, 2]


def summary(taken):
  """What is printed of one batch size."""
  (ours, busy), (product, busy_product) = taken['ours'].T, taken['products'].T
  work = multiplications() / _MATRIX**3  # products that an image is worth
  found = {
    'images_per_second': _digits(1 / ours),
    'processor_seconds_per_image': _digits(busy),
    'peak_gigamultiplications_per_second': _digits(_MATRIX**3 / product / 1e9),
    'share_of_peak': _digits(work * product / ours),
    'share_of_peak_by_processor_seconds': _digits(work * busy_product / busy),
  }
  if 'theirs' in taken:
    theirs, busy_theirs = taken['theirs'].T
    found |= {
      'pytorch_images_per_second': _digits(1 / theirs),
      'pytorch_processor_seconds_per_image': _digits(busy_theirs),
      'times_pytorch': _digits(theirs / ours),
      'times_pytorch_by_processor_seconds': _digits(busy_theirs / busy),
    }
  return found


def _digits(values):
  found = {'median': statistics.median(values), 'min': min(values), 'max': max(values)}
  return {name: float(f'{value:.3g}') for name, value in found.items()}


def main():
  """Measures and prints; writes JSON with --out."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--pytorch', help='interpreter that has torch, torchvision and pytorch_fid')
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--out')
  flags = parser.parse_args()
  cores = len(os.sched_getaffinity(0))
  command = f'python benchmarks/features.py{" --pytorch=PYTHON" * bool(flags.pytorch)}'
  results = {
    'command': 'taskset -c 0 ' * (cores == 1) + command,
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'cores': cores,
    'machine': platform.machine(),
    'jax': jax.__version__,
    'rounds': flags.rounds,
    'multiplications_per_image': multiplications(),
    'load_average_before': round(os.getloadavg()[0], 1),
  }
  with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
    folder = pathlib.Path(name)
    np.savez(folder / 'weights.npz', **random_state())
    shape = (max(_BATCHES), SIDE, SIDE, 3)
    np.save(folder / 'images.npy', np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    networks = {'ours': Ours(folder), 'products': Products()}
    if flags.pytorch:
      networks['theirs'] = stack.enter_context(contextlib.closing(Theirs(flags.pytorch, folder)))
      ours, theirs = (networks[name].features(4) for name in ('ours', 'theirs'))
      error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
      results['pytorch'] = {**networks['theirs'].about, 'largest_difference': float(f'{error:.2g}')}
    for batch in _BATCHES:
      results[f'batch_{batch}'] = summary(measure(networks, batch, flags.rounds))
  results['load_average_after'] = round(os.getloadavg()[0], 1)
  print(json.dumps(results, indent=2))
  if flags.out:
    pathlib.Path(flags.out).parent.mkdir(exist_ok=True)
    pathlib.Path(flags.out).write_text(json.dumps(results, indent=2) + '\n')


if __name__ == '__main__':
  main()
