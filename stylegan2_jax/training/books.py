"""What a run writes while it trains: config, log, numbers, grids, checkpoints, metrics, report.

One host keeps the books. The others have `NoBooks`, which take everything and write nothing, so
that the loop need not ask which host it runs on.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from stylegan2_jax.checkpoints import DamagedError
from stylegan2_jax.console import Console
from stylegan2_jax.data.base import Source
from stylegan2_jax.errors import CommandError, TrainingFailed
from stylegan2_jax.reporting import environment
from stylegan2_jax.reporting.watchers import open_watchers
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.sampler import Sampler
from stylegan2_jax.saving import CheckpointWriter
from stylegan2_jax.settings import Settings
from stylegan2_jax.training import finetune, nonfinite
from stylegan2_jax.training.measuring import Measuring
from stylegan2_jax.training.no_books import NoBooks
from stylegan2_jax.training.resume import Beginning, check_not_lost, newest_whole
from stylegan2_jax.training.schedule import kimg_at, stays_for_good
from stylegan2_jax.training.snapshots import choose_cells, draw_fakes, draw_reals
from stylegan2_jax.training.state import TrainState
from stylegan2_jax.words import listing, reason

_SHOWN = {'loss_g': 'G', 'loss_d': 'D', 'r1_penalty': 'R1', 'pl_mean': 'PL'}  # on the console


class Books(NoBooks):
  """The books of a run in its folder. Whatever cannot be written ends the run with one line."""

  def __init__(self, settings: Settings, workdir: pathlib.Path, source: Source, whole: Source):
    """Opens the folder, and keeps other trainings out of it.

    Args:
      settings: of the run.
      workdir: its folder.
      source: of the images to train on.
      whole: of all images.

    Raises:
      UserError: it cannot be the folder of this run; nothing is changed then.
    """
    self._settings, self._source = settings, source
    self._run = RunDirectory(workdir).open(settings)
    self._measuring = Measuring(settings, self._run, whole)
    self._watchers = None
    self._saved_at = 0  # the newest step that is saved, or being saved, or needs no saving
    self._passed_over: dict[int, DamagedError] = {}
    self._told: set[str] = set()  # faults in the run's files that were said
    self._notice = ''  # of imported weights that the run began with
    try:
      self._console = Console(self._run.log_path)
      self._checkpoints = CheckpointWriter(
        self._run.checkpoints_path, settings.train.keep, self._best
      )
      self._parts = [self._run, self._console, self._checkpoints]  # the last is closed first
    except BaseException:
      self._run.close()
      raise
    c_dim = source.label_dim if settings.data.labels else 0
    self._cells = choose_cells(
      settings.sample, len(source), source.labels() if c_dim else None, c_dim
    )

  def say(self, text: str) -> None:
    """Prints and logs a line."""
    self._console.say(text)

  def resume(self, fresh: TrainState) -> Beginning:
    """Where the run goes on; see `newest_whole`. Nothing is changed before `begin`."""
    beginning = newest_whole(self._checkpoints, self._settings, fresh)
    self._passed_over = beginning.passed_over
    info = beginning.info
    if info is None:
      check_not_lost(self._run)
      return Beginning(self._first_weights(fresh), None, beginning.passed_over)
    self._notice = info.get('notice', '')
    if 'elapsed_seconds' not in info:  # older versions did not save it
      info['elapsed_seconds'] = self._run.stats.elapsed(info['data']['step'])
    return beginning

  def unmeasured(self, step: int) -> bool:
    """Whether metrics are due after so many steps that were not measured."""
    return bool(self._measuring.missing(step))

  def begin(self, step: int) -> None:
    """Training begins after so many steps.

    What does not belong to them goes: damaged checkpoints are moved aside, later numbers dropped.
    """
    run, settings, kimg = self._run, self._settings, self._kimg(step)
    about = environment.about(settings, run)
    self._watchers = open_watchers(run, settings, about, step, kimg, self.say)
    self._parts.append(self._watchers)
    self._saved_at = step
    with self._writing(run.path):
      run.write_settings(settings)
      if self._notice:
        run.notice_path.write_text(self._notice, encoding='utf-8')
      for damaged, error in self._passed_over.items():
        moved = self._checkpoints.set_aside(damaged, run.damaged_path)
        self.say(f'passed over: {error.fault}; it lies in {moved} now')
      run.stats.cut(step)
      self._measuring.begin(step)
    self._console.begin(kimg, settings.train.total_kimg)

  def record(self, record: dict[str, Any]) -> None:
    """The numbers of a step."""
    with self._writing(self._run.stats.path):
      self._run.stats.append(record)
    self._checkpoints.check()
    self._watchers.record(record)
    self._console.progress(record['kimg'], {_SHOWN[k]: record[k] for k in _SHOWN if k in record})

  def draw_reals(self) -> None:
    """The grid of the data set."""
    with self._writing(self._run.reals_path):
      draw_reals(self._run.reals_path, self._source, self._settings.sample, self._cells)

  def draw_fakes(self, step: int, generator, weights) -> None:
    """A grid of fakes; `weights` are those of `Engine.sampling_weights`."""
    path, kimg = self._run.fakes_path(self._kimg(step)), self._kimg(step)
    with self._writing(path):
      draw_fakes(path, Sampler(generator, *weights), self._settings.sample, self._cells)
    self._watchers.picture(kimg, path)
    self.say(f'wrote {path}')

  def save(self, step: int, state: Callable[[], TrainState], info: dict[str, Any]) -> None:
    """Begins to write a checkpoint, unless this step has one, and refreshes the report."""
    if step != self._saved_at:
      with self._writing(self._run.stats.path):
        self._run.stats.sync()  # a checkpoint is never ahead of the numbers
      for_good = stays_for_good(step, self._settings.train)
      now = state()
      bad = nonfinite.bad_leaves(now)
      if bad:  # the guards look at less in each step
        raise TrainingFailed(f'{listing(bad, 3)} not finite after step {step}: not saved')
      self._checkpoints.save(now, self._info(step, info), for_good)
      self._saved_at = step
    self._watchers.snapshot()
    self._tell_damage()

  def measure(self, step: int, generator, weights, stop: Callable[[], bool]) -> None:
    """What is due after so many steps, and was not measured; see `Measuring.measure`."""
    with self._writing(self._run.metrics.path), self._console.paused():
      for record in self._measuring.measure(step, generator, weights, self.say, stop):
        self._watchers.measured(record)

  def finish(self) -> None:
    """Returns when all is written."""
    self._checkpoints.wait()

  def ended(self, ending: CommandError | None) -> CommandError | None:
    """Closes the books of a run that ended so; of a failure, logs it and adds the way back."""
    if isinstance(ending, TrainingFailed):
      with contextlib.suppress(TrainingFailed):  # it may be what failed
        self._checkpoints.wait()
      line, steps = str(ending), self._checkpoints.steps()
      if steps:
        line += f'; the last good checkpoint is {self._run.checkpoints_path / str(steps[-1])}'
      self._console.log(f'failed: {line}')
      if self._watchers is not None:
        self._watchers.snapshot()
      ending = type(ending)(line)
    self.close()
    return ending

  def close(self) -> None:
    """Ends all writing; what is being saved is waited for. Closing twice is harmless."""
    parts, self._parts = self._parts, []
    with contextlib.ExitStack() as stack:
      for part in parts:
        stack.callback(part.close)

  def _first_weights(self, fresh):
    """Those of a new run: fresh, or as far as they fit those of another one."""
    if not self._settings.finetune.start:
      return fresh
    start = finetune.look_at(self._settings, fresh)
    settings, self._notice = self._settings, start.notice
    state = finetune.carry_over(start, fresh, settings.finetune.freeze_mapping)
    carried, rest = finetune.describe(start, fresh)
    self.say(f'fine-tuning from {start.path}, carried over: {carried}')
    self.say(f'fresh: {rest}')
    rampup = settings.train.ema_rampup
    self.say(
      f'for fine-tuning: augment.ada_kimg={settings.augment.ada_kimg:g}, '
      f'train.ema_rampup={"none" if rampup is None else f"{rampup:g}"}'
    )
    return state

  def _tell_damage(self):
    """Says once what was passed over in the numbers."""
    for fault in (self._run.stats.fault, self._run.metrics.fault):
      if fault is not None and fault not in self._told:
        self._told.add(fault)
        self.say(f'warning: {fault}')

  def _info(self, step, info):
    return {
      'kimg': self._kimg(step),
      'config': dataclasses.asdict(self._settings),
      'class_names': list(self._source.class_names),
      'component_names': list(self._source.component_names),
      **({'notice': self._notice} if self._notice else {}),
      **info,
    }

  def _best(self, steps):
    """Those of some steps whose checkpoint is the best: one, or none if nothing was measured."""
    best = self._run.metrics.best(self._settings.metrics, steps)
    return () if best is None else (best.step,)

  def _kimg(self, step):
    return kimg_at(step, self._settings.train.batch_size)

  @contextlib.contextmanager
  def _writing(self, path: pathlib.Path) -> Iterator[None]:
    try:
      yield
    except OSError as error:
      raise TrainingFailed(
        f'cannot write {path} ({reason(error)}): make room or mend the disk, then start again'
      ) from error


def open_books(
  settings: Settings, workdir: pathlib.Path, source: Source, whole: Source, first: bool
) -> NoBooks:
  """The books of the first host, or of another one; see `Books`."""
  return Books(settings, workdir, source, whole) if first else NoBooks()
