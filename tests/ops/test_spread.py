"""Small arrays over large ones: the values, and the bits of their gradients' sums."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.activations import bias_act
from stylegan2_jax.ops.modulated_conv import modulated_conv2d
from stylegan2_jax.ops.spread import spread

RNG = np.random.default_rng(0)
X, COTANGENT = RNG.standard_normal((2, 4, 64, 64, 8))
COTANGENT += 0.5  # so that sums do not cancel


def test_values():
  x = jnp.zeros((2, 3, 3, 2), jnp.bfloat16)
  y = spread(jnp.asarray([[1.0, 2.0], [3.0, 1 + 2**-9]])[:, None, None, :], x)
  assert (y.shape, y.dtype) == (x.shape, x.dtype)
  np.testing.assert_array_equal(y[0, 2, 1], [1, 2])
  np.testing.assert_array_equal(y[1, 0, 2], [3, 1])  # rounded to eight bits


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_the_gradient_counts_every_pixel(dtype):
  """Ones over 4·256² pixels: bfloat16 itself stands still long before, float16 overflows."""
  x = jnp.zeros((4, 256, 256, 1), dtype)
  gradient = jax.jit(jax.grad(lambda v: spread(v, x).astype('f4').sum()))
  np.testing.assert_array_equal(gradient(jnp.ones((1, 1, 1, 1))), 4 * 256**2)


@pytest.mark.parametrize(('dtype', 'bound'), [('bfloat16', 0.02), ('float16', 0.002)])
def test_gradients_of_biases_and_styles(dtype, bound):
  """Of sums over 64x64 pixels. Summed in bfloat16, that of the bias was off by half."""
  styles = (1 + RNG.standard_normal((4, 8))).astype('f4')
  weight, bias = RNG.standard_normal((3, 3, 8, 8)).astype('f4'), RNG.standard_normal(8).astype('f4')

  def gradients(dtype):
    x, cotangent = jnp.asarray(X, dtype), jnp.asarray(COTANGENT, dtype)

    def of_bias(bias):
      return (bias_act(x, bias) * cotangent).astype('f4').sum()

    def of_styles(styles):
      return (modulated_conv2d(x, weight, styles) * cotangent).astype('f4').sum()

    return jax.jit(jax.grad(of_bias))(bias), jax.jit(jax.grad(of_styles))(styles)

  for reduced, full in zip(gradients(dtype), gradients('float32'), strict=True):
    assert reduced.dtype == jnp.float32
    assert np.abs(reduced - full).max() < bound * np.abs(full).max()
