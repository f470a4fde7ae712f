"""Metrics of two sets of images: passes over both, and a result with its recipe for each metric.

Metrics that look at equally many fakes share one pass over them, through all their networks.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from stylegan2_jax.data.base import Source
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size
from stylegan2_jax.metrics.image_sets import ImageSet, SourceImages
from stylegan2_jax.metrics.kinds import FORMULAS
from stylegan2_jax.metrics.names import Metric
from stylegan2_jax.metrics.networks import networks_for
from stylegan2_jax.metrics.passes import Passes
from stylegan2_jax.metrics.progress import Progress


@dataclasses.dataclass(frozen=True)
class Result:
  """What a metric has found."""

  metric: Metric
  values: dict[str, float]  # the headline first
  recipe: dict[str, Any]  # for JSON: all that the values depend on
  seconds: float  # since the result before


def check(metrics: Sequence[Metric], name: str, size: Size, num_reals: int) -> None:
  """Refuses, before anything is done, what `evaluate` would refuse of a model and its data set.

  Args:
    metrics: to be measured.
    name: of the data set, for messages.
    size: of its images and of the generator's.
    num_reals: how many images it has.

  Raises:
    UserError: weights are missing or damaged, or there are too few images.
  """
  _check_reals(metrics, name, num_reals)
  networks_for(metrics, size)


def evaluate(
  metrics: Sequence[Metric],
  fakes: ImageSet,
  reals: Source,
  scratch: pathlib.Path,
  say: Callable[[str], None],
  stop: Callable[[], bool] = lambda: False,
) -> Iterator[Result]:
  """Measures, one metric after another; those on equally many fakes follow each other.

  Args:
    metrics: what to measure.
    fakes: a generator's images, or others; of the same size as the real ones.
    reals: what they are held against, whole.
    scratch: a folder, made if it is not there, for what is half done: with the same one a pass that
      was interrupted goes on.
    say: prints a line.
    stop: asked after each batch whether to leave.

  Raises:
    UserError: as `check`; images or features are not finite; a folder cannot be written.
    Preempted: `stop` said so.
  """
  _check_images(metrics, SourceImages(reals), fakes)
  networks = networks_for(metrics, fakes.size)
  passes = Passes(metrics, networks, fakes, reals, scratch, Progress(say), stop)
  groups: dict[tuple, list[Metric]] = {}
  for metric in metrics:
    groups.setdefault(_group(metric, passes.counts(metric)[0]), []).append(metric)
  clock = time.monotonic()
  for group in groups.values():
    with passes.over_fakes(group) as of_fakes:
      for metric in group:
        of_reals = passes.over_reals(metric) if metric.needs_reals else None
        values = FORMULAS[metric.kind].compute(metric, of_reals, of_fakes)
        recipe = passes.recipe(metric, of_reals, of_fakes)
        now = time.monotonic()
        yield Result(metric, {k: float(v) for k, v in values.items()}, recipe, now - clock)
        clock = time.monotonic()
  passes.end()


def _group(metric, num_fakes):
  """What metrics share that come out of one pass over the fakes."""
  return ('path', metric.name) if metric.kind == 'ppl' else ('images', num_fakes)


def _check_images(metrics, reals: SourceImages, fakes: ImageSet):
  """Refuses sets that are too small, or not of one form."""
  if (fakes.size, fakes.channels) != (reals.size, reals.channels):
    forms = [f'{s.size[1]}x{s.size[0]}, {s.channels} channels' for s in (reals, fakes)]
    raise UserError(
      f'{reals.name} and {fakes.name} are not alike ({forms[0]}; {forms[1]}): bring one to the '
      'form of the other with `launch.py prepare`'
    )
  _check_reals(metrics, reals.name, reals.count)
  if isinstance(fakes, SourceImages):
    for metric in metrics:
      _check_count(metric, fakes.name, fakes.count)


def _check_reals(metrics, name, there):
  for metric in metrics:
    if metric.needs_reals and there < metric.fewest:
      raise UserError(
        f'{metric.name} takes at least {metric.fewest} images, and {name} has {there}: leave it out'
      )
    if metric.kind == 'swd':  # others take the reals that there are
      _check_count(metric, name, there)


def _check_count(metric, name, there):
  asked = metric.num_fakes or 0
  if asked > there:
    remedy = _remedy(metric, there)
    raise UserError(f'{metric.name} asks for {asked} images of {name}, which has {there}: {remedy}')


def _remedy(metric, count):
  """What to do with fewer images."""
  if count < metric.fewest:
    return 'leave it out'
  return 'ask for fewer, as in ' + metric.name.replace(_count_text(metric), str(count), 1)


def _count_text(metric):
  thousands = f'{metric.num_fakes // 1000}k'
  return thousands if thousands in metric.name else str(metric.num_fakes)
