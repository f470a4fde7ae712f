"""Predicts how fast an accelerator would train, from what each phase computes and moves.

  python benchmarks/predict.py --out=benchmarks/results/predict.json

Nothing runs. A phase takes max(operations / peak, bytes / bandwidth), each of both divided by
--efficiency. Operations are those of products and convolutions in the traced phase, in bfloat16 and
in all else apart. Bytes are estimated twice:

  by hand  each product, convolution, filter and look-up reads its operands and writes its result
           once, and one pass over the result of each product does what follows (noise, bias,
           activation); then Adam's and the EMA's passes over all parameters. Copies that a compiler
           adds, and what it fuses further or computes once where it is written twice, are not seen
  XLA      `cost_analysis` of the phase as compiled for the backend that is there. On a CPU an upper
           estimate: it fuses less, and computes bfloat16 in float32

The memory is XLA's plan for the backend that is there. Forms for CPUs are left out.
"""

import concurrent.futures
import functools
import math
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from stylegan2_jax import backend

backend.prepare()

import jax  # noqa: E402
import numpy as np  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402
from jax.extend import core  # noqa: E402

from stylegan2_jax.networks.builder import build_networks, variable_shapes  # noqa: E402
from stylegan2_jax.networks.work import network_work, phase_work  # noqa: E402
from stylegan2_jax.ops import backend_forms  # noqa: E402
from stylegan2_jax.training.chunks import chunk_layout  # noqa: E402
from stylegan2_jax.training.recipe import Recipe  # noqa: E402
from stylegan2_jax.training.schedule import intervals  # noqa: E402
from stylegan2_jax.training.state import make_state  # noqa: E402
from stylegan2_jax.training.steps import PHASE_STEPS, finish_step  # noqa: E402

_PRODUCTS = ('dot_general', 'conv_general_dilated')
_PASSES = (*_PRODUCTS, 'linear_map', 'gather', 'scatter-add')
_RESULT = re.compile(r'\s+(?:ROOT )?%?[\w.\-]+ = (\w+)\[([\d,]+)\]')


def functions(settings):
  """The phases and what ends a step, on one device: name -> (function, shapes of arguments)."""
  data, train = settings.data, settings.train
  networks = build_networks(settings.network, data.size, data.channels, 0)

  def make(*variables):
    return make_state(*variables, networks[0], train, jax.random.key(0), settings.augment)

  state = jax.eval_shape(make, *variable_shapes(*networks))
  chunks = jax.tree.map(lambda x: x[0], chunk_layout(train.batch_size, train.chunk_size, 1))
  shape = (*chunks.sample.shape, *data.size, data.channels)
  chunks = chunks.replace(images=jax.ShapeDtypeStruct(shape, np.uint8))
  recipe = Recipe(*networks, train, settings.augment)
  found = {
    phase: (functools.partial(PHASE_STEPS[phase], recipe=recipe), (state, chunks, None))
    for phase in intervals(train)
  }
  finish = functools.partial(finish_step, recipe=recipe)
  found |= {'average': (finish, (state, {'r1': np.zeros(1, np.int32)}, np.int32(0)))}
  return {name: (_for_any_backend(fn), arguments) for name, (fn, arguments) in found.items()}


def _for_any_backend(fn):
  """Without the forms that operations take on CPUs alone, in whichever thread it is traced."""

  def function(*arguments):
    with backend_forms.for_any_backend():
      return fn(*arguments)

  return function


def traced(jaxpr) -> dict[str, float]:
  """Operations in bfloat16 ('half') and all else ('full'), and 'bytes' of all but the updates."""
  total = {'half': 0, 'full': 0, 'bytes': 0}
  for equation in jaxpr.eqns:
    name = equation.primitive.name
    times = equation.params['length'] if name == 'scan' else 1
    for inner in _programs(equation.params):
      total = {key: total[key] + times * n for key, n in traced(inner).items()}
    if name in _PASSES:
      result = _bytes(equation.outvars[:1])
      total['bytes'] += _bytes(equation.invars) + result * (3 if name in _PRODUCTS else 1)
    if name in _PRODUCTS:
      half = equation.invars[0].aval.dtype.itemsize == 2
      total['half' if half else 'full'] += 2 * _multiply_adds(equation)
  return total


def _programs(params):
  is_program = (core.Jaxpr, core.ClosedJaxpr)
  leaves = jax.tree.leaves(list(params.values()), is_leaf=lambda x: isinstance(x, is_program))
  return [getattr(x, 'jaxpr', x) for x in leaves if isinstance(x, is_program)]


def _bytes(variables):
  return sum(math.prod(v.aval.shape) * v.aval.dtype.itemsize for v in variables)


def _multiply_adds(equation):
  """Zeros around and between pixels count as pixels, but for those of a transposed convolution."""
  size = math.prod(equation.outvars[0].aval.shape)
  if equation.primitive.name == 'dot_general':
    (contracted, _), _ = equation.params['dimension_numbers']
    return size * math.prod(equation.invars[0].aval.shape[i] for i in contracted)
  weight, numbers = equation.invars[1].aval.shape, equation.params['dimension_numbers']
  holes = math.prod(equation.params['lhs_dilation'])
  return size * math.prod(weight) // weight[numbers.rhs_spec[0]] // holes


def _update_bytes(name, state):
  """Adam reads gradient, parameter and both moments and writes three; the EMA reads 2, writes 1."""
  trained = state.d_params if name in ('discriminator', 'r1') else state.g_params
  return (3 if name == 'average' else 7) * sum(x.size * 4 for x in jax.tree.leaves(trained))


def compiled(fn, arguments) -> dict[str, object]:
  """What XLA says of a phase, compiled in haste: the plan is the same."""
  begun = time.perf_counter()
  options = {'xla_backend_optimization_level': 0} if jax.default_backend() == 'cpu' else {}
  program = jax.jit(fn, donate_argnums=0, compiler_options=options).lower(*arguments).compile()
  cost, memory = program.cost_analysis(), program.memory_analysis()
  return {
    'operations': cost['flops'],
    'bytes': cost['bytes accessed'],
    'state_bytes': memory.alias_size_in_bytes,
    'temporary_bytes': memory.temp_size_in_bytes,
    'largest': largest(program.as_text()),
    'seconds': round(time.perf_counter() - begun, 1),
  }


def largest(text: str, count: int = 4) -> list[str]:
  """The largest arrays between a program's operations: how many of each form, and what they are."""
  width = {'f32': 4, 's32': 4, 'u32': 4, 'bf16': 2, 'f16': 2, 'u8': 1, 'pred': 1}
  found = {}
  for line in text[text.rindex('\nENTRY') :].splitlines()[1:]:
    match = _RESULT.match(line)
    if match and match[1] in width:
      n = width[match[1]] * math.prod(map(int, match[2].split(',')))
      name = re.search(r'op_name="([^"]*)"', line)
      found.setdefault((n, f'{match[1]}[{match[2]}]'), []).append(name[1] if name else '')
  chosen = sorted(found, reverse=True)[:count]
  return [
    f'{len(names)} x {form} ({n / 1e9:.2f} GB, such as {_short(max(names, key=len))})'
    for (n, form), names in ((key, found[key]) for key in chosen)
  ]


def _short(name):
  return '/'.join(part for part in name.split('/') if not part.startswith('jit('))[-60:] or 'a copy'


def predict(settings, flags) -> dict:
  """The table of one size: phases, milliseconds, images/s and memory."""
  train, phases = settings.train, functions(settings)
  every = intervals(train) | {'average': 1}
  work = phase_work(network_work(settings.network, settings.data.size, 3), train)
  found = {}
  for name, (fn, arguments) in phases.items():
    counted = traced(jax.make_jaxpr(fn)(*arguments).jaxpr)
    counted['bytes'] += _update_bytes(name, arguments[0])
    found[name] = {
      'every': every[name],
      'operations_by_formula': work.get(name, 0) * train.batch_size,
      'by_hand': counted,
    }
  if not flags.trace_only:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
      for name, known in zip(
        phases, pool.map(lambda x: compiled(*x), phases.values()), strict=True
      ):
        found[name]['xla'] = known
  for phase in found.values():
    hand = phase['by_hand']
    computing = hand['half'] / flags.flops + hand['full'] / flags.flops32
    moved = {'by_hand': hand['bytes'], 'xla': phase.get('xla', {}).get('bytes', 0)}
    phase['ms'] = {'operations': computing} | {k: n / flags.bandwidth for k, n in moved.items()}
    phase['ms'] = {k: 1e3 * s / flags.efficiency for k, s in phase['ms'].items()}
  result = {'batch': train.batch_size, 'micro_batch': train.chunk_size, 'phases': found}
  result['images_per_second'] = {
    key: report.digits(1e3 * train.batch_size / _step(found, keys), 3)
    for key, keys in (
      ('operations', ('operations',)),
      ('by_hand', ('operations', 'by_hand')),
      ('xla', ('operations', 'by_hand', 'xla')),
    )
    if key != 'xla' or not flags.trace_only
  }
  return result


def _step(phases, keys):
  """Milliseconds of a step, with each phase as often as it is due."""
  return sum(max(phase['ms'][key] for key in keys) / phase['every'] for phase in phases.values())


def _print(name, found, flags):
  rates = ', '.join(f'{key}: {rate:.0f}' for key, rate in found['images_per_second'].items())
  print(f'\n{name}, batch {found["batch"]}, PREDICTION, images/s by {rates}')
  head = ('phase', 'every', 'TFLOP', 'half', 'by formula', 'GB by hand', 'GB by XLA')
  rows = [(*head, 'ms of TFLOP', 'of GB by hand', 'of GB by XLA', 'temporary GB')]
  for phase, values in found['phases'].items():
    hand, xla, ms = values['by_hand'], values.get('xla', {}), values['ms']
    operations = hand['half'] + hand['full']
    rows.append(
      (
        phase,
        values['every'],
        operations / 1e12,
        f'{hand["half"] / max(operations, 1):.0%}',
        values['operations_by_formula'] / 1e12,
        *(n / 1e9 for n in (hand['bytes'], xla.get('bytes', 0))),
        *(ms[key] for key in ('operations', 'by_hand', 'xla')),
        xla.get('temporary_bytes', 0) / 1e9,
      )
    )
  print(report.table(rows))
  if flags.trace_only:
    return
  for phase, values in found['phases'].items():
    if phase == 'average':
      continue
    xla = values['xla']
    room = flags.memory - xla['state_bytes']
    fits = room * found['micro_batch'] / max(xla['temporary_bytes'], 1)
    print(
      f'{phase}: about {fits:.0f} images fit at a time; compiled in {xla["seconds"]} s; largest:'
    )
    print(''.join(f'  {line}\n' for line in xla['largest']), end='', flush=True)


def main():
  """Predicts and prints; writes JSON with --out."""
  parser = report.parser(__doc__)
  parser.add_argument('--sizes', default='paper256:64,stylegan2:4,stylegan2:8', help='SIZE:BATCH')
  parser.add_argument('--flops', type=float, default=990e12, help='peak in bfloat16, dense (H200)')
  parser.add_argument('--flops32', type=float, default=495e12, help='peak in all else (TF32)')
  parser.add_argument('--bandwidth', type=float, default=4.8e12, help='bytes/s')
  parser.add_argument('--memory', type=float, default=141e9, help='bytes')
  parser.add_argument('--efficiency', type=float, default=1.0, help='share of both that is reached')
  parser.add_argument('--trace_only', action='store_true', help='compile nothing')
  flags = parser.parse_args()
  results = {'command': 'python benchmarks/predict.py', **report.machine(), 'options': vars(flags)}
  for text in flags.sizes.split(','):
    name, _, batch = text.partition(':')
    results[text] = predict(sizes.size(name, int(batch or 0)), flags)
    _print(name, results[text], flags)
    report.write(flags.out, results)


if __name__ == '__main__':
  main()
