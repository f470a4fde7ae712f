"""Metrics while training: which are due, and their records in the run's folder.

They are measured between two steps, of the state that a checkpoint has: a process that ends
meanwhile loses no training. The next one begins with that checkpoint, measures what has no record
yet, and goes on in the folder where a metric leaves what is half done.
"""

import shutil
from collections.abc import Callable, Iterator

from stylegan2_jax.data.base import Source
from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.metric_records import best_of
from stylegan2_jax.metrics import names
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings
from stylegan2_jax.training.schedule import is_measured, kimg_at

_MOST_SHOWN = 3  # values of a metric in a line


def check(settings: Settings, num_images: int) -> None:
  """Refuses metrics that could not be measured when they are due.

  Args:
    settings: of the run.
    num_images: of the whole data set, whatever part of it is trained on.

  Raises:
    UserError: weights are missing, or there are too few images.
  """
  metrics = names.parse(settings.metrics.names)
  if metrics:
    from stylegan2_jax.metrics import evaluation

    evaluation.check(metrics, settings.data.source, settings.data.size, num_images)


class Measuring:
  """The metrics of one run, in the process that writes its folder."""

  def __init__(self, settings: Settings, run: RunDirectory, source: Source):
    """Touches nothing.

    Args:
      settings: of the run.
      run: open for training.
      source: of all images, whatever part of them is trained on: it is what papers compare with.
    """
    self._settings, self._run, self._source = settings, run, source
    self._metrics = names.parse(settings.metrics.names)

  def missing(self, step: int) -> tuple[names.Metric, ...]:
    """Those that are due after so many steps, and have no record.

    Raises:
      UserError: the records cannot be read.
    """
    if not is_measured(step, self._settings.train, self._settings.metrics):
      return ()
    there = {record['metric'] for record in self._run.metrics.measured() if record['step'] == step}
    return tuple(metric for metric in self._metrics if metric.name not in there)

  def begin(self, step: int) -> None:
    """Training begins after so many steps: what is of later ones, or of no use, goes.

    Raises:
      OSError: something cannot be removed.
      UserError: the records cannot be read.
    """
    self._run.metrics.cut(step)
    here = self._run.measuring_path
    of_use = str(step) if self.missing(step) else None
    for folder in here.iterdir() if here.is_dir() else ():
      if folder.name != of_use:
        shutil.rmtree(folder)

  def measure(
    self, step: int, generator, weights, say: Callable[[str], None], stop: Callable[[], bool]
  ) -> Iterator[dict]:
    """Measures what is missing; yields each record when it is on disk.

    Args:
      step: steps done.
      generator: G.
      weights: of it, as `Engine.sampling_weights` gives them.
      say: takes a line on how far it is.
      stop: whether to end as soon as possible.

    Raises:
      Preempted: `stop` said so. The next process goes on.
      OSError: something cannot be written.
    """
    missing = self.missing(step)
    if missing and stop():
      raise Preempted('stopped before measuring')
    if not missing:
      return
    from stylegan2_jax.metrics import evaluation
    from stylegan2_jax.metrics.fakes import Fakes

    records, scratch = self._run.metrics, self._run.measuring_path / str(step)
    scratch.mkdir(parents=True, exist_ok=True)
    fakes = Fakes(generator, weights, self._source.labels() if self._settings.data.labels else None)
    results = evaluation.evaluate(missing, fakes, self._source, scratch, say, stop)
    for result in _as_far_as_it_goes(results, say):
      record = {
        'metric': result.metric.name,
        'values': result.values,
        'step': step,
        'kimg': kimg_at(step, self._settings.train.batch_size),
        'seconds': round(result.seconds, 3),
        'recipe': result.recipe,
      }
      records.append(record)
      records.sync()
      say(self._line(result.metric, record))
      yield record
    shutil.rmtree(self._run.measuring_path, ignore_errors=True)

  def _line(self, metric, record):
    """As in `pr5k3 precision 0.61, recall 0.203 (best, 33 s)`."""
    values = sorted(record['values'].items(), key=lambda item: item[0] != metric.headline)
    shown = values if len(values) <= _MOST_SHOWN else values[:1]
    parts = (f'{name.removeprefix(metric.name)} {value:.4g}' for name, value in shown)
    text = ', '.join(part.strip(' _') for part in parts)
    best = best_of(metric.headline, self._run.metrics.measured())
    is_best = best is not None and best.step == record['step']
    return f'{metric.name} {text} ({"best, " if is_best else ""}{record["seconds"]:.0f} s)'


def _as_far_as_it_goes(results, say):
  """All results until one cannot be had: a run of weeks must not die of its metrics."""
  try:
    yield from results
  except UserError as error:
    say(f'warning: {error}; the run goes on without what is left to measure here')
