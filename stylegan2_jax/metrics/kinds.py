"""What each kind of metric takes of the features, and the numbers that it makes of them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.collection import GAUSSIAN, ROWS, Collected
from stylegan2_jax.metrics.features import inception_files
from stylegan2_jax.metrics.features.shapes_features import readings_of
from stylegan2_jax.metrics.formulas import manifolds
from stylegan2_jax.metrics.formulas.gaussian import frechet_distance
from stylegan2_jax.metrics.formulas.inception_score import inception_score
from stylegan2_jax.metrics.formulas.kernel_distance import kernel_distance
from stylegan2_jax.metrics.formulas.shapes_statistics import compare
from stylegan2_jax.metrics.formulas.sliced_wasserstein import sliced_wasserstein_levels
from stylegan2_jax.metrics.formulas.trimmed import trimmed_mean
from stylegan2_jax.metrics.names import SPLITS, Metric

SUBSETS, SUBSET_SIZE = 100, 1000  # of the kernel distance


class Formula(NamedTuple):
  """One kind of metric."""

  output: str  # of its network; '' for all of them
  keep: str  # GAUSSIAN or ROWS
  compute: Callable[[Metric, Collected | None, Collected], dict[str, float]]
  recipe: Mapping[str, Any]  # what else its numbers depend on


def kept_by(metric: Metric, outputs: tuple[str, ...]) -> dict[str, str]:
  """What a metric needs of the outputs of its network: GAUSSIAN or ROWS by NETWORK.OUTPUT.

  Raises:
    UserError: the file of weights lacks the layer that the metric needs.
  """
  formula = FORMULAS[metric.kind]
  if formula.output and formula.output not in outputs:
    raise UserError(
      f'{metric.name} needs the last layer of {metric.network}, which the file of weights lacks: '
      f'use {inception_files.FILE}, or leave it out'
    )
  wanted = (formula.output,) if formula.output else outputs
  return {f'{metric.network}.{output}': formula.keep for output in wanted}


def _frechet(metric, reals, fakes):
  name = f'{metric.network}.features'
  return {metric.name: frechet_distance(reals.gaussian(name), fakes.gaussian(name))}


def _kernel(metric, reals, fakes):
  name = f'{metric.network}.features'
  found = kernel_distance(reals.kept[name], fakes.kept[name], SUBSETS, SUBSET_SIZE)
  return {metric.name: found.mean, f'{metric.name}_std': found.std}


def _precision_recall(metric, reals, fakes):
  rows = reals.kept['vgg16.features'], fakes.kept['vgg16.features']
  precision, recall = manifolds.precision_recall(*rows, metric.k)
  return {f'{metric.name}_precision': precision, f'{metric.name}_recall': recall}


def _density_coverage(metric, reals, fakes):
  rows = reals.kept['vgg16.features'], fakes.kept['vgg16.features']
  density, coverage = manifolds.density_coverage(*rows, metric.k)
  return {f'{metric.name}_density': density, f'{metric.name}_coverage': coverage}


def _inception_score(metric, reals, fakes):
  mean, std = inception_score(fakes.kept['inception.probabilities'], SPLITS)
  return {f'{metric.name}_mean': mean, f'{metric.name}_std': std}


def _path_length(metric, reals, fakes):
  return {metric.name: trimmed_mean(fakes.kept['lpips.distances'][:, 0])}


def _sliced_wasserstein(metric, reals, fakes):
  found = sliced_wasserstein_levels(*(_outputs(side, metric.network) for side in (reals, fakes)))
  average = found.pop('swd')
  return {metric.name: average, **{f'{metric.name}_{k[3:]}px': v for k, v in found.items()}}


def _outputs(side, network):
  """Rows by the name of the output alone, those of one network."""
  names = {name: name.partition('.') for name in side.kept}
  return {output: side.kept[name] for name, (of, _, output) in names.items() if of == network}


def _shapes(metric, reals, fakes):
  readings = (readings_of(side.kept['shapes.readings']) for side in (reals, fakes))
  found = compare(*readings)
  return {f'{metric.name}_{name.removeprefix("shapes_")}': value for name, value in found.items()}


_COVARIANCE = {'covariance': 'divided by n - 1'}
_DRAWS = {
  'kernel': '(x.y/width + 1)^3',
  'subsets': f'{SUBSETS} of at most {SUBSET_SIZE}, drawn with seed 0',
}

FORMULAS = {
  'fid': Formula('features', GAUSSIAN, _frechet, _COVARIANCE),
  'kid': Formula('features', ROWS, _kernel, _DRAWS),
  'pr': Formula('features', ROWS, _precision_recall, {'balls': 'closed'}),
  'dc': Formula('features', ROWS, _density_coverage, {'balls': 'closed'}),
  'is': Formula('probabilities', ROWS, _inception_score, {'splits': SPLITS}),
  'ppl': Formula('distances', ROWS, _path_length, {'epsilon': 1e-4, 'percentiles': '1 to 99'}),
  'swd': Formula('', ROWS, _sliced_wasserstein, {'times': 1000}),
  'frechet': Formula('features', GAUSSIAN, _frechet, _COVARIANCE),
  'kernel': Formula('features', ROWS, _kernel, _DRAWS),
  'shapes': Formula('readings', ROWS, _shapes, {}),
}
