"""The training loop: set-up, steps, snapshots, and a clean end however it comes."""

import contextlib
import pathlib
import resource
import signal
import sys
import time

import jax
import numpy as np

from stylegan2_jax import validation
from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.config import Settings
from stylegan2_jax.console import Console
from stylegan2_jax.data.decoding import decode
from stylegan2_jax.data.pipeline import Batches
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.images import grid, save_png
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.sampler import Sampler
from stylegan2_jax.training import parallel
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.schedule import kimg_at, steps_for
from stylegan2_jax.training.state import new_state

_MIN_CELL = 64  # smaller pictures are magnified in grids
_SHOWN = {'loss_g': 'G', 'loss_d': 'D', 'r1_penalty': 'R1', 'pl_mean': 'PL', 'images_per_second': 'images/s'}  # fmt: skip


def train(settings: Settings, workdir: pathlib.Path) -> None:
  """Trains until `train.total_kimg`, going on where the run in `workdir` stopped.

  Ctrl-C and SIGTERM end it at the next step with a checkpoint.

  Raises:
    UserError: settings, data, workdir or checkpoint do not fit; nothing is changed then.
  """
  started = time.perf_counter()
  validation.validate(settings, parallel.device_count())
  source = open_source(settings.data)
  with RunDirectory(workdir).open(settings) as run, contextlib.closing(Console(run.log_path)) as console:  # fmt: skip
    with _Run(settings, source, run, console) as training:
      training.go(started)


class _Run:
  """One training process: what is open while it lasts, and its steps in order."""

  def __init__(self, settings, source, run, console):
    self.settings, self.source, self.run, self.console = settings, source, run, console
    train = settings.train
    self.checkpoints = Checkpoints(run.checkpoints_path, train.keep)
    self.batches = Batches(source, settings.data, train.batch_size, settings.seed)
    c_dim = len(source.class_names) if settings.data.labels else 0
    self.labels = source.labels() if c_dim else None
    self.networks = build_networks(
      settings.network, settings.data.resolution, settings.data.channels, c_dim
    )
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
    say = self.console.say
    say(f'data: {self.source.describe()}')
    say(f'run: {self.run.path}, {parallel.device_count()} x {jax.devices()[0].device_kind}')
    step, state = self._first_state()
    if step >= self.total_steps:
      say(f'nothing to do: the run is at {self._kimg(step):.1f} kimg of {self.settings.train.total_kimg:g}; raise train.total_kimg to go on')  # fmt: skip
      return
    engine = Engine(self.settings, self.networks, state, self.labels)
    del state
    say('compiling the training step (once; the next start finds it in the cache) ...')
    engine.compile(lambda name, seconds: say(f'  {name} compiled in {seconds:.1f} s'))
    if step == 0:
      self._draw_reals()
      self._draw_fakes(0, engine)
    say(f'training from {self._kimg(step):.1f} to {self.settings.train.total_kimg:g} kimg; first step after {time.perf_counter() - started:.1f} s')  # fmt: skip
    with self._stop_signals():
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

  def _loop(self, step, engine):
    """Steps until the end or a signal; numbers every step, pictures at snapshots."""
    self.console.begin(self._kimg(step), self.settings.train.total_kimg)
    clock = time.perf_counter()
    while step < self.total_steps and not self.stop:
      batch = next(self.batches)
      waited = time.perf_counter() - clock
      metrics = engine.step(step, batch)
      step += 1
      seconds, clock = time.perf_counter() - clock, time.perf_counter()
      record = self._record(step, metrics, seconds, waited)
      self.run.append_stats(record)
      self.console.progress(record['kimg'], {_SHOWN[k]: record[k] for k in _SHOWN if k in record})
      if step % self.snapshot_steps == 0 or step == self.total_steps:
        self._draw_fakes(step, engine)
        self._save(step, engine)
        clock = time.perf_counter()  # snapshots do not count as training time
    if self.stop and step not in self.checkpoints.steps():
      self._save(step, engine)
    self.checkpoints.wait()
    if self.stop:
      self.console.say(f'stopped and saved at step {step} ({self._kimg(step):.1f} kimg); the same command goes on from there')  # fmt: skip
    else:
      self.console.say(f'finished {self._kimg(step):.1f} kimg; see {self.run.fakes_path(self._kimg(step))}')  # fmt: skip

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

  def _save(self, step, engine):
    position = {**self.batches.get_state(), 'step': step}
    self.checkpoints.save(
      engine.state(),
      {
        'kimg': self._kimg(step),
        'data': position,
        'c_dim': self.networks[1].c_dim,
        'class_names': list(self.source.class_names),
      },
    )

  def _draw_reals(self):
    """A grid of the first pictures of the data set."""
    rows, cols = self.settings.sample.grid_rows, self.settings.sample.grid_cols
    count = min(rows * cols, len(self.source))
    examples = [self.source.read(i) for i in range(count)]
    images = np.stack([decode(self.settings.data, e.image, e.name) for e in examples])
    save_png(self.run.reals_path, grid(images, rows, cols, _MIN_CELL))

  def _draw_fakes(self, step, engine):
    """A grid of the EMA generator's pictures for seeds 0, 1, 2, …, as `sample` draws them."""
    sample, generator = self.settings.sample, self.networks[0]
    count = sample.grid_rows * sample.grid_cols
    labels = None
    if self.networks[1].c_dim:
      labels = np.eye(self.networks[1].c_dim, dtype=np.float32)[np.arange(count) % self.networks[1].c_dim]  # fmt: skip
    pictures = Sampler(generator, *engine.sampling_weights()).sample(
      range(count), sample.truncation_psi, labels
    )
    path = self.run.fakes_path(self._kimg(step))
    save_png(path, grid(pictures, sample.grid_rows, sample.grid_cols, _MIN_CELL))
    self.console.say(f'wrote {path}')

  def _kimg(self, step):
    return kimg_at(step, self.settings.train.batch_size)

  @contextlib.contextmanager
  def _stop_signals(self):
    """The first SIGINT or SIGTERM asks for an end at the next step; a second one ends at once."""

    def ask(number, frame):
      self.stop = True
      signal.signal(number, old[number])
      print('\nstopping after this step (again: at once)', file=sys.stderr, flush=True)

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
      yield
    finally:
      for number, handler in old.items():
        signal.signal(number, handler)
