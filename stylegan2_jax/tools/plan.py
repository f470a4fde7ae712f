"""`launch.py train --dry_run`: what training would do, without doing any of it.

Refuses whatever training would refuse, in the same words. Nothing is written but compiled programs
into XLA's cache, where training finds them.
"""

import contextlib
import math
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import jax

from stylegan2_jax import resuming, validation
from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.reporting import watchers
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings
from stylegan2_jax.tools.memory import memory_lines
from stylegan2_jax.tools.pictures import Pictures, look_at
from stylegan2_jax.tools.tables import aligned, in_bytes
from stylegan2_jax.training import finetune, measuring, parallel
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.resume import check_not_lost, newest_whole
from stylegan2_jax.training.schedule import (
  intervals,
  is_measured,
  kimg_at,
  snapshot_steps,
  stays_for_good,
  steps_for,
)
from stylegan2_jax.training.state import TrainState, new_state

_STATS_BYTES = 500  # a line of stats.jsonl, on average over the phases

Rows = Iterator[tuple[str, str]]


def print_plan(settings: Settings, workdir: pathlib.Path) -> None:
  """Prints data, networks, devices, steps, disk, places, and the memory that XLA plans for.

  Raises:
    UserError: training would end with the same line.
  """
  validation.validate(settings, parallel.device_count())
  run = RunDirectory(workdir)
  run.check(settings)
  watchers.check(settings.log)
  pictures = look_at(settings.data)
  measuring.check(settings, pictures.num_all)
  size, channels = settings.data.size, settings.data.channels
  networks = build_networks(settings.network, size, channels, pictures.c_dim)
  state = new_state(settings.seed, *networks, settings.train, settings.augment)
  begin, how = _beginning(settings, run, pictures, state)
  print(f'the plan for {workdir}; nothing is written there')
  _section('start', how)
  _section('data', _data_rows(settings, pictures))
  _section('networks', _network_rows(settings, state))
  _section('steps', _step_rows(settings, begin))
  _section('disk', _disk_rows(settings, run, tree_bytes(state)))
  _section('places', _place_rows(settings, run))
  print('\ncompiling the training step, as XLA knows what memory it needs (training then takes it')
  print('from the cache) ...', flush=True)
  engine = Engine(settings, networks, state, pictures.labels)
  engine.compile(lambda name, seconds: print(f'  {name}: {seconds:.1f} s', flush=True))
  print('\n'.join(['', *memory_lines(engine.compiled)]))
  print(f'of which the train state takes {in_bytes(tree_bytes(state))}')


def tree_bytes(tree: Any) -> int:
  """The bytes of all arrays in a tree, or of those that its shapes describe."""
  return sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree))


def _section(title: str, rows: Rows) -> None:
  print('\n'.join(['', title, *(f'  {line}' for line in aligned(list(rows), '<<'))]), flush=True)


def _beginning(
  settings: Settings, run: RunDirectory, pictures: Pictures, fresh: TrainState
) -> tuple[int, list[tuple[str, str]]]:
  """(steps done when training begins, rows that say where that is)."""
  if not run.exists():
    return 0, [('new', 'there is no run yet'), *_finetune_rows(settings, fresh)]
  rows = [('change', text) for text in resuming.differences(run.read_settings(), settings).values()]
  with contextlib.closing(Checkpoints(run.checkpoints_path)) as checkpoints:
    _, info, passed_over = newest_whole(checkpoints, settings, fresh)
  faults = (error.fault for error in passed_over.values())
  rows += [('damaged', f'{fault}: it would be passed over') for fault in faults]
  if info is None:
    check_not_lost(run)
    rows.append(('begin', 'the run here has no checkpoint yet'))
    return 0, [*rows, *_finetune_rows(settings, fresh)]
  if pictures.source is not None:
    batches = Batches(pictures.source, settings.data, settings.train.batch_size, settings.seed)
    with contextlib.closing(batches):
      batches.set_state(info['data'])  # refuses another set of images
  step = info['data']['step']
  kimg = kimg_at(step, settings.train.batch_size)
  rows.append(('go on', f'from step {step} ({kimg:g} kimg), {run.checkpoints_path / str(step)}'))
  if step >= steps_for(settings.train.total_kimg, settings.train.batch_size):
    rows.append(('done', 'there is nothing left to do: raise train.total_kimg to go on'))
  return step, rows


def _finetune_rows(settings: Settings, fresh: TrainState) -> Rows:
  """What a new run would take from another one."""
  if settings.finetune.start:
    start = finetune.look_at(settings, fresh)
    carried, rest = finetune.describe(start, fresh)
    yield 'fine-tune', f'from {start.path}'
    yield 'carry over', carried
    yield 'fresh', rest


def _data_rows(settings: Settings, pictures: Pictures) -> Rows:
  yield 'images', pictures.description
  labels = f'labels of width {pictures.c_dim}' if pictures.c_dim else 'none, or not used'
  yield 'labels', labels
  times = settings.train.total_kimg * 1000 / pictures.count
  yield 'epochs', f'{times:.1f}: each image is shown so often in {settings.train.total_kimg:g} kimg'


def _network_rows(settings: Settings, state) -> Rows:
  network = settings.network
  for name, architecture, params in (
    ('generator', network.g_architecture, state.g_params),
    ('discriminator', network.d_architecture, state.d_params),
  ):
    count = sum(x.size for x in jax.tree.leaves(params))
    yield name, f'{count:,} parameters ({architecture})'
  reduced = f'{network.num_reduced} highest resolutions in {network.reduced_dtype}'
  yield 'precision', f'{reduced}, float32 below' if network.num_reduced else 'float32'


def _step_rows(settings: Settings, begin: int) -> Rows:
  train, devices = settings.train, parallel.device_count()
  total = steps_for(train.total_kimg, train.batch_size)
  chunks = train.batch_size // train.chunk_size // devices
  yield 'devices', f'{devices} x {jax.devices()[0].device_kind}'
  parts = f'devices {devices} x micro-batches {chunks} x images {train.chunk_size}'
  yield 'batch', f'{train.batch_size} = {parts}'
  left = f', of which {max(total - begin, 0)} are left' if begin else ''
  yield 'steps', f'{total}{left}; train.total_kimg={train.total_kimg:g}'
  for phase, every in intervals(train).items():
    often = 'every step' if every == 1 else f'every {every} steps'
    yield phase, f'{often}, {-(-total // every)} times in all'
  every = steps_for(train.snapshot_kimg, train.batch_size)
  count = sum(1 for _ in snapshot_steps(train))
  yield 'snapshots', f'{count}: a grid and a checkpoint every {every} steps, and at the end'
  if settings.metrics.names:
    measured = sum(is_measured(step, train, settings.metrics) for step in snapshot_steps(train))
    yield 'metrics', f'{settings.metrics.names}: {measured} times, on the whole data set'


def _disk_rows(settings: Settings, run: RunDirectory, state_bytes: int) -> Rows:
  train, sample, data = settings.train, settings.sample, settings.data
  total, snapshots = steps_for(train.total_kimg, train.batch_size), list(snapshot_steps(train))
  for_good = sum(stays_for_good(step, train) for step in snapshots)
  # A new one is complete before the oldest goes.
  best = int(bool(settings.metrics.names))
  most = min(train.keep + 1 + best, len(snapshots)) + for_good
  stay = (' and the best' if best else '') + (f' and {for_good} that stay' if for_good else '')
  kept = f'train.keep={train.keep}, one being written{stay}'
  each = f'at most {most} of {in_bytes(state_bytes)} uncompressed ({kept})'
  yield 'checkpoints', f'{in_bytes(most * state_bytes)}: {each}'
  grid = math.prod(data.size) * data.channels * sample.grid_rows * sample.grid_cols
  grids = (len(snapshots) + 2) * grid
  yield 'grids', f'less than {in_bytes(grids)}: {len(snapshots) + 2} of {in_bytes(grid)} unpacked'
  yield 'stats', f'about {in_bytes(total * _STATS_BYTES)}: stats.jsonl, {total} lines'
  needs, free = most * state_bytes + grids + total * _STATS_BYTES, _free(run.path)
  yield 'free', in_bytes(free) + ('' if needs <= free else ': warning: too little for all that')


def _free(path: pathlib.Path) -> int:
  """Bytes that are free where a folder is, or will be."""
  path = path.absolute()
  return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free


def _place_rows(settings: Settings, run: RunDirectory) -> Rows:
  grid = run.fakes_path(settings.train.snapshot_kimg)
  yield 'config', str(run.config_path)
  yield 'checkpoints', str(run.checkpoints_path)
  yield 'grids', f'{run.reals_path}, {run.fakes_path(0)}, {grid}, ...'
  yield 'numbers', str(run.stats.path)
  yield 'log', str(run.log_path)
  yield 'report', str(run.report_path)
  if settings.log.tensorboard:
    yield 'TensorBoard', str(run.tensorboard_path)
  if settings.log.wandb:
    yield 'W&B', f'project {settings.log.wandb}'
  cache = os.environ.get('JAX_COMPILATION_CACHE_DIR')
  yield 'XLA cache', cache or 'none: every start compiles anew'
