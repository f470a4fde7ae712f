"""The feature networks that metrics need, by name."""

from collections.abc import Callable, Sequence

import jax
import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size
from stylegan2_jax.metrics.features import patches, random_network, shapes_features, weights_folder
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.names import Metric

_MIN_SIDE = {'vgg16': 1, 'inception': 1, 'lpips': 16, 'random': 16, 'patches': 7, 'shapes': 16}


def networks_for(metrics: Sequence[Metric], size: Size) -> dict[str, FeatureNetwork]:
  """Each network that one of the metrics needs, for images of a size.

  Raises:
    UserError: weights are missing or damaged, or the images are too small.
  """
  found: dict[str, FeatureNetwork] = {}
  for metric in metrics:
    least = _MIN_SIDE[metric.network] * (2 if metric.crop else 1)
    if min(size) < least:
      raise UserError(
        f'{metric.name} needs images of at least {least} pixels on each side, not '
        f'{size[1]}x{size[0]}: leave it out'
      )
    if metric.network in found:
      continue
    found[metric.network] = _MAKERS[metric.network](size)
  return found


def output_names(network: FeatureNetwork, size: Size) -> tuple[str, ...]:
  """What the rows of a network are called, on images of a size."""
  images, numbers = np.zeros((1, *size, 3), np.uint8), np.zeros(1, np.uint32)
  if network.on_host:
    return tuple(network.apply(network.weights, images, numbers))
  return tuple(jax.eval_shape(network.apply, network.weights, images, numbers))


def _lpips(size):
  weights, recipe = weights_folder.lpips_weights()
  return FeatureNetwork('lpips', lambda *_: {'distances': 0}, weights, recipe)


_MAKERS: dict[str, Callable[[Size], FeatureNetwork]] = {
  'inception': lambda size: weights_folder.inception_network(),
  'vgg16': lambda size: weights_folder.vgg16_network(),
  'lpips': _lpips,
  'random': lambda size: random_network.random_network(),
  'patches': patches.patches_network,
  'shapes': lambda size: shapes_features.shapes_network(),
}
