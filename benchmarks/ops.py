"""Times forms of the networks' linear operations against each other, forwards and backwards.

  python benchmarks/ops.py --out=benchmarks/results/ops.json

For each shape and form: milliseconds forwards, of the gradient of the input, and of that of the
weights, and which share of the peak of float32 products in the same round they reach. The shapes
are those of some sizes at a low, a middle and the highest resolution. The first form of each group
is the one that the networks use; each of the others must first give the same numbers, forwards and
backwards. `augment`: ADA's transforms beside a forward pass of D, for one image of a batch of
64×64; `random`: the noise of such a batch by JAX's two generators. All forms of a group take turns
within a round.
"""

import functools
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()
backend.run_where_called()  # as in training

import forms  # noqa: E402
import jax  # noqa: E402
import numpy as np  # noqa: E402
import peaks  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402

from stylegan2_jax.augment.choose import choose_augmenter  # noqa: E402
from stylegan2_jax.geometry import block_resolutions  # noqa: E402
from stylegan2_jax.networks.builder import build_networks, init_networks  # noqa: E402
from stylegan2_jax.networks.layers import num_channels  # noqa: E402
from stylegan2_jax.networks.noise import random_noise  # noqa: E402
from stylegan2_jax.settings import AugmentSettings  # noqa: E402


def shapes(group: str, names: list[str]) -> list[tuple[int, int, int]]:
  """(side of the input, C_in, C_out) at a low, a middle and the highest resolution of sizes."""
  found = {}  # an ordered set: sizes may share shapes
  for name in names:
    settings = sizes.size(name)
    network = settings.network
    wide = functools.partial(
      num_channels, channel_base=network.channel_base, channel_max=network.channel_max
    )
    resolutions = block_resolutions(settings.data.resolution)[1:]
    for r in (resolutions[0], resolutions[len(resolutions) // 2], resolutions[-1]):
      up, down = (r // 2, wide(r // 2), wide(r)), (r, wide(r), wide(r // 2))
      found[{'up': up, 'down': down}.get(group, (r, wide(r), wide(r)))] = None
  return list(found)


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
  if found.shape != expected.shape:
    sys.exit(f'{what} is {found.shape}, in the form in use {expected.shape}')
  error = float(np.abs(found - expected).max() / np.abs(expected).max())
  if not error < 1e-4:
    sys.exit(f'{what} differs from the form in use by {error:.2g} of the largest value')


def measure_group(group, names, batch, rounds, machine) -> dict:
  """Shape -> form -> pass -> milliseconds and share of the peak."""
  rng, results = np.random.default_rng(0), {}
  for shape in shapes(group, names):
    given, work = arguments(group, shape, batch, rng)
    compiled = _compile(group, shape, jax.device_put(given), rng)
    taken = {(name, part): [] for name, calls in compiled.items() for part in calls}
    shares = {key: [] for key in taken}
    for _ in range(rounds):
      rate = machine.measure(2)['float32']
      for name, part in taken:
        seconds = peaks.best_of(2, compiled[name][part])
        taken[name, part].append(1e3 * seconds)
        shares[name, part].append(work / seconds / rate)
    made = results['{}x{}, {} to {}'.format(shape[0], *shape)] = {name: {} for name in compiled}
    for (name, part), values in taken.items():
      share = report.digits(statistics.median(shares[name, part]), 3)
      made[name][part] = {'milliseconds': report.spread(values), 'share_of_peak': share}
  return results


def _compile(group, shape, given, rng):
  """Form -> pass -> a call without arguments; all of them checked."""
  out = jax.eval_shape(next(iter(forms.GROUPS[group].values())), *given)
  cotangent = jax.device_put(rng.standard_normal(out.shape, np.float32))
  compiled, expected = {}, {}
  for name, fn in forms.GROUPS[group].items():
    compiled[name] = passes(fn, given, cotangent)
    for part, call in compiled[name].items():
      found = np.asarray(call())
      check(expected.setdefault(part, found), found, f'{group}, {name}, {part}, {shape}')
  return compiled


def measure_augment(batch, rounds) -> dict:
  """Milliseconds for one image of 64×64: D forwards, and ADA's transforms with their gradient."""
  settings = sizes.size('64px')
  networks = build_networks(settings.network, settings.data.size, 3, 0)
  params = init_networks(jax.random.key(0), *networks)[1]
  img = jax.random.uniform(jax.random.key(1), (batch, 64, 64, 3), minval=-1)
  cotangent = jax.random.normal(jax.random.key(2), img.shape)
  # Arguments, not constants, which the compiler would draw with beforehand.
  keys, p = jax.random.split(jax.random.key(3), batch), jax.numpy.float32(0.5)
  calls = {'D, forwards': functools.partial(jax.jit(networks[1].apply), {'params': params}, img)}
  for transforms in ('bgc', 'bgcfnc'):
    augment = choose_augmenter(AugmentSettings(kind='fixed', transforms=transforms, p=0.5))

    def back(keys, p, img, cotangent, augment=augment):
      return jax.vjp(lambda x: augment(keys, p, x), img)[1](cotangent)[0]

    calls[f'{transforms}, forwards'] = functools.partial(jax.jit(augment), keys, p, img)
    calls[f'{transforms}, gradient'] = functools.partial(jax.jit(back), keys, p, img, cotangent)
  return _turns(calls, rounds, batch)


def measure_random(batch, rounds) -> dict:
  """Milliseconds for the noise maps of a batch of 64×64."""
  size, calls = sizes.size('64px').data.size, {}
  for name in ('threefry2x32', 'rbg'):
    keys = jax.random.split(jax.random.key(0, impl=name), batch)
    calls[name] = functools.partial(jax.jit(lambda keys: random_noise(keys, size)), keys)
  return _turns(calls, rounds, 1)


def _turns(calls, rounds, count):
  """Name -> milliseconds of a call for each of `count`, and how many times those of the first."""
  taken = {name: [] for name in calls}
  for _ in range(rounds):
    for name, call in calls.items():
      taken[name].append(1e3 * peaks.best_of(5, call) / count)
  first = next(iter(taken.values()))
  return {
    name: {
      'milliseconds': report.spread(values),
      'ratio': report.spread([a / b for a, b in zip(values, first, strict=True)]),
    }
    for name, values in taken.items()
  }


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


def _print_turns(head, results):
  rows = [(head, 'ms', 'of the first', 'least', 'most')]
  for name, values in results.items():
    rows.append((name, values['milliseconds']['median'], *values['ratio'].values()))
  print(report.table(rows) + '\n', flush=True)


def main():
  """Measures and prints; writes JSON with --out."""
  every, on_cpu = (*forms.GROUPS, 'augment', 'random'), jax.default_backend() == 'cpu'
  parser = report.parser(__doc__)
  parser.set_defaults(rounds=3)
  parser.add_argument('--groups', default=','.join(every))
  usual = 'cifar32,64px' if on_cpu else 'paper256,stylegan2'
  parser.add_argument('--sizes', default=usual, help='of ' + ', '.join(sizes.SIZES))
  parser.add_argument('--batch', type=int, default=8)
  flags = parser.parse_args()
  groups = flags.groups.split(',')
  if not set(groups) <= set(every):
    parser.error(f'--groups takes some of {",".join(every)}')
  if not on_cpu:  # as the peak: forms that multiply in TF32 differ by more than the check allows
    jax.config.update('jax_default_matmul_precision', 'highest')
  results, machine = {'command': 'python benchmarks/ops.py', **report.machine()}, peaks.Peaks()
  for group in groups:
    if group in forms.GROUPS:
      names = flags.sizes.split(',')
      results[group] = measure_group(group, names, flags.batch, flags.rounds, machine)
      _print(group, results[group])
    else:
      measured = {'augment': measure_augment, 'random': measure_random}[group]
      results[group] = measured(flags.batch, flags.rounds)
      _print_turns(
        {'augment': 'augment, an image', 'random': 'noise, a batch'}[group], results[group]
      )
  machine.measure()  # for those groups that need none
  results['peaks'] = machine.summary()
  report.write(flags.out, results)


if __name__ == '__main__':
  main()
