"""Every transform of the augmentation pipeline, and all at once, against the official answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.augment.corruptions import filter_bank
from stylegan2_jax.augment.draws import Draws
from stylegan2_jax.augment.geometric import SYM6
from stylegan2_jax.augment.pipeline import apply
from tests.parity import reference

NAMES = reference.names('augment')
CASES = [(name, case) for name in NAMES for case in reference.index()[name]['cases']]


def draws_of(transform, parameters, n, dtype):
  """Draws in which every one of n images has these parameters; the other transforms are out."""
  if transform not in FORMS:  # several at once
    merged = {}
    for name, each in parameters.items():
      merged |= FORMS[name](each, n, dtype)
    return Draws(**merged)
  return Draws(**FORMS[transform](parameters, n, dtype))


def one(field, parameter):
  return lambda p, n, dtype: {field: jnp.full(n, p[parameter], dtype)}


def pair(field, parameter):
  return lambda p, n, dtype: {field: jnp.full((n, 2), p[parameter], dtype)}


def rotate(p, n, dtype):
  fields = {'rotate_before': 'pre_rotation_rad', 'rotate_after': 'post_rotation_rad'}
  return {field: jnp.full(n, p[name], dtype) for field, name in fields.items()}


def cutout(p, n, dtype):
  return {**one('cutout', 'size')(p, n, dtype), **pair('cutout_center', 'center_xy')(p, n, dtype)}


FORMS = {
  'xflip': one('xflip', 'flip'),
  'rotate90': one('rotate90', 'quarter_turns'),
  'xint': pair('xint', 'shift_fraction_xy'),
  'scale': one('scale', 'scale'),
  'rotate': rotate,
  'aniso': one('aniso', 'aniso'),
  'xfrac': pair('xfrac', 'shift_fraction_xy'),
  'brightness': one('brightness', 'brightness'),
  'contrast': one('contrast', 'contrast'),
  'lumaflip': one('lumaflip', 'flip'),
  'hue': one('hue', 'hue_rad'),
  'saturation': one('saturation', 'saturation'),
  'imgfilter': lambda p, n, dtype: {'imgfilter': jnp.full((n, 4), p['band_gain_log2'], dtype)},
  'cutout': cutout,
}


@pytest.mark.parametrize(('dtype', 'atol'), [(jnp.float64, 2e-7), (jnp.float32, 1e-5)])
@pytest.mark.parametrize(
  ('name', 'case'), CASES, ids=lambda x: x['out'] + x['transform'] if isinstance(x, dict) else x
)
def test_transform(name, case, dtype, atol, x64):
  """The answers are stored as float32."""
  data = reference.arrays(name)
  img = reference.nhwc(data['image'], dtype)
  draws = draws_of(case['transform'], case['parameters'], len(img), dtype)
  found = jax.jit(apply)(draws, img)
  expected = reference.nhwc(data[case['out']], np.float64)
  assert found.dtype == dtype
  assert np.abs(found - expected).max() <= atol * max(1, np.abs(expected).max())


@pytest.mark.parametrize('name', NAMES)
def test_filters(name):
  data = reference.arrays(name)
  np.testing.assert_allclose(SYM6, data['geom_filter'], rtol=0, atol=1e-12)
  np.testing.assert_allclose(filter_bank(), data['filter_bank'], rtol=0, atol=1e-11)
