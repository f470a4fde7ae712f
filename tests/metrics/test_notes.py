"""What is said beside a number."""

import numpy as np
import pytest

from stylegan2_jax.metrics import names
from stylegan2_jax.metrics.collection import Collected
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.formulas.gaussian import Gaussian
from stylegan2_jax.metrics.notes import notes


def network(**recipe):
  return FeatureNetwork('any', None, (), {'network': 'any', **recipe})


def collected(count, width=3, name='inception.features'):
  rows = np.zeros((2, width))
  return Collected(count, {name: Gaussian.of(rows)}, '')


def said(name, reals, fakes, **recipe):
  metric = names.parse_one(name)
  return list(notes(metric, network(**recipe), reals, fakes))


def test_nothing_beside_a_published_recipe():
  assert said('fid50k_full', collected(70_000), collected(50_000), known=True) == []
  assert said('fid50k', collected(50_000), collected(50_000), known=True) == []
  assert said('is50k', None, collected(50_000), known=True) == []


def test_fewer_fakes_than_in_papers():
  (note,) = said('fid10k_full', collected(70_000), collected(10_000), known=True)
  assert note == 'of 10,000 images: published numbers are of 50,000'


def test_other_weights():
  for recipe in ({'known': False}, {}):
    (note,) = said('fid50k_full', collected(70_000), collected(50_000), **recipe)
    assert 'not a file that is known' in note


def test_fewer_reals_than_asked_for():
  (note,) = said('fid50k', collected(8000), collected(50_000), known=True)
  assert note == 'against 8,000 real images, which is all there are'


@pytest.mark.parametrize(('count', 'is_said'), [(3, True), (4, False)])
def test_fewer_images_than_features(count, is_said):
  """A covariance of n images has rank n - 1 at most."""
  name = 'random.features'
  sides = collected(3000, name=name), collected(count, name=name)
  for pair in (sides, sides[::-1]):
    found = said('frechet3k_full_random', *pair)
    assert any(f'{count} images for 3 features' in note for note in found) == is_said
