"""upfirdn2d against its slow plain form: values, derivatives of every kind, vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.fir import RESAMPLE_TAPS, downsample2d, filter2d, upfirdn2d, upsample2d
from tests.ops import plain

pytestmark = pytest.mark.usefixtures('x64')

NO_PADDING = ((0, 0), (0, 0))
# shape of the filter, up, down, padding, flip_filter, gain
CASES = [
  ((4,), 1, 1, NO_PADDING, False, 1.0),
  ((4,), 2, 1, ((2, 1), (2, 1)), False, 4.0),
  ((4,), 1, 2, ((1, 1), (1, 1)), False, 1.0),
  ((3, 5), 1, 1, ((1, 0), (2, 3)), False, 1.0),
  ((3, 5), 1, 1, ((1, 0), (2, 3)), True, 0.7),
  ((4, 4), 2, 1, ((3, 0), (1, 4)), True, 4.0),
  ((4, 3), 2, 2, ((2, 2), (1, 0)), False, 1.0),
  ((2, 5), 3, 2, ((4, 1), (0, 3)), False, 1.0),
  ((5, 2), 1, 3, ((3, 3), (2, 2)), True, 1.0),
  ((3, 3), 1, 1, ((-1, 2), (1, -2)), False, 1.0),
  ((3, 2), 2, 1, ((-1, -2), (-3, 1)), False, 1.0),
  ((3,), 2, 3, ((2, -1), (-1, 2)), False, 1.0),
  ((1,), 2, 1, NO_PADDING, False, 1.0),
  ((1, 2), 3, 1, ((1, 2), (0, 1)), False, 1.0),
]
EVERY = pytest.mark.parametrize('case', CASES, ids=str)


def arguments(case):
  """(x [2, 5, 6, 3], the arguments after it) of a case."""
  rng = np.random.default_rng(0)
  shape, *rest = case
  return rng.standard_normal((2, 5, 6, 3)), (rng.standard_normal(shape), *rest)


def matrix(args, height, width):
  """The plain form as a matrix [pixels out, pixels in] of one channel."""
  unit = np.eye(height * width).reshape(-1, height, width, 1)
  return plain.upfirdn2d(unit, *args).reshape(height * width, -1).T


@EVERY
def test_values_and_derivatives(case):
  x, args = arguments(case)
  tangent = np.random.default_rng(1).standard_normal(x.shape)

  @jax.jit
  def everything(x, tangent, cotangent):
    y, derivative = jax.jvp(lambda x: upfirdn2d(x, *args), (x,), (tangent,))
    return y, derivative, jax.vjp(lambda x: upfirdn2d(x, *args), x)[1](cotangent)[0]

  expected = plain.upfirdn2d(x, *args)
  assert expected.size > 0
  cotangent = np.random.default_rng(2).standard_normal(expected.shape)
  y, derivative, pulled = everything(x, tangent, cotangent)
  np.testing.assert_allclose(y, expected, atol=1e-13)
  np.testing.assert_allclose(derivative, plain.upfirdn2d(tangent, *args), atol=1e-13)
  transpose = matrix(args, *x.shape[1:3]).T  # [pixels in, pixels out]
  columns = cotangent.reshape(2, -1, 3)
  np.testing.assert_allclose(pulled, (transpose @ columns).reshape(x.shape), atol=1e-13)


@pytest.mark.parametrize('case', [CASES[1], CASES[6], CASES[10]], ids=str)
def test_second_derivatives(case):
  """Of f(x) = Σ (Ax)³: the Hessian is 6·Aᵀ·diag(Ax)·A, forward or reverse over reverse."""
  x, args = arguments(case)
  v = np.random.default_rng(1).standard_normal(x.shape)

  def gradient(x):
    return jax.grad(lambda x: (upfirdn2d(x, *args) ** 3).sum())(x)

  @jax.jit
  def both(x, v):
    forward = jax.jvp(gradient, (x,), (v,))[1]
    return forward, jax.grad(lambda x: (gradient(x) * v).sum())(x)

  a = matrix(args, *x.shape[1:3])
  columns, direction = (t.reshape(2, -1, 3) for t in (x, v))
  expected = 6 * a.T @ ((a @ columns) * (a @ direction))
  for found in both(x, v):
    np.testing.assert_allclose(found, expected.reshape(x.shape), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize('axis', [0, 1, 4])
def test_vmap(axis):
  x, args = arguments(CASES[6])
  stack = np.stack([x, 2 - x, x**2])
  expected = np.stack([plain.upfirdn2d(one, *args) for one in stack])
  moved = np.moveaxis(stack, 0, axis)
  mapped = jax.jit(jax.vmap(lambda x: upfirdn2d(x, *args), in_axes=axis))(moved)
  np.testing.assert_allclose(mapped, expected, atol=1e-13)


def test_vmap_of_a_gradient():
  """f(x) = Σ (Ax)² has the gradient 2·AᵀA·x."""
  x, args = arguments(CASES[1])
  stack = np.stack([x, 2 - x, x**2], axis=1)
  gradient = jax.grad(lambda x: jnp.square(upfirdn2d(x, *args)).sum())
  mapped = jax.jit(jax.vmap(gradient, in_axes=1, out_axes=1))(stack)
  a = matrix(args, *x.shape[1:3])
  expected = 2 * (a.T @ a) @ stack.reshape(2, 3, -1, 3)
  np.testing.assert_allclose(mapped, expected.reshape(stack.shape), rtol=1e-11, atol=1e-11)


def test_shorthands():
  x = np.random.default_rng(0).standard_normal((2, 6, 4, 3))
  forms = {
    upsample2d: {'up': 2, 'padding': ((2, 1), (2, 1)), 'gain': 4},
    downsample2d: {'down': 2, 'padding': ((1, 1), (1, 1))},
    filter2d: {'padding': ((2, 1), (2, 1))},
  }
  for shorthand, form in forms.items():
    expected = plain.upfirdn2d(x, plain.RESAMPLE, **form)
    np.testing.assert_allclose(jax.jit(shorthand)(x), expected, atol=1e-14)


def test_resampling_keeps_brightness():
  """Constants stay constant away from the border."""
  x = jnp.full((1, 8, 8, 1), 3.0)
  np.testing.assert_allclose(upsample2d(x)[:, 2:-2, 2:-2], 3, rtol=1e-15)
  np.testing.assert_allclose(downsample2d(x)[:, 1:-1, 1:-1], 3, rtol=1e-15)
  assert sum(RESAMPLE_TAPS) == 1


@pytest.mark.parametrize('dtype', [jnp.float16, jnp.bfloat16, jnp.float32])
def test_the_dtype_stays(dtype):
  x, args = arguments(CASES[1])
  y, pulled = jax.vjp(lambda x: upfirdn2d(x, *args), jnp.asarray(x, dtype))
  assert y.dtype == pulled(y)[0].dtype == dtype
  expected = plain.upfirdn2d(x, *args)
  error = np.abs(np.asarray(y, np.float64) - expected).max()
  assert error < 8 * float(jnp.finfo(dtype).eps) * np.abs(expected).max()
