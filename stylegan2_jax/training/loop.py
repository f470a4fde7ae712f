"""The training loop: set-up, steps, snapshots, and a clean end however it comes.

Every host runs this. What happens on one alone (a signal, a file that is missing) reaches the
others through `hosts` or through the step itself, so that all take the same turns.
"""

import contextlib
import dataclasses
import pathlib
import resource
import sys
import time

import jax

from stylegan2_jax import config as config_lib
from stylegan2_jax import validation
from stylegan2_jax.config import Settings
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import Preempted, TrainingFailed, UserError
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training import hosts, parallel
from stylegan2_jax.training.alarms import Alarms
from stylegan2_jax.training.books import open_books
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.guards import Guards
from stylegan2_jax.training.preemption import StopRequest
from stylegan2_jax.training.schedule import is_snapshot, kimg_at, steps_for
from stylegan2_jax.training.state import new_state


def train(settings: Settings, workdir: pathlib.Path, time_limit: float | None = None) -> None:
  """Trains until `train.total_kimg`, going on where the run in `workdir` stopped.

  Args:
    settings: of the run.
    workdir: its folder, which only the first host needs to have.
    time_limit: seconds after which it saves and ends; None: no limit.

  Raises:
    UserError: settings, data, workdir or checkpoint do not fit; nothing is changed then.
    TrainingFailed: numbers are not finite, devices disagree, or the disk is full.
    Preempted: Ctrl-C, SIGTERM or the time limit ended it, with a checkpoint.
  """
  stop = StopRequest(time_limit)
  with stop.listening(), contextlib.ExitStack() as stack:
    validation.validate(settings, parallel.device_count())
    hosts.check_same('config', config_lib.to_json(_without_places(settings)))
    with hosts.together('looking at the workdir'):  # before a data set is prepared in vain
      if hosts.is_first():
        RunDirectory(workdir).check(settings)
    with hosts.together('opening the data'):
      source = hosts.first_then_others(lambda: open_source(settings.data))
    hosts.check_same('set of images', source.fingerprint())
    with hosts.together('opening the workdir'):
      books = stack.enter_context(
        contextlib.closing(open_books(settings, workdir, source, hosts.is_first()))
      )
    run = stack.enter_context(contextlib.closing(_Run(settings, source, books, stop)))
    try:
      run.go()
    except TrainingFailed as error:
      raise books.failed(error) from error


def _without_places(settings: Settings) -> Settings:
  """Hosts may have the data in different places."""
  return dataclasses.replace(settings, data=dataclasses.replace(settings.data, source='', dir=''))


class _Run:
  """One training process: what is open while it lasts, and its steps in order."""

  def __init__(self, settings, source, books, stop):
    self.settings, self.books, self.stop = settings, books, stop
    self.description = source.describe()
    self.started = time.monotonic()
    train = settings.train
    self.batches = Batches(
      source, settings.data, train.batch_size, settings.seed, hosts.index(), hosts.count()
    )
    c_dim = source.label_dim if settings.data.labels else 0
    self.labels = source.labels() if c_dim else None
    self.networks = build_networks(
      settings.network, settings.data.size, settings.data.channels, c_dim
    )
    self.total_steps = steps_for(train.total_kimg, train.batch_size)
    self.guards, self.alarms = Guards(train, books.say), Alarms(train)
    self.elapsed = 0.0  # seconds of training, in the processes before and in this one
    self.asked_to_stop = False  # as all hosts agreed at the end of the last step

  def close(self):
    self.batches.close()

  def go(self):
    """From the first or the saved step to the last."""
    say, total_kimg = self.books.say, self.settings.train.total_kimg
    say(f'data: {self.description}')
    say(f'devices: {_devices()}')
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
    with hosts.together('opening the log'):
      self.books.begin(step)
    self.stop.begin_steps()
    if step == 0:
      step = self._first_step(engine)
    self._loop(step, engine)

  def _first_state(self):
    """(step, state): the newest checkpoint's, or a fresh one; of the first host, on all."""
    fresh = new_state(self.settings.seed, *self.networks, self.settings.train)
    with hosts.together('reading the checkpoint'):
      beginning = self.books.resume(fresh)
      if beginning.info is not None:
        self.batches.set_state(beginning.info['data'])
    info = hosts.first_says(beginning.info)
    if info is None:
      return 0, hosts.broadcast(fresh)
    self.batches.set_state(info['data'])
    step = self.batches.step
    self.books.say(f'going on from step {step} ({self._kimg(step):.1f} kimg)')
    self.elapsed = info.get('elapsed_seconds', 0.0)  # older versions did not save it
    return step, hosts.broadcast(beginning.state)

  def _first_step(self, engine):
    """One step, then the pictures of what was before it, which would have delayed it."""
    weights = engine.sampling_weights()
    step = self._step(0, engine)
    self.books.say(f'first step done {time.monotonic() - self.started:.1f} s after the start')
    self.books.draw_reals()
    self.books.draw_fakes(0, self.networks[0], weights)
    self._snapshot_if_due(step, engine)
    return step

  def _loop(self, step, engine):
    """Steps until the end or a request to stop, with pictures and checkpoints at snapshots."""
    while step < self.total_steps and not self.asked_to_stop:
      step = self._step(step, engine)
      self._snapshot_if_due(step, engine)
    done = f'at step {step} ({self._kimg(step):.1f} kimg)'
    if step < self.total_steps:
      self._save(step, engine)
    with hosts.together('saving'):  # a host that leaves early would end the others
      self.books.finish()
    if step < self.total_steps:
      self.books.say(f'stopped and saved {done}; the same command goes on from there')
      raise Preempted(f'stopped {done}')
    self.books.say(f'finished {done}')

  def _snapshot_if_due(self, step, engine):
    if not is_snapshot(step, self.settings.train):
      return
    differing = engine.replica_differences()
    if differing:
      raise TrainingFailed(
        f'devices disagree after step {step}: {differing[0]} is not the same on all of them '
        f'({len(differing)} arrays in all); one of them computes wrongly, look for hardware faults'
      )
    self.books.draw_fakes(step, self.networks[0], engine.sampling_weights())
    self._save(step, engine)

  def _step(self, step, engine):
    """One step: the number of steps done."""
    begun = time.monotonic()
    batch = self._next_batch(step, engine)
    waited = time.monotonic() - begun
    outcome = engine.step(step, batch, self.stop.made)
    seconds = time.monotonic() - begun
    self.elapsed += seconds
    record = self._record(step + 1, outcome, seconds, waited)
    self.books.record(record)
    self.guards.check(step + 1, outcome)
    for warning in self.alarms.update(record):
      self.books.say(f'warning: {warning}')
    self.asked_to_stop = outcome.stop
    return step + 1

  def _record(self, step, outcome, seconds, waited):
    """A line of stats.jsonl; `step` counts the steps done."""
    return {
      'step': step,
      'kimg': self._kimg(step),
      **outcome.metrics,
      'nonfinite': sum(sum(counts.values()) for counts in outcome.nonfinite.values()),
      'learning_rate': self.settings.train.learning_rate,
      'images_per_second': self.settings.train.batch_size / seconds,
      'seconds': seconds,
      'data_wait_seconds': waited,
      'elapsed_seconds': self.elapsed,
      **_memory(),
    }

  def _next_batch(self, step, engine):
    """The next batch. A picture that cannot be read ends the run, but loses nothing."""
    try:
      return next(self.batches)
    except UserError:
      self._save(step, engine)
      raise

  def _save(self, step, engine):
    position = {**self.batches.get_state(), 'step': step}
    info = {'data': position, 'c_dim': self.networks[1].c_dim, 'elapsed_seconds': self.elapsed}
    self.books.save(step, engine.state, info)

  def _kimg(self, step):
    return kimg_at(step, self.settings.train.batch_size)


def _devices() -> str:
  count = parallel.device_count()
  text = f'{count} x {jax.devices()[0].device_kind}'
  return f'{text} on {hosts.count()} hosts' if hosts.count() > 1 else text


def _memory() -> dict[str, float]:
  """The most memory used so far by this process, and on its first device, in GiB."""
  unit = 2**30 if sys.platform == 'darwin' else 2**20
  found = {'memory_gib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
  device = jax.local_devices()[0].memory_stats()
  if device and 'peak_bytes_in_use' in device:
    found['device_memory_gib'] = device['peak_bytes_in_use'] / 2**30
  return found
