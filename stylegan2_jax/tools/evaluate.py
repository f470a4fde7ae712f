"""`launch.py evaluate`: metrics of a model against its data, or of two sets of images."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile

from stylegan2_jax import backend
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.data.alike import open_alike
from stylegan2_jax.data.base import Source
from stylegan2_jax.data.sources import SHAPES, open_source
from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.metric_records import MetricRecords
from stylegan2_jax.metrics import names
from stylegan2_jax.metrics.evaluation import Result, evaluate
from stylegan2_jax.metrics.fakes import Fakes
from stylegan2_jax.metrics.image_sets import ImageSet, SourceImages
from stylegan2_jax.model_files import choose_step
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.tools import evaluation_text as text
from stylegan2_jax.tools.output import writing
from stylegan2_jax.training.preemption import StopRequest

# Where none is named: those that need no weights.
_USUAL = {'swd{}': 2000, 'frechet{}_random': 5000, 'kernel{}_random': 5000}


def evaluate_model(
  model: str,
  step: int | str | None = None,
  metrics: str = '',
  data: str | None = None,
  psi: float = 1.0,
  seed: int = 0,
  out: pathlib.Path | None = None,
) -> None:
  """Prints metrics of a generator, and adds them to the metrics.jsonl of its run.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    step: see model.
    metrics: names as in metrics/names.py; none: those that need no weights.
    data: images to hold the fakes against; None: those that the run trained on.
    psi: ψ of the truncation.
    seed: of the first fake.
    out: a file for the results, in place of the run's.

  Raises:
    UserError: model, data, weights or a metric's name are not right.
    Preempted: a signal asked it to stop; the same command goes on.
  """
  chosen = names.parse(metrics)
  place = _Place.of(model, step)
  gan = StyleGAN2.load(model, place.step, discriminator=False)
  reals, fakes = _sides(gan, data, psi, seed)
  print(f'data: {reals.describe()}')
  chosen = chosen or _usual(reals)
  apart = data is not None or psi != 1
  place = dataclasses.replace(place, out=out or place.out, apart=apart)
  _measure(chosen, fakes, reals, place)


def measure(
  gan: StyleGAN2, metrics: str = '', data: str | None = None, psi: float = 1.0, seed: int = 0
) -> list[Result]:
  """The same in a notebook: `measure(gan, 'fid5k')[0].values`.

  Raises:
    UserError: as `evaluate_model`, whose arguments these are.
  """
  reals, fakes = _sides(gan, data, psi, seed)
  chosen = names.parse(metrics) or _usual(reals)
  return list(evaluate(chosen, fakes, reals, _unfinished(), _say))


def evaluate_images(
  images_a: str, images_b: str, metrics: str = '', out: pathlib.Path | None = None
) -> None:
  """Prints metrics of two sets of images: `images_a` in the place of the reals.

  Args:
    images_a: a folder, a zip or a prepared set.
    images_b: another one, of the same form.
    metrics: as `evaluate_model`.
    out: a file to add the results to.

  Raises:
    UserError: as `evaluate_model`.
    Preempted: as `evaluate_model`.
  """
  chosen = names.parse(metrics)
  of_model = next((m.name for m in chosen if m.kind == 'ppl'), None)
  if of_model:
    raise UserError(f'{of_model} is measured on a generator: give --workdir')
  threads = os.cpu_count() or 2
  reals = open_alike(images_a, '--images_a', threads)
  others = open_alike(images_b, '--images_b', threads)
  for source in (reals, others):
    print(source.describe())
  fakes = SourceImages(others)
  chosen = chosen or _usual(reals, most=fakes.count)
  _measure(chosen, fakes, reals, _Place(_unfinished(), out))


@dataclasses.dataclass(frozen=True)
class _Place:
  """Where things go, and what else is known of the model."""

  scratch: pathlib.Path
  out: pathlib.Path | None = None
  step: int | None = None
  kimg: float | None = None
  apart: bool = False  # whether the results cannot be compared with those of training

  @classmethod
  def of(cls, model: str, step: int | str | None) -> '_Place':
    """Of a run, or of one of its checkpoints, its folder; of a file nowhere."""
    path = pathlib.Path(model)
    if path.name.isdecimal() and path.parent.name == 'checkpoints':
      step, path = int(path.name) if step is None else step, path.parent.parent
    run = RunDirectory(path)
    if not run.exists():
      return cls(_unfinished(), step=step)
    checkpoints = Checkpoints(run.checkpoints_path)
    try:
      step = choose_step(run, checkpoints, step)
      kimg = checkpoints.info(step).get('kimg', 0.0)
    finally:
      checkpoints.close()
    return cls(run.path / '.evaluation', run.metrics.path, step, kimg)


def _unfinished() -> pathlib.Path:
  """A folder for what is half done where there is no run."""
  kept = backend.cache_directory(os.environ, 'unfinished')
  return kept or pathlib.Path(tempfile.gettempdir()) / f'stylegan2_jax-{os.getuid()}'


def _sides(gan: StyleGAN2, data: str | None, psi: float, seed: int) -> tuple[Source, Fakes]:
  """What a model is measured on: real images, and its own."""
  settings = gan.settings.data
  if data is not None:
    settings = dataclasses.replace(settings, source=data)
  elif not settings.source:
    raise UserError('the model does not say what it was trained on: name images by --data')
  settings = dataclasses.replace(settings, labels=bool(gan.c_dim))
  reals = open_source(settings)
  weights = gan.params['generator'], gan.w_avg, gan.noise_maps
  return reals, Fakes(gan.generator, weights, _labels(gan, reals), psi, seed)


def _usual(reals: Source, most: int | None = None):
  """The metrics that need no weights, on as many images as there are, in a minute or two."""
  there = min(len(reals), most or len(reals))
  wanted = _USUAL | ({'shapes{}': 1000} if reals.data.source == SHAPES else {})
  return tuple(
    names.parse_one(form.format(_in_words(min(count, there)))) for form, count in wanted.items()
  )


def _in_words(count):
  return str(count) if count % 1000 else f'{count // 1000}k'


def _labels(gan, reals):
  """Those that labels of fakes are drawn from; None for unconditional models."""
  if not gan.c_dim:
    return None
  if reals.label_dim != gan.c_dim:
    raise UserError(
      f'the model takes labels of width {gan.c_dim} and {reals.data.source} has {reals.label_dim}: '
      'name its own data by --data'
    )
  labels = reals.labels()
  if labels.ndim == 1:
    empty = set(range(gan.c_dim)) - set(labels.tolist())
    if empty:
      shown = reals.class_names[min(empty)] if reals.class_names else min(empty)
      print(f'note: {len(empty)} of {gan.c_dim} classes have no images ({shown}): none is drawn')
  return labels


def _measure(chosen, fakes: ImageSet, reals: Source, place: _Place) -> None:
  """Measures, prints and keeps."""
  _check_out(place.out)
  stop = StopRequest()
  with contextlib.ExitStack() as stack:
    if place.out is not None:
      stack.enter_context(writing(place.out))
    stack.enter_context(stop.listening())
    stop.begin_steps()
    found = []
    try:
      for result in evaluate(chosen, fakes, reals, place.scratch, _say, lambda: stop.made):
        _keep(place, result)
        _say(text.one_line(result))
        found.append(result)
    except Preempted as ending:
      print(f'{ending}; the same command goes on from there')
      raise
  print('\n' + '\n'.join(text.table(found)))
  if place.out is not None:
    print(f'added to {place.out}, each with its recipe')


def _check_out(path: pathlib.Path | None) -> None:
  """Before hours of work: whether the results can be written."""
  if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
    raise UserError(f'cannot write {path}: make its folder writable, or name another --out')


def _say(line):
  print(line, flush=True)


def _keep(place: _Place, result: Result) -> None:
  """Adds a line to the file of results."""
  if place.out is None:
    return
  where = {'step': place.step, 'kimg': place.kimg, 'apart': place.apart or None}
  record = {
    'metric': result.metric.name,
    'values': result.values,
    **{name: value for name, value in where.items() if value is not None},
    'seconds': round(result.seconds, 3),
    'recipe': result.recipe,
  }
  with contextlib.closing(MetricRecords(place.out)) as records:
    records.append(record)
