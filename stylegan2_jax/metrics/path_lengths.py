"""Passes of perceptual path lengths: distances of numbered samples, on all devices of a host."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.collection import Batch
from stylegan2_jax.metrics.fakes import Fakes
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.features.lpips import Lpips
from stylegan2_jax.metrics.image_sets import ImageSet
from stylegan2_jax.metrics.names import Metric
from stylegan2_jax.metrics.perceptual_path_length import PerceptualPathLength
from stylegan2_jax.sampler import usual_batch_size
from stylegan2_jax.training import parallel

_MOST = 8  # samples at a time on each device: two images and their features


class PathLengths:
  """Of one metric, on one generator."""

  name = 'path lengths'

  def __init__(self, metric: Metric, fakes: ImageSet, lpips: FeatureNetwork):
    """Nothing is computed yet.

    Args:
      metric: of kind 'ppl'.
      fakes: images of a generator.
      lpips: with `LpipsWeights`.

    Raises:
      UserError: images of no generator, or too small ones.
    """
    if not isinstance(fakes, Fakes):
      raise UserError(f'{metric.name} is measured on a generator: give --workdir')
    self._fakes, self._lpips = fakes, lpips
    self._length = PerceptualPathLength(
      fakes.generator, metric.space, metric.sampling, metric.crop, seed=fakes.seed
    )
    self._map: parallel.LocalMap | None = None

  def identity(self, count: int) -> dict[str, Any]:
    """What decides the distances of samples, for JSON."""
    return {**self._fakes.identity(count), **self._length.recipe()}

  def recipe(self) -> dict[str, Any]:
    """The same for those who read a result."""
    return self._length.recipe()

  def batches(self, start: int, stop: int) -> Iterator[Batch]:
    """Rows 'lpips.distances' [n, 1] of samples start to stop - 1."""
    if self._map is None:
      weights = self._fakes.weights[0], Lpips(self._lpips.weights)
      self._map = parallel.LocalMap(self._length.apply, weights)
    run = self._map
    size = run.count * usual_batch_size(self._fakes.size, _MOST)
    for first in range(start, stop, size):
      numbers = np.arange(first, first + size)
      labels = self._fakes.labels_of(numbers)
      found = run(numbers.astype(np.uint32), *(() if labels is None else (labels,)))
      distances = np.concatenate(np.asarray(found['distances']))
      yield Batch({'lpips.distances': distances[: stop - first]})
