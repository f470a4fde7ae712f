"""Counts of what pictures of shapes show, for sets that lack or change one thing."""

import functools

import numpy as np
import pytest

from stylegan2_jax.data import shapes
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features.shapes_reader import Readings, read_shapes
from stylegan2_jax.metrics.formulas.shapes_statistics import compare, histograms

_COUNT = 600
_DISTANCES = ('kind', 'hue', 'size', 'angle', 'x', 'y', 'background')


def scenes():
  return shapes.sample_factors(range(_COUNT), seed=2)


def read(factors):
  return read_shapes(shapes.draw(factors, 32))


@functools.cache
def reals():
  return read(scenes())


def distances(fake):
  values = compare(reals(), fake)
  return {name: values[f'shapes_{name}_distance'] for name in _DISTANCES}


def part(readings, chosen):
  return Readings(*(field[chosen] for field in readings))


def test_the_same_pictures():
  values = compare(reals(), reals())
  assert values['shapes_valid_share'] == 1
  assert values['shapes_kinds_covered'] == 8
  assert distances(reals()) == dict.fromkeys(_DISTANCES, 0)


def test_two_halves():
  """√(k / (π·n)) with n = 300 and k bins, and twice that at most."""
  bins = {name: len(shares) for name, shares in histograms(reals()).items()}
  values = compare(part(reals(), slice(0, 300)), part(reals(), slice(300, None)))
  for name, count in bins.items():
    assert values[f'shapes_{name}_distance'] < 2 * np.sqrt(count / (np.pi * 300)), name


def test_a_missing_kind():
  """Its share has to come from the others, whether dropped or replaced by another kind."""
  star = shapes.KINDS.index('star')
  share = (reals().kind == star).mean()
  dropped = part(reals(), reals().kind != star)
  assert compare(reals(), dropped)['shapes_kinds_covered'] == 7
  assert distances(dropped)['kind'] == pytest.approx(share)
  replaced = scenes()
  replaced.kind[replaced.kind == star] = 0
  values = compare(reals(), read(replaced))
  assert values['shapes_kinds_covered'] == 7
  assert values['shapes_kind_distance'] == pytest.approx(share, abs=0.005)


def test_collapse_to_one_kind():
  values = compare(reals(), read(scenes()._replace(kind=np.full(_COUNT, 2, np.int32))))
  assert values['shapes_kinds_covered'] == 1
  assert values['shapes_kind_distance'] == pytest.approx((reals().kind != 2).mean(), abs=0.005)


@pytest.mark.parametrize(
  ('changed', 'change'),
  [
    ('hue', lambda f: f._replace(colour=f.colour * [0.5, 1, 1])),
    ('size', lambda f: f._replace(size=0.6 + (f.size - 0.6) / 2)),
    ('angle', lambda f: f._replace(angle=np.abs(f.angle))),
    ('x', lambda f: f._replace(centre=np.abs(f.centre) * [1, 0] + f.centre * [0, 1])),
    ('y', lambda f: f._replace(centre=np.abs(f.centre) * [0, 1] + f.centre * [1, 0])),
  ],
)
def test_a_factor_at_half_its_range_shows_in_it_alone(changed, change):
  """Half of all would have to change; the others stay as they were, but for readings at edges."""
  found = distances(read(change(scenes())))
  assert found.pop(changed) == pytest.approx(0.5, abs=0.06)
  assert max(found.values()) < 0.04


def test_one_background_alone():
  is_dark = scenes().background[:, 0, 2] < 0.5
  found = distances(part(reals(), is_dark))
  assert found['background'] == pytest.approx(1 - is_dark.mean())
  assert found['kind'] < 0.12


def test_shifted_hues():
  factors = scenes()
  factors.colour[:, 0] = (factors.colour[:, 0] + 1 / 4) % 1
  found = histograms(read(factors))['hue']
  np.testing.assert_allclose(found, np.roll(histograms(reals())['hue'], 3), atol=0.01)


def test_histograms():
  """Against plain counts of the true factors; angles of the kinds that show them."""
  factors, found = scenes(), histograms(reals())
  for shares in found.values():
    assert shares.sum() == pytest.approx(1)
  np.testing.assert_allclose(found['kind'], np.bincount(factors.kind) / _COUNT)
  hue = np.histogram(factors.colour[:, 0], 12, (0, 1))[0] / _COUNT
  np.testing.assert_allclose(found['hue'], hue, atol=0.01)
  size = np.histogram(factors.size, 6, (0.6, 0.8))[0] / _COUNT
  np.testing.assert_allclose(found['size'][1:-1], size, atol=0.02)
  turns = ~np.isin(factors.kind, [shapes.KINDS.index(name) for name in ('circle', 'ring')])
  angle = np.histogram(np.rad2deg(factors.angle[turns]), 6, (-12, 12))[0] / turns.sum()
  np.testing.assert_allclose(found['angle'][1:-1], angle, atol=0.02)
  dark = (factors.background[:, 0, 2] < 0.5).mean()
  np.testing.assert_allclose(found['background'], [dark, 1 - dark])


def test_noise_among_fakes():
  """A quarter is no shape: it counts in the share of valid ones alone."""
  images = shapes.draw(scenes(), 32)
  images[::4] = np.random.default_rng(0).integers(0, 256, images[::4].shape)
  fakes = read_shapes(images)
  assert compare(reals(), fakes)['shapes_valid_share'] == 0.75
  assert compare(part(reals(), fakes.is_valid), fakes)['shapes_kind_distance'] == 0


def test_nothing_valid():
  grey = read_shapes(np.full((5, 32, 32, 3), 128, np.uint8))
  values = compare(reals(), grey)
  assert values['shapes_valid_share'] == values['shapes_kinds_covered'] == 0
  assert distances(grey) == dict.fromkeys(_DISTANCES, 1)
  with pytest.raises(UserError, match='none of 5 real pictures'):
    compare(grey, reals())
  with pytest.raises(UserError, match='no pictures'):
    compare(reals(), part(reals(), slice(0)))
