"""Trains the same networks in float32, bfloat16 and float16, and compares what becomes of them.

  python benchmarks/precision.py --out=benchmarks/results/precision.json

All phases of configs/tiny.py on the built-in shapes, from the same seed, with clamp 256 and the
four highest resolutions in few bits; nothing scales the losses. Runs from another seed show by how
much runs differ anyway. Each line has means over the last half of the steps, and how many gradients
and parameters were not finite in all of them.
"""

import argparse
import dataclasses
import json
import pathlib
import platform
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()

import jax  # noqa: E402
import numpy as np  # noqa: E402

from stylegan2_jax import presets  # noqa: E402
from stylegan2_jax.data import shapes  # noqa: E402
from stylegan2_jax.networks.builder import build_networks  # noqa: E402
from stylegan2_jax.training.engine import Engine  # noqa: E402
from stylegan2_jax.training.state import new_state  # noqa: E402

_RUNS = (('float32', 0), ('float16', 0), ('bfloat16', 0), ('float32', 1), ('float16', 1))
_SCALARS = ('loss_g', 'loss_d', 'r1_penalty', 'path_length')
_PICTURES = 1024


def train(settings, pictures: np.ndarray, steps: int) -> dict:
  """One run: means of the scalars over its last half, counts of what is not finite."""
  data, batch_size = settings.data, settings.train.batch_size
  modules = build_networks(settings.network, data.size, data.channels, 0)
  state = new_state(settings.seed, *modules, settings.train)
  engine = Engine(settings, modules, state, None)
  engine.compile(lambda name, seconds: None)
  rng, found, bad_gradients, bad_params = np.random.default_rng(0), [], 0, 0
  labels = np.full(batch_size, -1, np.int32)
  for step in range(steps):
    batch = pictures[rng.integers(0, len(pictures), batch_size)]
    outcome = engine.step(step, {'image': batch, 'label': labels})
    bad_gradients += sum(sum(counts.values()) for counts in outcome.nonfinite.values())
    bad_params += len(outcome.bad_params)
    found.append(outcome.metrics)
  late = found[steps // 2 :]
  means = {
    name: float(np.mean([metrics[name] for metrics in late if name in metrics]))
    for name in _SCALARS
  }
  counts = {'gradients_not_finite': bad_gradients, 'parameters_not_finite': bad_params}
  return {**means, **counts}


def main():
  """Measures and prints; writes JSON with --out."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--config', default='configs/tiny.py')
  parser.add_argument('--steps', type=int, default=2000)
  parser.add_argument('--out')
  flags = parser.parse_args()
  settings = presets.load_settings(flags.config)
  factors = shapes.sample_factors(np.arange(_PICTURES))
  pictures = np.asarray(shapes.draw(factors, settings.data.resolution))
  runs = []
  for dtype, seed in _RUNS:
    network = dataclasses.replace(settings.network, num_reduced=4, reduced_dtype=dtype, clamp=256.0)
    changed = dataclasses.replace(settings, seed=seed, network=network)
    runs.append({'dtype': dtype, 'seed': seed, **train(changed, pictures, flags.steps)})
    print(json.dumps(runs[-1]), flush=True)
  result = {
    'command': 'python benchmarks/precision.py',
    'config': flags.config,
    'steps': flags.steps,
    'device': f'{jax.device_count()} x {jax.devices()[0].device_kind}',
    'machine': platform.machine(),
    'jax': jax.__version__,
    'runs': runs,
  }
  if flags.out:
    pathlib.Path(flags.out).parent.mkdir(exist_ok=True)
    pathlib.Path(flags.out).write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
  main()
