"""Times forms of the networks' linear operations against each other, forwards and backwards.

  python benchmarks/ops.py --out=benchmarks/results/ops.json

For each shape and form: milliseconds forwards, of the gradient of the input, and of that of the
weights, and which share of the peak of float32 products in the same round they reach. The first
form of each group is the one that the networks use; each of the others must first give the same
numbers. `augment`: ADA's transforms beside a forward pass of D; `random`: the noise of a batch by
JAX's two generators. All forms of a group take turns within a round.
"""

import functools
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()

import forms  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
import peaks  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402

from stylegan2_jax.augment.choose import choose_augmenter  # noqa: E402
from stylegan2_jax.networks.builder import build_networks, init_networks  # noqa: E402
from stylegan2_jax.ops.conv import conv2d, downsample_conv2d, upsample_conv2d  # noqa: E402
from stylegan2_jax.ops.fir import filter2d  # noqa: E402
from stylegan2_jax.ops.modulated_conv import modulated_conv2d  # noqa: E402
from stylegan2_jax.settings import AugmentSettings  # noqa: E402

# (resolution, C_in, C_out) of convolutions of 64px, a low, a middle and the highest resolution.
_SHAPES = ((8, 256, 256), (32, 128, 128), (64, 64, 64))
_UP = ((4, 256, 256), (16, 256, 128), (32, 128, 64))
_DOWN = ((8, 256, 256), (32, 128, 256), (64, 64, 128))

GROUPS = {
  'conv': (
    _SHAPES,
    {
      'native, NHWC': functools.partial(conv2d, padding=1),
      'native, NCHW': forms.conv_nchw,
      'im2col': forms.conv_im2col,
      'nine products': forms.conv_shifted,
    },
  ),
  'up': (
    _UP,
    {
      'product, scatter': upsample_conv2d,
      'dilated': forms.upsample_dilated,
      'four phases': forms.upsample_phases,
      'FIR merged': forms.upsample_merged,
    },
  ),
  'down': (
    _DOWN,
    {
      'FIR, native stride 2': downsample_conv2d,
      'FIR, im2col': forms.downsample_im2col,
      'FIR, space to depth': forms.downsample_to_depth,
    },
  ),
  'fir': (
    _SHAPES[1:],
    {
      'shifted sums, transpose stated': filter2d,
      'shifted sums, derived': forms.fir_derived,
      '16 taps': forms.fir_square,
      'depthwise': forms.fir_depthwise,
    },
  ),
  'modulated': (
    _SHAPES,
    {'activations scaled': modulated_conv2d, 'a kernel per sample': forms.modulated_grouped},
  ),
}


def arguments(group, shape, batch, rng):
  """(random arguments of a form, operations forwards)."""
  side, c_in, c_out = shape
  x = rng.standard_normal((batch, side, side, c_in), np.float32)
  if group == 'fir':
    return (x,), 2 * 4 * 2 * x.size
  weight = rng.standard_normal((3, 3, c_in, c_out), np.float32)
  pixels = side * side // 4 if group == 'down' else side * side
  work = 2 * 9 * batch * pixels * c_in * c_out
  if group == 'modulated':
    return (x, weight, rng.standard_normal((batch, c_in), np.float32)), work
  return (x, weight), work


def passes(fn, given, cotangent):
  """Compiled functions without arguments: forwards, and the gradient of each argument."""

  def gradient(i):
    def back(cotangent, *given):
      others = lambda x: fn(*given[:i], x, *given[i + 1 :])  # noqa: E731
      return jax.vjp(others, given[i])[1](cotangent)[0]

    return functools.partial(jax.jit(back), cotangent, *given)

  names = ('input', 'weight', 'styles')[: len(given)]
  made = {'forwards': functools.partial(jax.jit(fn), *given)}
  return made | {name: gradient(i) for i, name in enumerate(names)}


def check(expected, found, what):
  """Ends the benchmark where a form computes something else."""
  error = float(np.abs(found - expected).max() / np.abs(expected).max())
  if not error < 1e-4:
    sys.exit(f'{what} differs from the form in use by {error:.2g} of the largest value')


def measure_group(group, batch, rounds, machine) -> dict:
  """Shape -> form -> pass -> milliseconds and share of the peak."""
  shapes, made = GROUPS[group]
  rng, results = np.random.default_rng(0), {}
  for shape in shapes:
    given, work = arguments(group, shape, batch, rng)
    given = jax.device_put(given)
    first = next(iter(made.values()))
    out = jax.eval_shape(first, *given)
    cotangent = jax.device_put(rng.standard_normal(out.shape, np.float32))
    compiled = {name: passes(fn, given, cotangent) for name, fn in made.items()}
    expected = {name: np.asarray(call()) for name, call in next(iter(compiled.values())).items()}
    for name, calls in compiled.items():
      for part, call in calls.items():
        check(expected[part], np.asarray(call()), f'{group}, {name}, {part}, {shape}')
    taken = {(name, part): [] for name, calls in compiled.items() for part in calls}
    shares = {key: [] for key in taken}
    for _ in range(rounds):
      rate = machine.measure(1)['float32']
      for name, part in taken:
        seconds = _seconds(compiled[name][part])
        taken[name, part].append(1e3 * seconds)
        shares[name, part].append(work / seconds / rate)
    results['{}x{}, {} to {}'.format(shape[0], *shape)] = {
      name: {
        part: {
          'milliseconds': report.spread(taken[name, part]),
          'share_of_peak': report.digits(statistics.median(shares[name, part]), 3),
        }
        for part in calls
      }
      for name, calls in compiled.items()
    }
  return results


def _seconds(call) -> float:
  """The median of three calls; one before warms up."""
  times = []
  for _ in range(4):
    begun = time.perf_counter()
    jax.block_until_ready(call())
    times.append(time.perf_counter() - begun)
  return statistics.median(times[1:])


def measure_augment(batch, rounds) -> dict:
  """Milliseconds for a batch of 64×64: D forwards, and ADA's transforms with their gradient."""
  settings = sizes.size('64px')
  networks = build_networks(settings.network, settings.data.size, 3, 0)
  params = init_networks(jax.random.key(0), *networks)[1]
  img = jax.random.uniform(jax.random.key(1), (batch, 64, 64, 3), minval=-1)
  keys = jax.random.split(jax.random.key(2), batch)
  p, calls = jax.numpy.float32(0.5), {}
  discriminate = jax.jit(networks[1].apply)
  calls['D, forwards'] = lambda: discriminate({'params': params}, img)
  for transforms in ('bgc', 'bgcfnc'):
    augment = choose_augmenter(AugmentSettings(kind='fixed', transforms=transforms, p=0.5))
    run = jax.jit(augment)
    back = jax.jit(lambda img, f=augment: jax.vjp(lambda x: f(keys, p, x), img)[1](img)[0])
    calls[f'{transforms}, forwards'] = lambda run=run: run(keys, p, img)
    calls[f'{transforms}, gradient'] = lambda back=back: back(img)
  return _turns(calls, rounds)


def measure_random(batch, rounds) -> dict:
  """Milliseconds for the noise of a batch at 64×64."""
  calls = {}
  for name in ('threefry2x32', 'rbg'):
    key = jax.random.key(0, impl=name)
    draw = jax.jit(lambda key: jax.random.normal(key, (batch, 2 * 64 * 64)))
    calls[name] = lambda draw=draw, key=key: draw(key)
  return _turns(calls, rounds)


def _turns(calls, rounds):
  taken = {name: [] for name in calls}
  for _ in range(rounds):
    for name, call in calls.items():
      taken[name].append(1e3 * _seconds(call))
  return {name: {'milliseconds': report.spread(values)} for name, values in taken.items()}


def _print(group, results):
  for shape, made in results.items():
    parts = list(next(iter(made.values())))
    rows = [(f'{group}, {shape}', *(f'{part}, ms' for part in parts))]
    for name, values in made.items():
      cells = (
        f'{values[part]["milliseconds"]["median"]:.3g} ({values[part]["share_of_peak"]:.0%})'
        for part in parts
      )
      rows.append((name, *cells))
    print(report.table(rows) + '\n', flush=True)


def main():
  """Measures and prints; writes JSON with --out."""
  every = (*GROUPS, 'augment', 'random')
  parser = report.parser(__doc__)
  parser.add_argument('--groups', default=','.join(every))
  parser.add_argument('--batch', type=int, default=8)
  flags = parser.parse_args()
  results, machine = {'command': 'python benchmarks/ops.py', **report.machine()}, peaks.Peaks()
  for group in flags.groups.split(','):
    if group in GROUPS:
      results[group] = measure_group(group, flags.batch, flags.rounds, machine)
      _print(group, results[group])
      continue
    measured = {'augment': measure_augment, 'random': measure_random}[group]
    results[group] = measured(flags.batch, flags.rounds)
    rows = [(n, values['milliseconds']['median']) for n, values in results[group].items()]
    print(report.table([(f'{group}, batch {flags.batch}', 'ms'), *rows]) + '\n', flush=True)
  results['peaks'] = machine.summary()
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
