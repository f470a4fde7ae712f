"""The primitive with a stated transpose: that transpose is the one used, in every combination."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.linear_map import linear_map

pytestmark = pytest.mark.usefixtures('x64')

A = np.random.default_rng(0).standard_normal((4, 3))
B = np.random.default_rng(1).standard_normal((3, 4))  # not Aᵀ, so that it shows which is used
X = np.random.default_rng(2).standard_normal((5, 3))


def forward(x):
  return x @ A.T


def transpose(y):
  return y @ B.T


def apply(x):
  return linear_map(forward, transpose, x)


def test_value_and_jvp():
  y, derivative = jax.jvp(apply, (X,), (2 * X,))
  np.testing.assert_allclose(y, X @ A.T, rtol=1e-12)
  np.testing.assert_allclose(derivative, 2 * X @ A.T, rtol=1e-12)


def test_vjp_is_the_stated_transpose():
  cotangent = np.arange(20.0).reshape(5, 4)
  (pulled,) = jax.vjp(apply, X)[1](cotangent)
  np.testing.assert_allclose(pulled, cotangent @ B.T, rtol=1e-12)


def test_the_transpose_of_the_transpose_is_the_function():
  cotangent = np.ones((5, 4))

  def pulled(cotangent):
    return jax.vjp(apply, X)[1](cotangent)[0]

  np.testing.assert_allclose(jax.vjp(pulled, cotangent)[1](X)[0], X @ A.T, rtol=1e-12)


def test_hessian():
  """Σ (Ax)³ has the gradient 3·B(Ax)² and, differentiated again, 6·B·diag(Ax)·A."""
  gradient = jax.grad(lambda x: (apply(x) ** 3).sum())
  np.testing.assert_allclose(gradient(X), 3 * (X @ A.T) ** 2 @ B.T, rtol=1e-12)
  forward_over_reverse = jax.jvp(gradient, (X,), (X,))[1]
  np.testing.assert_allclose(forward_over_reverse, 6 * (X @ A.T) ** 2 @ B.T, rtol=1e-12)


@pytest.mark.parametrize('axis', [0, 1])
def test_vmap_of_grad(axis):
  stack = np.stack([X, -X, X**2], axis)
  gradient = jax.grad(lambda x: jnp.square(apply(x)).sum())
  mapped = jax.jit(jax.vmap(gradient, in_axes=axis, out_axes=axis))(stack)
  np.testing.assert_allclose(mapped, 2 * stack @ A.T @ B.T, rtol=1e-12)


def test_scan_and_pmap():
  """Within the loops that a training step is made of."""
  stack = np.stack([X, -X])

  def total(x):
    gradient = jax.grad(lambda x: jnp.square(apply(x)).sum())
    return jax.lax.scan(lambda sum_, s: (sum_ + gradient(x * s), None), x * 0, jnp.arange(3.0))[0]

  np.testing.assert_allclose(jax.pmap(total)(stack), 6 * stack @ A.T @ B.T, rtol=1e-12)


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_an_axis_that_is_not_the_first(axis):
  """[5, 3] -> [4, 5]: vmap joins its axis to the one of length 5, wherever that lies."""

  def columns(x):
    return linear_map(lambda x: A @ x.T, lambda y: (B @ y).T, x, (0, 1))

  stack = np.stack([X, -X, X**2])
  out_axis = 2 - axis
  mapped = jax.vmap(columns, axis, out_axis)(np.moveaxis(stack, 0, axis))
  np.testing.assert_allclose(np.moveaxis(mapped, out_axis, 0), A @ stack.mT, rtol=1e-12)
  gradient = jax.vmap(jax.grad(lambda x: jnp.square(columns(x)).sum()), axis)
  expected = 2 * (B @ (A @ stack.mT)).mT
  np.testing.assert_allclose(gradient(np.moveaxis(stack, 0, axis)), expected, rtol=1e-12)
