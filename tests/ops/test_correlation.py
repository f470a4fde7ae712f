"""Correlations and their derivatives against JAX's own, and the order of axes in all of them."""

import jax
import numpy as np
import pytest

from stylegan2_jax.ops.correlation import Steps, correlate
from tests.training.form.lowering import orders_of_axes

CASES = [
  Steps(),
  Steps(padding=((1, 1), (1, 1))),
  Steps((2, 2)),
  Steps((2, 1), ((1, 2), (0, 3))),
  Steps((1, 1), ((2, 2), (2, 1)), (2, 2)),
  Steps((2, 3), ((2, 1), (3, 2)), (2, 1), (1, 2)),
  Steps((1, 1), ((-1, 2), (0, -1))),
]
ALL_CASES = pytest.mark.parametrize('steps', CASES)


def native(x, weight, steps):
  numbers = ('NHWC', 'HWIO', 'NHWC')
  walk = (steps.stride, steps.padding, steps.dilation, steps.tap_dilation)
  return jax.lax.conv_general_dilated(x, weight, *walk, dimension_numbers=numbers)


def arrays():
  rng = np.random.default_rng(0)
  return rng.standard_normal((2, 7, 9, 3)), rng.standard_normal((3, 3, 3, 5))


def derivatives(form, steps):
  """A loss, what its gradients weigh, and a directional derivative: gradients of each."""

  def loss(x, weight):
    return (form(x, weight, steps) ** 3).sum()

  def penalty(x, weight):
    return sum((g**2).sum() for g in jax.grad(loss, (0, 1))(x, weight))

  def directional(x, weight):
    return (jax.jvp(lambda x: form(x, weight, steps), (x,), (x**2,))[1] ** 2).sum()

  return [jax.grad(f, (0, 1)) for f in (loss, penalty, directional)]


@ALL_CASES
def test_values_and_derivatives(steps, x64):
  x, weight = arrays()
  np.testing.assert_allclose(correlate(x, weight, steps), native(x, weight, steps), rtol=1e-12)
  for mine, expected in zip(derivatives(correlate, steps), derivatives(native, steps), strict=True):
    for one, other in zip(mine(x, weight), expected(x, weight), strict=True):
      np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12 * np.abs(other).max())


@ALL_CASES
def test_order_of_axes(steps):
  """[N, H, W, C], whichever derivative; JAX's own gradients have others."""
  x, weight = (v.astype(np.float32) for v in arrays())

  def orders(form):
    programs = (jax.jit(f).lower(x, weight).as_text() for f in derivatives(form, steps))
    return set().union(*map(orders_of_axes, programs))

  assert orders(correlate) == {'[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]'}
  assert len(orders(native)) > 1


def test_vmap(x64):
  x, weight = arrays()
  steps = Steps(padding=((1, 1), (1, 1)))
  kernels = np.stack([weight, -weight, weight**2])
  mapped = jax.vmap(lambda weight: correlate(x, weight, steps))(kernels)
  np.testing.assert_allclose(mapped, [native(x, k, steps) for k in kernels], rtol=1e-12)


def test_precision():
  """That which is set around the call, in all derivatives."""
  x, weight = (v.astype(np.float32) for v in arrays())

  def careful(x, weight, steps):
    with jax.default_matmul_precision('highest'):
      return correlate(x, weight, steps)

  for form, expected in ((correlate, 'DEFAULT'), (careful, 'HIGHEST')):
    for f in derivatives(form, Steps()):
      lines = jax.jit(f).lower(x, weight).as_text().split('\n')
      products = [line for line in lines if 'stablehlo.convolution' in line]
      assert products
      assert all(f'precision {expected}>, #stablehlo<precision {expected}>' in p for p in products)
