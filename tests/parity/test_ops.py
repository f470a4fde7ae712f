"""upfirdn2d and the modulated convolution against the official implementation."""

import jax
import jax.numpy as jnp
import pytest

from stylegan2_jax.ops.fir import downsample2d, filter2d, upfirdn2d, upsample2d
from stylegan2_jax.ops.modulated_conv import modulated_conv2d
from tests.parity import reference


def cases(kind):
  """(file, case) of all files of one kind."""
  return [
    (name, case) for name in reference.names(kind) for case in reference.index()[name]['cases']
  ]


def case_id(value):
  return value if isinstance(value, str) else str(value.get('out', value.get('index')))


@pytest.mark.parametrize(('dtype', 'rtol'), [(jnp.float64, 1e-14), (jnp.float32, 1e-6)])
@pytest.mark.parametrize(('name', 'case'), cases('fir'), ids=case_id)
def test_upfirdn2d(name, case, dtype, rtol, x64):
  data = reference.arrays(name)
  left, right, top, bottom = case['padding_x0_x1_y0_y1']
  y = upfirdn2d(
    reference.nhwc(data['x'], dtype),
    data[case['filter']],
    case['up'],
    case['down'],
    ((top, bottom), (left, right)),
    case['flip_filter'],
    case['gain'],
  )
  assert y.dtype == dtype
  reference.check(reference.nchw(y), data[case['out']], rtol, case['out'])


@pytest.mark.parametrize('shorthand', [upsample2d, downsample2d, filter2d])
@pytest.mark.parametrize('name', reference.names('fir'))
def test_shorthands(name, shorthand, x64):
  data = reference.arrays(name)
  y = shorthand(reference.nhwc(data['x']))
  reference.check(reference.nchw(y), data[shorthand.__name__], 1e-14, shorthand.__name__)


@pytest.mark.parametrize(('dtype', 'rtol'), [(jnp.float64, 1e-13), (jnp.float32, 1e-5)])
@pytest.mark.parametrize(('name', 'case'), cases('modulated_conv'), ids=case_id)
def test_modulated_conv2d(name, case, dtype, rtol, x64):
  data, i = reference.arrays(name), case['index']
  assert case['padding'] == case['kernel'] // 2  # the only padding that the networks use
  weight = jnp.asarray(data[f'weight{i}'], dtype).transpose(2, 3, 1, 0)
  inputs = (reference.nhwc(data[f'x{i}'], dtype), weight, jnp.asarray(data[f'styles{i}'], dtype))

  @jax.jit
  def value_and_gradients(inputs, cotangent):
    y, pullback = jax.vjp(lambda *a: modulated_conv2d(*a, case['demodulate'], case['up']), *inputs)
    return y, *pullback(cotangent)

  cotangent = reference.nhwc(data[f'cotangent{i}'], dtype)
  y, dx, dweight, dstyles = value_and_gradients(inputs, cotangent)
  reference.check(reference.nchw(y), data[f'y{i}'], rtol, 'y')
  reference.check(reference.nchw(dx), data[f'dx{i}'], rtol, 'dx')
  reference.check(dweight.transpose(3, 2, 0, 1), data[f'dweight{i}'], rtol, 'dweight')
  reference.check(dstyles, data[f'dstyles{i}'], rtol, 'dstyles')
