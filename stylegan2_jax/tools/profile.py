"""`launch.py profile`: where the time of a training step goes.

Each phase is timed, and traced by JAX's profiler. A run is only read from: of its folder the
config, of its data one batch. The weights are fresh ones, on which the time does not depend.
"""

import collections
import csv
import pathlib
import statistics

import jax
import numpy as np

from stylegan2_jax import validation
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import Settings
from stylegan2_jax.tools.operations import Operation, read_operations
from stylegan2_jax.tools.pictures import Pictures, look_at
from stylegan2_jax.tools.tables import aligned
from stylegan2_jax.training import parallel
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.profiling import TRACED_CALLS, Measured, measure
from stylegan2_jax.training.schedule import intervals
from stylegan2_jax.training.state import new_state
from stylegan2_jax.words import one_line, reason

_SHOWN = 12  # operations of each phase; the file has all of them
_MODULES = 8  # named in one line
_MILLI = 1e3


def profile_command(settings: Settings, out: pathlib.Path, calls: int) -> None:
  """Prints what each phase costs and its most expensive operations; writes traces into `out`.

  Args:
    settings: of the run to be, or of one.
    out: folder: OUT/PHASE/plugins/profile/DATE/ has the trace of a phase, operations.csv all
      operations.
    calls: how often each phase is timed.

  Raises:
    UserError: the settings do not fit the devices, there are labels but no data, or `out` cannot
      be written.
  """
  validation.validate(settings, parallel.device_count())
  _make(out)
  pictures, batch = _data(settings)
  print(f'data: {pictures.description}')
  print(f'devices: {parallel.device_count()} x {jax.devices()[0].device_kind}')
  engine = _compiled_engine(settings, pictures)
  print(f'timing {calls} calls of each phase, then tracing {TRACED_CALLS} ...', flush=True)
  measured = measure(engine, batch, calls, out)
  runs = TRACED_CALLS * parallel.device_count()
  operations = {
    name: read_operations(found.trace, engine.compiled[name].as_text(), runs)
    for name, found in measured.items()
  }
  print('\n'.join(phase_table(settings, measured)))
  for name, found in operations.items():
    print()
    print('\n'.join(operation_table(name, found, _typical(measured[name]))))
  _write_csv(out / 'operations.csv', operations)
  print('\n'.join(_where_to_look(out, measured)))


def phase_table(settings: Settings, measured: dict[str, Measured]) -> list[str]:
  """Lines: what a call of each phase takes, and which share of the training time that is."""
  every = intervals(settings.train)
  per_step = {name: _typical(found) / every.get(name, 1) for name, found in measured.items()}
  total = sum(per_step.values())
  rows = [('phase', 'ms per call', 'fastest', 'slowest', 'every', 'share of time')]
  for name, found in measured.items():
    times = (_typical(found), min(found.seconds), max(found.seconds))
    steps = every.get(name, 1)
    interval = 'step' if steps == 1 else f'{steps} steps'
    shares = f'{per_step[name] / total:.1%}'
    rows.append((name, *(f'{_MILLI * t:.2f}' for t in times), interval, shares))
  rate = settings.train.batch_size / total
  return [
    '',
    *aligned(rows, '<>>><>'),
    f'a step takes {_MILLI * total:.2f} ms on average over all phases: {rate:.1f} images/s, '
    'if data never has to be waited for',
  ]


def operation_table(name: str, operations: list[Operation], seconds: float) -> list[str]:
  """Lines: the most expensive operations of a phase.

  Args:
    name: of the phase.
    operations: all of them, the most expensive first.
    seconds: what a call of the phase takes.
  """
  if not operations:
    return [f'{name}: the trace holds no operations of this kind of device']
  total = sum(operation.seconds for operation in operations)
  rows = [(name, 'kind', 'ms per call', 'share', 'count', 'where')]
  for operation in operations[:_SHOWN]:
    cost = (f'{_MILLI * operation.seconds:.3f}', f'{operation.seconds / total:.1%}')
    names = one_line(operation.name, 36), one_line(operation.kind, 28)
    place = one_line(f'{operation.module} {operation.source}', 72)
    rows.append((*names, *cost, f'{operation.count:g}', place))
  rest = operations[_SHOWN:]
  if rest:
    left = sum(operation.seconds for operation in rest)
    cost = (f'{_MILLI * left:.3f}', f'{left / total:.1%}')
    count = sum(operation.count for operation in rest)
    rows.append((f'{len(rest)} others', '', *cost, f'{count:g}', ''))
  return [
    *aligned(rows, '<<>>><'),
    f'by module: {_by_module(operations, total)}',
    f'operations together {_MILLI * total:.2f} ms, of a call {_MILLI * seconds:.2f} ms '
    '(they may run side by side)',
  ]


def _by_module(operations: list[Operation], total: float) -> str:
  """The modules that take the most, both passes together."""
  sums = collections.Counter()
  for operation in operations:
    sums[operation.module or 'elsewhere'] += operation.seconds
  return ', '.join(f'{module} {part / total:.1%}' for module, part in sums.most_common(_MODULES))


def _data(settings: Settings) -> tuple[Pictures, dict[str, np.ndarray]]:
  """(what the data is, a batch of it); of noise where it cannot be had and need not."""
  data, n = settings.data, settings.train.batch_size
  try:
    pictures = look_at(data)
  except UserError as error:
    if data.labels:
      raise
    pictures = Pictures(None, f'{error}', 0, 0, None, 0)
  if pictures.source is not None:
    batches = Batches(pictures.source, data, n, settings.seed)
    try:
      return pictures, next(batches)
    finally:
      batches.close()
  rng = np.random.default_rng(0)
  batch = {'image': rng.integers(0, 256, (n, *data.size, data.channels), np.uint8)}
  if pictures.labels is not None:
    batch['label'] = pictures.labels[:n]
  note = 'noise of the same size, which takes the same time'
  return pictures._replace(description=f'{note} ({pictures.description})'), batch


def _compiled_engine(settings: Settings, pictures: Pictures) -> Engine:
  size, channels = settings.data.size, settings.data.channels
  networks = build_networks(settings.network, size, channels, pictures.c_dim)
  state = new_state(settings.seed, *networks, settings.train, settings.augment)
  engine = Engine(settings, networks, state, pictures.labels)
  print('compiling the training step (once: later starts take it from the cache) ...', flush=True)
  engine.compile(lambda name, seconds: print(f'  {name}: {seconds:.1f} s', flush=True))
  return engine


def _make(out: pathlib.Path) -> None:
  try:
    out.mkdir(parents=True, exist_ok=True)
    (out / '.writable').touch()
    (out / '.writable').unlink()
  except OSError as error:
    raise UserError(f'cannot write into {out} ({reason(error)}): name another --out') from None


def _write_csv(path: pathlib.Path, operations: dict[str, list[Operation]]) -> None:
  try:
    with path.open('w', newline='', encoding='utf-8') as file:
      writer = csv.writer(file)
      writer.writerow(('phase', *Operation._fields))
      for name, found in operations.items():
        writer.writerows((name, *operation) for operation in found)
  except OSError as error:
    raise UserError(f'cannot write {path} ({reason(error)}): name another --out') from None


def _where_to_look(out: pathlib.Path, measured: dict[str, Measured]) -> list[str]:
  folders = [(f'  {name}', str(found.trace.parent)) for name, found in measured.items()]
  return [
    '',
    f'wrote {out / "operations.csv"}: all operations',
    'wrote traces: open *.trace.json.gz at https://ui.perfetto.dev, or all of them with',
    f'  `xprof --logdir={out}` (or TensorBoard with its profile plugin), from *.xplane.pb',
    *aligned(folders, '<<'),
  ]


def _typical(measured: Measured) -> float:
  return statistics.median(measured.seconds)
