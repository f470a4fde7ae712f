"""What has to be said beside a number, so that nobody compares it with what it is not like."""

from collections.abc import Iterator

import numpy as np

from stylegan2_jax.metrics.collection import Collected
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.formulas.gaussian import Gaussian
from stylegan2_jax.metrics.names import Metric

_PUBLISHED = 50_000  # fakes behind the numbers of papers
_OF_PAPERS = ('fid', 'kid', 'pr', 'dc', 'is', 'ppl')


def notes(
  metric: Metric, network: FeatureNetwork, reals: Collected | None, fakes: Collected
) -> Iterator[str]:
  """Lines about one result; none where there is nothing to say.

  Args:
    metric: what was measured.
    network: on whose features; its recipe says by 'known' whether its weights are published ones.
    reals: what was made of the real images, or None.
    fakes: what was made of the others.
  """
  if metric.kind in _OF_PAPERS and fakes.count < _PUBLISHED:
    yield f'of {fakes.count:,} images: published numbers are of 50,000'
  if metric.kind in _OF_PAPERS and not network.recipe.get('known', False):
    yield 'the weights are not a file that is known: compare only with numbers of the same file'
  wanted = metric.num_reals
  if reals is not None and metric.num_fakes and wanted == metric.num_fakes and reals.count < wanted:
    yield f'against {reals.count:,} real images, which is all there are'
  if metric.kind in ('fid', 'frechet'):
    yield from _few(f'{metric.network}.features', reals, fakes)


def _few(name, reals, fakes):
  """Of a covariance with more entries than can be known."""
  width = _width(fakes.kept[name])
  least = min(reals.count, fakes.count)
  if least <= width:
    yield f'{least:,} images for {width:,} features: the distance is too large, by much'


def _width(kept: Gaussian | np.ndarray) -> int:
  return len(kept.mean) if isinstance(kept, Gaussian) else kept.shape[1]
