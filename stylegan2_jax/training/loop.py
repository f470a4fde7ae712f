"""The training loop: set-up, steps, snapshots, and a clean end however it comes."""

import contextlib
import os
import pathlib
import resource
import signal
import sys
import time

import jax

from stylegan2_jax import validation
from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.config import Settings
from stylegan2_jax.console import Console
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.sampler import Sampler
from stylegan2_jax.training import parallel
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.schedule import kimg_at, steps_for
from stylegan2_jax.training.snapshots import choose_cells, draw_fakes, draw_reals
from stylegan2_jax.training.state import new_state

_SHOWN = {
  'loss_g': 'G',
  'loss_d': 'D',
  'r1_penalty': 'R1',
  'pl_mean': 'PL',
}


def train(settings: Settings, workdir: pathlib.Path) -> None:
  """Trains until `train.total_kimg`, going on where the run in `workdir` stopped.

  Ctrl-C and SIGTERM end it at the next step with a checkpoint.

  Raises:
    UserError: settings, data, workdir or checkpoint do not fit; nothing is changed then.
  """
  started = time.perf_counter()
  validation.validate(settings, parallel.device_count())
  RunDirectory(workdir).check(settings)  # before a data set is prepared in vain
  source = open_source(settings.data)
  with contextlib.ExitStack() as stack:
    run = stack.enter_context(RunDirectory(workdir).open(settings))
    console = stack.enter_context(contextlib.closing(Console(run.log_path)))
    stack.enter_context(_Run(settings, source, run, console)).go(started)


class _Run:
  """One training process: what is open while it lasts, and its steps in order."""

  def __init__(self, settings, source, run, console):
    self.settings, self.source, self.run, self.console = settings, source, run, console
    train = settings.train
    self.checkpoints = Checkpoints(run.checkpoints_path, train.keep)
    self.batches = Batches(source, settings.data, train.batch_size, settings.seed)
    c_dim = source.label_dim if settings.data.labels else 0
    self.labels = source.labels() if c_dim else None
    self.networks = build_networks(
      settings.network, settings.data.size, settings.data.channels, c_dim
    )
    self.cells = choose_cells(settings.sample, len(source), self.labels, c_dim)
    self.total_steps = steps_for(train.total_kimg, train.batch_size)
    self.snapshot_steps = steps_for(train.snapshot_kimg, train.batch_size)
    self.stop = False

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    self.batches.close()
    self.checkpoints.close()

  def go(self, started):
    """From the first or the saved step to the last."""
    say, total_kimg = self.console.say, self.settings.train.total_kimg
    say(f'data: {self.source.describe()}')
    say(f'run: {self.run.path}, {parallel.device_count()} x {jax.devices()[0].device_kind}')
    step, state = self._first_state()
    done = f'{self._kimg(step):.1f} kimg'
    if step >= self.total_steps:
      say(f'nothing to do: the run has {done} of {total_kimg:g}; raise train.total_kimg to go on')
      return
    engine = Engine(self.settings, self.networks, state, self.labels)
    del state
    say('compiling the training step (once: later starts take it from the cache) ...')
    engine.compile(lambda name, seconds: say(f'  {name}: {seconds:.1f} s'))
    say(f'training from {done} to {total_kimg:g} kimg')
    with self._stop_signals():
      if step == 0:
        step = self._first_step(engine, started)
      self._loop(step, engine)

  def _first_state(self):
    """(step, state): the newest checkpoint's, or a fresh one."""
    fresh = new_state(self.settings.seed, *self.networks, self.settings.train)
    if not self.checkpoints.steps():
      self.run.truncate_stats(0)
      return 0, fresh
    step = self.checkpoints.choose(None)
    state = self.checkpoints.restore_state(step, fresh)
    self.batches.set_state(self.checkpoints.info(step)['data'])
    self.run.truncate_stats(step)
    self.console.say(f'going on from step {step} ({self._kimg(step):.1f} kimg)')
    return step, state

  def _first_step(self, engine, started):
    """One step, then the pictures of what was before it, which would have delayed it."""
    weights = engine.sampling_weights()
    step, _ = self._step(0, engine)
    self.console.say(f'first step done {time.perf_counter() - started:.1f} s after the start')
    draw_reals(self.run.reals_path, self.source, self.settings.sample, self.cells)
    self._draw_fakes(0, weights)
    self._snapshot_if_due(step, engine)
    return step

  def _loop(self, step, engine):
    """Steps until the end or a signal, with pictures and checkpoints at snapshots."""
    self.console.begin(self._kimg(step), self.settings.train.total_kimg)
    while step < self.total_steps and not self.stop:
      step, record = self._step(step, engine)
      self.console.progress(record['kimg'], {_SHOWN[k]: record[k] for k in _SHOWN if k in record})
      self._snapshot_if_due(step, engine)
    if self.stop:
      self._save(step, engine)
    self.checkpoints.wait()
    done = f'at step {step} ({self._kimg(step):.1f} kimg)'
    if self.stop:
      self.console.say(f'stopped and saved {done}; the same command goes on from there')
    else:
      self.console.say(f'finished {done}; see {self.run.fakes_path(self._kimg(step))}')

  def _snapshot_if_due(self, step, engine):
    if step % self.snapshot_steps == 0 or step == self.total_steps:
      self._draw_fakes(step, engine.sampling_weights())
      self._save(step, engine)

  def _step(self, step, engine):
    """One step: (the number of steps done, its line of stats.jsonl)."""
    clock = time.perf_counter()
    batch = self._next_batch(step, engine)
    waited = time.perf_counter() - clock
    metrics = engine.step(step, batch)
    record = self._record(step + 1, metrics, time.perf_counter() - clock, waited)
    self.run.append_stats(record)
    return step + 1, record

  def _record(self, step, metrics, seconds, waited):
    """A line of stats.jsonl; `step` counts the steps done."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
      'step': step,
      'kimg': self._kimg(step),
      **metrics,
      'learning_rate': self.settings.train.learning_rate,
      'images_per_second': self.settings.train.batch_size / seconds,
      'seconds': seconds,
      'data_wait_seconds': waited,
      'memory_gib': memory / (2**30 if sys.platform == 'darwin' else 2**20),
    }

  def _next_batch(self, step, engine):
    """The next batch. A picture that cannot be read ends the run, but loses nothing."""
    try:
      return next(self.batches)
    except UserError:
      self._save(step, engine)
      raise

  def _save(self, step, engine):
    """Begins to write a checkpoint, unless this step has one."""
    if step in self.checkpoints.steps():
      return
    position = {**self.batches.get_state(), 'step': step}
    self.checkpoints.save(
      engine.state(),
      {
        'kimg': self._kimg(step),
        'data': position,
        'c_dim': self.networks[1].c_dim,
        'class_names': list(self.source.class_names),
        'component_names': list(self.source.component_names),
      },
    )

  def _draw_fakes(self, step, weights):
    path = self.run.fakes_path(self._kimg(step))
    sampler = Sampler(self.networks[0], *weights)
    draw_fakes(path, sampler, self.settings.sample, self.cells)
    self.console.say(f'wrote {path}')

  def _kimg(self, step):
    return kimg_at(step, self.settings.train.batch_size)

  @contextlib.contextmanager
  def _stop_signals(self):
    """The first SIGINT or SIGTERM asks for an end at the next step; a second one ends at once."""

    def ask(number, frame):
      self.stop = True
      signal.signal(number, old[number])
      # Not print: the signal may have come in the middle of one, which refuses to be entered twice.
      os.write(2, b'\nstopping after this step (again: at once)\n')

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
      yield
    finally:
      for number, handler in old.items():
        signal.signal(number, handler)
