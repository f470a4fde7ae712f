"""The training loop: where it begins, its steps and snapshots, and how it ends.

Every host runs this. What happens on one alone (a signal, a file that is missing) reaches the
others through `hosts` or through the step itself, so that all take the same turns.
"""

import contextlib
import functools
import time

from stylegan2_jax.errors import CommandError, Preempted, TrainingFailed
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training import hosts, machine
from stylegan2_jax.training.alarms import Alarms
from stylegan2_jax.training.engine import Engine, Wish
from stylegan2_jax.training.guards import Guards
from stylegan2_jax.training.inputs import Inputs
from stylegan2_jax.training.schedule import is_measured, is_snapshot, kimg_at, steps_for
from stylegan2_jax.training.state import new_state


class Run:
  """One training process: what is open while it lasts, and its steps in order.

  Whatever CommandError its `go` raises, it raises on all hosts at the same place.
  """

  def __init__(self, settings, sources, books, stop):
    """`sources`: of the images to train on, and of held-out ones or None."""
    source, train = sources[0], settings.train
    self.settings, self.books, self.stop = settings, books, stop
    self.description = source.describe()
    self.started = time.monotonic()
    self.inputs = Inputs(settings, sources)
    c_dim = source.label_dim if settings.data.labels else 0
    self.labels = source.labels() if c_dim else None
    self.networks = build_networks(
      settings.network, settings.data.size, settings.data.channels, c_dim
    )
    self.total_steps = steps_for(train.total_kimg, train.batch_size)
    self.guards, self.alarms = Guards(train, books.say), Alarms(train, settings.augment)
    self.begun = 0.0  # when training began, had it never stood still since, nor been measured
    self.trouble = None  # what this host cannot go on with
    self.agreed = Wish.GO_ON  # between all hosts, at the end of the last step
    self.half_measured = False  # whether a request to stop came while metrics were measured

  def close(self):
    """Ends reading."""
    self.inputs.close()

  def go(self):
    """From the first or the saved step to the last."""
    say, total_kimg = self.books.say, self.settings.train.total_kimg
    say(f'data: {self.description}')
    say(f'devices: {machine.describe()}')
    step, state, elapsed = self._first_state()
    done = f'{self._kimg(step):.1f} kimg'
    finished = step >= self.total_steps
    if finished and not self._owes_metrics(step):
      say(f'nothing to do: the run has {done} of {total_kimg:g}; raise train.total_kimg to go on')
      return
    engine = Engine(self.settings, self.networks, state, self.labels)
    del state
    if not finished:
      say('compiling the training step (once: later starts take it from the cache) ...')
      engine.compile(lambda name, seconds: say(f'  {name}: {seconds:.1f} s'))
      say(f'training from {done} to {total_kimg:g} kimg')
    with hosts.together('opening the log'):
      self.books.begin(step)
    self.begun = time.monotonic() - elapsed
    self.stop.begin_steps()
    if step == 0:
      step = self._first_step(engine)
    else:
      self._measure_if_due(step, engine)
    self._loop(step, engine)

  def _first_state(self):
    """(step, state, seconds of training) of the first host's newest checkpoint, if it has one."""
    settings = self.settings
    fresh = new_state(settings.seed, *self.networks, settings.train, settings.augment)
    with hosts.together('reading the checkpoint'):
      beginning = self.books.resume(fresh)
      if beginning.info is not None:
        self.inputs.go_to(beginning.info['data'])
    info = hosts.first_says(beginning.info)
    if info is None:
      return 0, hosts.broadcast(beginning.state), 0.0
    step = self.inputs.go_to(info['data'])
    self.books.say(f'going on from step {step} ({self._kimg(step):.1f} kimg)')
    return step, hosts.broadcast(beginning.state), info['elapsed_seconds']

  def _first_step(self, engine):
    """One step, then the pictures of what was before it, which would have delayed it."""
    weights = engine.sampling_weights()
    step = self._step(0, engine)
    self.books.say(f'first step done {time.monotonic() - self.started:.1f} s after the start')
    with self._alone():
      self.books.draw_reals()
      self.books.draw_fakes(0, self.networks[0], weights)
    self._snapshot_if_due(step, engine)
    return step

  def _loop(self, step, engine):
    """Steps until the end or a request to stop, with pictures and checkpoints at snapshots."""
    while step < self.total_steps and self.agreed is Wish.GO_ON:
      step = self._step(step, engine)
      self._snapshot_if_due(step, engine)
    with hosts.together('training'):
      if self.trouble is not None:
        raise self.trouble
    done = f'at step {step} ({self._kimg(step):.1f} kimg)'
    stopped = step < self.total_steps or self.half_measured
    if stopped:
      self._compare_devices(step, engine)
    with hosts.together('saving'):
      if stopped:
        self._save(step, engine)
      self.books.finish()
    if stopped:
      self.books.say(f'stopped and saved {done}; the same command goes on from there')
      raise Preempted(f'stopped {done}')
    self.books.say(f'finished {done}')

  def _snapshot_if_due(self, step, engine):
    if not is_snapshot(step, self.settings.train) or self.agreed is Wish.FAIL:
      return
    self._compare_devices(step, engine)
    with self._alone():
      self.books.draw_fakes(step, self.networks[0], engine.sampling_weights())
      self._save(step, engine)
    self._measure_if_due(step, engine)

  def _owes_metrics(self, step):
    """Whether the first host has metrics to measure that were due after so many steps."""
    with hosts.together('reading the metrics'):
      found = self.books.unmeasured(step)
    return hosts.first_says(found)

  def _measure_if_due(self, step, engine):
    """Metrics of what was saved just now, or of what the run went on with, unless they are there.

    The first host measures while the others wait. Ended by a request to stop, the next start goes
    on with it.
    """
    if not is_measured(step, self.settings.train, self.settings.metrics):
      return
    begun = time.monotonic()
    try:
      with hosts.together('measuring'):
        if self.trouble is None:
          weights = engine.sampling_weights()
          self.books.measure(step, self.networks[0], weights, lambda: self.stop.made)
    except Preempted:
      self.agreed, self.half_measured = Wish.STOP, True
    self.begun += time.monotonic() - begun

  def _compare_devices(self, step, engine):
    """Ends the run if not all devices have the same state."""
    differing = engine.replica_differences()
    if differing:
      raise TrainingFailed(
        f'devices disagree after step {step}: {differing[0]} is not the same on all of them '
        f'({len(differing)} arrays in all); one of them computes wrongly, look for hardware faults'
      )

  @contextlib.contextmanager
  def _alone(self):
    """Work of one host: what goes wrong there, the others hear of at the end of the next step."""
    try:
      yield
    except CommandError as error:
      if hosts.count() == 1:
        raise
      self.trouble = self.trouble or error

  def _step(self, step, engine):
    """One step: the number of steps done."""
    begun = time.monotonic()
    inputs = self.inputs.take(step, engine.put)
    if inputs.error is not None:
      self._cannot_read(step, engine, inputs.error)
    ahead = functools.partial(self._read_ahead, step + 1, engine)
    outcome = engine.step(step, inputs.batch, self._wish(), inputs.held_out, ahead)
    self.agreed = outcome.wish
    if self.agreed is Wish.FAIL:  # of what, the failing host says
      return step
    record = self._record(step + 1, outcome, time.monotonic() - begun)
    with self._alone():
      self.books.record(record)
    self.guards.check(step + 1, outcome)
    for warning in self.alarms.update(record):
      self.books.say(f'warning: {warning}')
    return step + 1

  def _wish(self):
    if self.trouble is not None:
      return Wish.FAIL
    return Wish.STOP if self.stop.made else Wish.GO_ON

  def _record(self, step, outcome, seconds):
    """A line of stats.jsonl; `step` counts the steps done."""
    return {
      'step': step,
      'kimg': self._kimg(step),
      **outcome.metrics,
      'nonfinite': sum(sum(counts.values()) for counts in outcome.nonfinite.values()),
      'learning_rate': self.settings.train.learning_rate,
      'images_per_second': self.settings.train.batch_size / seconds,
      'seconds': seconds,
      'data_wait_seconds': self.inputs.waited(),
      'elapsed_seconds': time.monotonic() - self.begun,
      **machine.memory(),
    }

  def _read_ahead(self, step, engine):
    """Reads what the next step looks at while the devices are busy with this one."""
    if step < self.total_steps:
      self.inputs.read_ahead(step, engine.put)

  def _cannot_read(self, step, engine, error):
    """An image that cannot be read ends the run.

    One process loses nothing: it saves first. Of several hosts the others are in the step already,
    so that the one goes along with no images, and what was done since the last checkpoint is lost.
    """
    if hosts.count() == 1:
      self._save(step, engine)
      raise error
    self.trouble = self.trouble or error

  def _save(self, step, engine):
    info = {
      'data': self.inputs.position(step),
      'c_dim': self.networks[1].c_dim,
      'elapsed_seconds': time.monotonic() - self.begun,
    }
    self.books.save(step, engine.state, info)

  def _kimg(self, step):
    return kimg_at(step, self.settings.train.batch_size)
