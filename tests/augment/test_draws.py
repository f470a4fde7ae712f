"""The draws against their stated distributions."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from stylegan2_jax.augment import transforms
from stylegan2_jax.augment.draws import draw

N = 20_000
ALL = transforms.parse('bgcfnc')
NEUTRAL = {'scale': 1, 'aniso': 1, 'contrast': 1, 'saturation': 1}  # of the others 0


@functools.cache
def drawn(p):
  """Draws for N images, as numpy arrays by name."""
  keys = jax.random.split(jax.random.key(7), N)
  result = jax.jit(lambda keys, p: draw(keys, p, ALL, (2, 2, 1)))(keys, jnp.float32(p))
  return {name: np.asarray(value, np.float64) for name, value in vars(result).items()}


def acting(name, p):
  """Values of the images that the transform acts on, and how many act."""
  values = drawn(p)[name]
  acts = values != NEUTRAL.get(name, 0)
  acts = acts if acts.ndim == 1 else acts.any(axis=1)
  return values[acts], acts.mean()


def check_share(found, expected):
  """A share of N, within four standard deviations."""
  assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / N) + 1e-9


@pytest.mark.parametrize('p', [0.3, 1.0])
@pytest.mark.parametrize(
  ('name', 'to_standard'),
  [
    ('scale', lambda v: np.log2(v) / 0.2),
    ('aniso', lambda v: np.log2(v) / 0.2),
    ('brightness', lambda v: v / 0.2),
    ('contrast', lambda v: np.log2(v) / 0.5),
    ('saturation', np.log2),
    ('noise', lambda v: v / 0.1),  # half a normal distribution
  ],
)
def test_normal_draws(name, to_standard, p):
  values, share = acting(name, p)
  check_share(share, p)
  distribution = stats.halfnorm if name == 'noise' else stats.norm
  assert stats.kstest(to_standard(values), distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize('p', [0.3, 1.0])
def test_pairs(p):
  """One coin for x and y, which are independent."""
  for name, distribution in (
    ('xfrac', stats.norm(0, 0.125)),
    ('xint', stats.uniform(-0.125, 0.25)),
  ):
    values, share = acting(name, p)
    check_share(share, p)
    assert np.count_nonzero(values) == values.size
    for column in values.T:
      assert stats.kstest(column, distribution.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(values.T)[0, 1]) < 4 / math.sqrt(len(values))


@pytest.mark.parametrize('p', [0.3, 1.0])
def test_angles(p):
  """Uniform over the circle; of the two rotations at least one acts with probability p."""
  values, share = acting('hue', p)
  check_share(share, p)
  assert stats.kstest(values, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-3
  each = 1 - math.sqrt(1 - p)
  before, after = drawn(p)['rotate_before'], drawn(p)['rotate_after']
  for values in (before, after):
    check_share((values != 0).mean(), each)
    turned = values[values != 0]
    assert stats.kstest(turned, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-3
  check_share(((before != 0) | (after != 0)).mean(), p)


@pytest.mark.parametrize('p', [0.3, 1.0])
def test_choices(p):
  """Uniform with the identity among them: a flip happens with p/2, each quarter turn with p/4."""
  for name, count in (('xflip', 2), ('lumaflip', 2), ('rotate90', 4)):
    values = drawn(p)[name]
    for choice in range(1, count):
      check_share((values == choice).mean(), p / count)
    assert set(values) == set(range(count))


@pytest.mark.parametrize('p', [0.3, 1.0])
def test_bands_and_holes(p):
  bands = drawn(p)['imgfilter']
  for band in bands.T:
    check_share((band != 0).mean(), p)
    assert stats.kstest(band[band != 0], stats.norm.cdf).pvalue > 1e-3
  acts = bands != 0
  check_share((acts[:, 0] & acts[:, 1]).mean(), p * p)  # each has a coin of its own
  holes = drawn(p)['cutout']
  check_share((holes == 0.5).mean(), p)
  assert set(holes) <= {0, 0.5}
  for column in drawn(p)['cutout_center'].T:
    assert stats.kstest(column, stats.uniform.cdf).pvalue > 1e-3
  assert stats.kstest(drawn(p)['pixels'].ravel()[:N], stats.norm.cdf).pvalue > 1e-3


def test_nothing_acts_at_p_0():
  for name, values in drawn(0.0).items():
    if name not in ('pixels', 'cutout_center'):
      np.testing.assert_array_equal(values, np.full_like(values, NEUTRAL.get(name, 0)), name)


def test_coins_are_independent():
  """No two transforms share a coin or a draw."""
  p = 0.3
  acts = {
    name: drawn(p)[name] != NEUTRAL.get(name, 0)
    for name in ('scale', 'aniso', 'brightness', 'contrast', 'saturation', 'hue', 'noise', 'cutout')
  }
  acts |= {name: drawn(p)[name][:, 0] != 0 for name in ('xint', 'xfrac')}
  table = np.corrcoef(np.stack(list(acts.values())).astype(float))
  assert np.abs(table - np.eye(len(acts))).max() < 5 / math.sqrt(N)


def test_multipliers():
  """p times the multiplier; a p beyond 1 is always."""
  keys = jax.random.split(jax.random.key(1), N)
  chosen = transforms.parse('brightness=0.5,rotate=0.5,contrast=4')
  result = draw(keys, jnp.float32(0.4), chosen, (1, 1, 1))
  check_share(np.mean(result.brightness != 0), 0.2)
  check_share(np.mean((result.rotate_before != 0) | (result.rotate_after != 0)), 0.2)
  assert np.all(result.contrast != 1)
  assert result.hue is None


def test_an_image_draws_for_itself():
  """From its own key alone, whatever is in the batch."""
  keys = jax.random.split(jax.random.key(3), 4)
  every = draw(keys, jnp.float32(0.5), ALL, (2, 3, 1))
  one = draw(keys[2:3], jnp.float32(0.5), ALL, (2, 3, 1))
  jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[2:3], b), every, one)
