"""Convolutions against loops over pixels: values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.conv import (
  conv2d,
  downsample_conv2d,
  transposed_conv2d,
  upsample_conv2d,
)
from tests.ops import plain

pytestmark = pytest.mark.usefixtures('x64')


def arrays(k, seed=0):
  rng = np.random.default_rng(seed)
  return rng.standard_normal((2, 4, 6, 3)), rng.standard_normal((k, k, 3, 5))


def compare(fast, slow, k):
  """Values; and, both forms being linear in image and kernel, gradients by the adjoint identity."""
  x, weight = arrays(k)
  expected = slow(x, weight)
  y, pullback = jax.vjp(jax.jit(fast), x, weight)
  np.testing.assert_allclose(y, expected, atol=1e-12)
  rng = np.random.default_rng(1)
  cotangent = rng.standard_normal(expected.shape)
  dx, dweight = pullback(cotangent)
  for seed in range(3):
    other_x, other_weight = arrays(k, 2 + seed)
    np.testing.assert_allclose((dx * other_x).sum(), (cotangent * slow(other_x, weight)).sum())
    np.testing.assert_allclose(
      (dweight * other_weight).sum(), (cotangent * slow(x, other_weight)).sum()
    )


@pytest.mark.parametrize(
  ('k', 'stride', 'padding'), [(1, 1, 0), (1, 2, 0), (1, 1, 1), (3, 1, 1), (3, 2, 0), (2, 1, 0)]
)
def test_conv2d(k, stride, padding):
  compare(
    lambda x, w: conv2d(x, w, stride, padding), lambda x, w: plain.conv2d(x, w, stride, padding), k
  )


@pytest.mark.parametrize('k', [2, 3, 4, 5])
def test_transposed_conv2d(k):
  compare(transposed_conv2d, plain.transposed_conv2d, k)


@pytest.mark.parametrize('k', [1, 3, 5])
def test_upsample_conv2d(k):
  compare(upsample_conv2d, plain.upsample_conv2d, k)


@pytest.mark.parametrize('k', [1, 3, 5])
def test_downsample_conv2d(k):
  compare(downsample_conv2d, plain.downsample_conv2d, k)


def test_upsample_conv2d_is_a_dilated_correlation():
  """The other common way to write it: the kernel flipped, zeros between the pixels, then FIR."""
  x, weight = arrays(3)
  y = jax.lax.conv_general_dilated(
    x,
    jnp.flip(jnp.asarray(weight), (0, 1)),
    (1, 1),
    [(2, 2), (2, 2)],
    lhs_dilation=(2, 2),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )
  expected = plain.upfirdn2d(np.asarray(y), plain.RESAMPLE, padding=((1, 1), (1, 1)), gain=4)
  np.testing.assert_allclose(upsample_conv2d(x, weight), expected, atol=1e-12)


def test_second_derivatives():
  """Reverse over forward, as the regularizers take it, equals reverse over reverse."""
  x, weight = arrays(3)
  v = np.random.default_rng(3).standard_normal(x.shape)

  def gradient(x, weight):
    return jax.grad(lambda x: (downsample_conv2d(upsample_conv2d(x, weight), mixing) ** 3).sum())(x)

  mixing = np.random.default_rng(4).standard_normal((3, 3, 5, 2))
  by_forward = jax.grad(lambda w: (jax.jvp(lambda x: gradient(x, w), (x,), (v,))[1] ** 2).sum())

  def by_reverse(weight):
    def directional(x):
      return (gradient(x, weight) * v).sum()

    return (jax.grad(directional)(x) ** 2).sum()

  expected = jax.jit(jax.grad(by_reverse))(weight)
  np.testing.assert_allclose(jax.jit(by_forward)(weight), expected, rtol=1e-9)
