"""How a run stands, read from its folder without touching it, whatever its length.

Of a file of a million lines only samples are read, so that looking costs the same on any day.
"""

import itertools
import os
import re
import time
from typing import NamedTuple

from stylegan2_jax.durations import ago
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.settings import Settings

_POINTS, _PER_POINT = 60, 32  # of a curve; records that a point is the mean of
_RECENT_BYTES, _LOG_LINES = 1 << 16, 1000
_BAD_LINE = re.compile(r'[-\d]+ [:\d]+ (warning|failed|passed over): ')
_MEMORY = {'host': 'memory_gib', 'device': 'device_memory_gib'}
_SLOW_DATA = 0.1  # share of a step
_STANDSTILL = 60.0  # seconds, or 30 steps where those are longer


class Snapshot(NamedTuple):
  """What was written when."""

  name: str
  age: float  # seconds


class Status(NamedTuple):
  """A run at a moment. What it has not yet is None or empty."""

  settings: Settings
  state: str  # 'running', 'stopped', 'finished' or 'unknown'
  step: int
  kimg: float
  elapsed: float | None  # seconds of training
  age: float | None  # seconds since the last step
  images_per_second: float | None
  data_wait: float | None  # share of the time
  memory: dict[str, float]  # GiB of 'host' and 'device'
  left: float | None  # seconds
  curves: dict[str, list[float]]
  checkpoint: Snapshot | None
  grid: Snapshot | None
  log: list[str]
  warnings: list[str]


def read(run: RunDirectory, curves: dict[str, list[float]] | None = None) -> Status:
  """Looks at a run.

  Args:
    run: its folder.
    curves: those of an earlier look, which saves reading them again.

  Raises:
    UserError: there is none.
  """
  settings = run.read_settings()
  warnings = []
  try:
    recent = _recent(run)
    curves = _curves(run, settings.train.batch_size) if curves is None else curves
  except UserError as error:
    recent, curves, warnings = [], {}, [str(error)]
  if run.stats.fault is not None:
    warnings.append(run.stats.fault)
  last = recent[-1] if recent else {}
  kimg, total = last.get('kimg', 0.0), settings.train.total_kimg
  speed, age = _speed(recent), _age(run.stats.path) if recent else None
  state = _state(run, done=kimg >= total)
  seconds, waited = _sum(recent, 'seconds'), _sum(recent, 'data_wait_seconds')
  data_wait = waited / seconds if seconds else None
  log = run.last_log_lines(_LOG_LINES)
  return Status(
    settings=settings,
    state=state,
    step=last.get('step', 0),
    kimg=kimg,
    elapsed=last.get('elapsed_seconds'),
    age=age,
    images_per_second=speed,
    data_wait=data_wait,
    memory={k: last[name] for k, name in _MEMORY.items() if name in last},
    left=1000 * (total - kimg) / speed if speed and kimg < total else None,
    curves=curves,
    checkpoint=_checkpoint(run),
    grid=_grid(run),
    log=log,
    warnings=[*warnings, *_noticed(state, age, recent, data_wait), *_said(log)],
  )


def _state(run, done):
  locked = run.is_locked()
  if locked is None:
    return 'unknown'
  if locked:
    return 'running'
  return 'finished' if done else 'stopped'


def _recent(run):
  """The records at the end."""
  size = _size(run.stats.path)
  return list(_records(run, max(0, size - _RECENT_BYTES), size))


def _curves(run, batch_size):
  """Each number at up to 60 places of equal distance, each the mean of the steps there."""
  size = _size(run.stats.path)
  places = [size * i // _POINTS for i in range(_POINTS + 1)]
  curves: dict[str, list[float]] = {}
  for begin, end in itertools.pairwise(places):
    sums: dict[str, tuple[float, int]] = {}
    for record in itertools.islice(_records(run, begin, end), _PER_POINT):
      for name, value in record.items():
        total, count = sums.get(name, (0.0, 0))
        sums[name] = (total + value, count + 1)
    means = {name: total / count for name, (total, count) in sums.items()}
    if means.get('seconds'):
      means['images_per_second'] = batch_size / means['seconds']  # not the mean of the quotients
    for name, mean in means.items():
      curves.setdefault(name, []).append(mean)
  return curves


def _records(run, begin, end):
  """Those whose lines begin from one byte offset up to another."""
  begin = run.stats.line_at(begin)
  if begin >= end:
    return
  for record, after in run.stats.records(begin):
    yield record
    if after >= end:
      return


def _speed(recent):
  """Images per second, pictures and checkpoints included where the records tell."""
  if len(recent) < 2:
    return recent[0].get('images_per_second') if recent else None
  first, last = recent[0], recent[-1]
  seconds = _sum(recent[1:], 'seconds')
  if 'elapsed_seconds' in first and 'elapsed_seconds' in last:
    seconds = last['elapsed_seconds'] - first['elapsed_seconds']
  return 1000 * (last['kimg'] - first['kimg']) / seconds if seconds > 0 else None


def _sum(records, name):
  return sum(record.get(name, 0.0) for record in records)


def _checkpoint(run):
  try:
    steps = saved_steps(run.checkpoints_path)
  except OSError:
    return None
  if not steps:
    return None
  return Snapshot(f'step {steps[-1]}', _age(run.checkpoints_path / str(steps[-1])))


def _grid(run):
  grids = run.fakes()
  return Snapshot(grids[-1][1].name, _age(grids[-1][1])) if grids else None


def _said(log):
  """The last warnings in the log."""
  return [line for line in log if _BAD_LINE.match(line)][-3:]


def _noticed(state, age, recent, data_wait):
  """What the numbers show."""
  running = state == 'running'
  mean = _sum(recent, 'seconds') / len(recent) if recent else 0.0
  if running and age is not None and age > max(_STANDSTILL, 30 * mean):
    yield f'the last step was {ago(age)}: it stands still, or is starting or saving'
  nonfinite = _sum(recent, 'nonfinite')
  if nonfinite:
    yield f'{nonfinite:g} gradient values of the last {len(recent)} steps were not finite'
  if running and data_wait is not None and data_wait > _SLOW_DATA:
    yield f'{data_wait:.0%} of the time is spent waiting for data: raise data.threads'


def _size(path):
  try:
    return os.stat(path).st_size
  except OSError:
    return 0


def _age(path):
  try:
    return max(0.0, time.time() - os.stat(path).st_mtime)
  except OSError:
    return 0.0
