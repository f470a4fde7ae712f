"""The modulated convolution against one kernel per sample, and its behaviour in few bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.conv import conv2d
from stylegan2_jax.ops.modulated_conv import (
  demodulation,
  instance_modulated_conv2d,
  modulated_conv2d,
  normalize_instance,
)
from tests.ops import plain


def arrays(k=3, n=3, c_in=4, c_out=5, side=4):
  rng = np.random.default_rng(0)
  x = rng.standard_normal((n, side, side, c_in))
  return x, rng.standard_normal((k, k, c_in, c_out)), 1 + rng.standard_normal((n, c_in))


def grouped(x, weight, styles, demodulate, up):
  """One grouped convolution in which each group is a sample with a kernel of its own."""
  n, h, w, c_in = x.shape
  k, _, _, c_out = weight.shape
  kernel = weight[None] * styles[:, None, None, :, None]  # [N, k, k, C_in, C_out]
  if demodulate:
    total = jnp.square(kernel).sum(axis=(1, 2, 3), keepdims=True)
    kernel = kernel / jnp.sqrt(total + 1e-8)
  pad = k // 2
  if up == 2:
    fir = jnp.asarray(plain.RESAMPLE * 4)[:, :, None, None]
    wide = x.transpose(0, 3, 1, 2).reshape(n * c_in, h, w, 1)
    pads = [(pad + 2, pad + 2)] * 2  # the last zero follows the last pixel
    wide = jax.lax.conv_general_dilated(
      wide, fir, (1, 1), pads, lhs_dilation=(2, 2), dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )
    x = wide.reshape(n, c_in, *wide.shape[1:3]).transpose(0, 2, 3, 1)
    kernel, pad = jnp.flip(kernel, (1, 2)), 0
  h, w = x.shape[1:3]
  side_by_side = x.transpose(1, 2, 0, 3).reshape(1, h, w, n * c_in)
  kernels = kernel.transpose(1, 2, 3, 0, 4).reshape(k, k, c_in, n * c_out)
  y = jax.lax.conv_general_dilated(
    side_by_side, kernels, (1, 1), [(pad, pad)] * 2,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'), feature_group_count=n,
  )  # fmt: skip
  return y.reshape(*y.shape[1:3], n, c_out).transpose(2, 0, 1, 3)


@pytest.mark.parametrize(
  ('k', 'demodulate', 'up'),
  [(3, True, 1), (3, True, 2), (1, False, 1), (1, True, 2), (5, False, 1)],
)
def test_values_and_gradients(k, demodulate, up, x64):
  inputs = arrays(k)
  expected = plain.modulated_conv2d(*inputs, demodulate, up)
  cotangent = np.random.default_rng(1).standard_normal(expected.shape)

  def with_gradients(fn):
    @jax.jit
    def run(*inputs):
      y, pullback = jax.vjp(lambda *a: fn(*a, demodulate, up), *inputs)
      return y, *pullback(cotangent)

    return run(*inputs)

  fast, slow = with_gradients(modulated_conv2d), with_gradients(grouped)
  np.testing.assert_allclose(fast[0], expected, atol=1e-12)
  for ours, theirs in zip(fast, slow, strict=True):
    np.testing.assert_allclose(ours, theirs, atol=1e-11)


def test_float32():
  inputs = [np.asarray(a, np.float32) for a in arrays(c_in=32, side=8)]
  y = modulated_conv2d(*inputs, up=2)
  assert y.dtype == jnp.float32
  expected = plain.modulated_conv2d(*inputs, up=2)
  np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_demodulated_features_have_unit_variance():
  """For activations of unit variance, whatever the styles (equation 3 is made for that)."""
  rng = np.random.default_rng(0)
  x, weight, styles = arrays(n=2, c_in=64, c_out=32, side=16)
  x = rng.standard_normal(x.shape)
  y = modulated_conv2d(*(jnp.asarray(a, jnp.float32) for a in (x, weight, styles * 50)))
  assert abs(float(jnp.std(y[:, 1:-1, 1:-1])) - 1) < 0.05


def test_demodulation(x64):
  _, weight, styles = arrays()
  expected = [1 / np.sqrt(np.square(weight * s[:, None]).sum((0, 1, 2)) + 1e-8) for s in styles]
  np.testing.assert_allclose(demodulation(weight, styles), expected, rtol=1e-13)
  np.testing.assert_allclose(demodulation(0 * weight, styles), 1e4)  # and no division by zero


@pytest.mark.parametrize('up', [1, 2])
@pytest.mark.parametrize('size', [1e3, 1e-4])
def test_float16_neither_overflows_nor_vanishes(up, size):
  x, weight, styles = arrays(c_in=64)
  styles = styles * size
  x16, w32, s32 = jnp.asarray(x, jnp.float16), jnp.asarray(weight, 'f4'), jnp.asarray(styles, 'f4')
  y = modulated_conv2d(x16, w32 * 50, s32, up=up)
  assert y.dtype == jnp.float16
  expected = plain.modulated_conv2d(np.asarray(x16, 'f8'), weight * 50, styles, up=up)
  error = np.abs(np.asarray(y, np.float64) - expected).max()
  assert error < 5e-3 * np.abs(expected).max()
  if size > 1 and up == 1:  # the naive form does overflow here
    naive = conv2d(x16 * s32[:, None, None].astype('f2'), (w32 * 50).astype('f2'), padding=1)
    assert not np.isfinite(naive).all()


def test_float16_without_demodulation_keeps_its_scale():
  x, weight, styles = arrays(k=1)
  y = modulated_conv2d(
    jnp.asarray(x, jnp.float16), jnp.asarray(weight, 'f4'), jnp.asarray(styles, 'f4'), False
  )
  expected = plain.modulated_conv2d(x, weight, styles, False)
  np.testing.assert_allclose(y, expected, atol=5e-3 * np.abs(expected).max())


def test_bfloat16():
  x, weight, styles = arrays(c_in=32)
  y = modulated_conv2d(
    jnp.asarray(x, jnp.bfloat16), jnp.asarray(weight, 'f4'), jnp.asarray(styles, 'f4') * 1e3
  )
  assert y.dtype == jnp.bfloat16
  expected = plain.modulated_conv2d(x, weight, styles * 1e3)
  error = np.abs(np.asarray(y, np.float64) - expected).max()
  assert error < 3e-2 * np.abs(expected).max()


def test_float16_gradients():
  """Against float32; the scales that keep float16 in range are constants to the derivative."""
  x, weight, styles = (np.asarray(a, 'f4') for a in arrays(c_in=16, side=8))
  cotangent = np.random.default_rng(1).standard_normal((3, 8, 8, 5)).astype('f4')

  def gradients(fn, dtype):
    def total(weight, styles):
      return (fn(jnp.asarray(x, dtype), weight, styles).astype('f4') * cotangent).sum()

    return jax.jit(jax.grad(total, (0, 1)))(weight, styles)

  for fn in (modulated_conv2d, instance_modulated_conv2d):
    for half, full in zip(gradients(fn, 'float16'), gradients(fn, 'float32'), strict=True):
      assert np.abs(half - full).max() < 5e-3 * np.abs(full).max()
    program = jax.make_jaxpr(lambda: gradients(fn, 'float16'))()  # noqa: B023
    assert ' = eq ' not in str(program)  # no search for the largest value: see _bounded


@pytest.mark.parametrize('up', [1, 2])
def test_instance_normalisation(up, x64):
  """The plain convolution, each map over its root mean square: 1 afterwards, the mean left in."""
  x, weight, styles = arrays()
  y = np.asarray(instance_modulated_conv2d(*(jnp.asarray(a) for a in (x, weight, styles)), up))
  plain_y = plain.modulated_conv2d(x, weight, styles, False, up)
  expected = plain_y / np.sqrt(np.square(plain_y).mean(axis=(1, 2), keepdims=True))
  np.testing.assert_allclose(y, expected, rtol=1e-7)
  np.testing.assert_allclose(np.square(y).mean(axis=(1, 2)), 1, rtol=1e-8)
  assert np.abs(y.mean(axis=(1, 2))).max() > 0.1
  assert (np.sign(y) == np.sign(plain_y)).all()


def test_instance_normalisation_by_hand(x64):
  x = jnp.asarray([[[[3.0, 0.0]], [[-4.0, 0.0]]]])  # maps (3, -4) and (0, 0): RMS √12.5 and 0
  expected = [[[[3 / 12.5**0.5, 0]], [[-4 / 12.5**0.5, 0]]]]
  np.testing.assert_allclose(normalize_instance(x), expected, rtol=1e-8)
  gradient = jax.grad(lambda x: normalize_instance(x)[0, 0, 0, 1])(x)
  np.testing.assert_allclose(gradient[0, :, 0, 1], [1e4, 0])  # of an empty map: 1/√1e-8


def test_the_size_of_weights_and_styles_is_normalised_away(x64):
  """Each style scaled by 7 per sample and each output channel's kernel by 5: nothing changes."""
  x, weight, styles = (jnp.asarray(a) for a in arrays())
  y = instance_modulated_conv2d(x, weight, styles)
  np.testing.assert_allclose(instance_modulated_conv2d(x, 5 * weight, 7 * styles), y, rtol=1e-6)


def test_a_spike_escapes_instance_normalisation(x64):
  """Why there are droplets, and that demodulation ends them.

  One pixel of a map that holds all its power makes the rest as small as it likes, so G decides what
  size the rest has after all. Demodulation looks at weights alone and keeps the rest as it is.
  """
  x = np.random.default_rng(0).standard_normal((1, 16, 16, 1))
  identity, style = np.zeros((3, 3, 1, 1)), jnp.ones((1, 1))
  identity[1, 1] = 1
  spiked = x.copy()
  spiked[0, 3, 5] = 1000

  def rest(fn, x):
    y = np.asarray(fn(jnp.asarray(x), jnp.asarray(identity), style))[0, :, :, 0]
    return np.delete(y, 3 * 16 + 5).std()

  before, after = (rest(instance_modulated_conv2d, a) for a in (x, spiked))
  assert 0.9 < before < 1.1
  np.testing.assert_allclose(after, before * np.sqrt(np.square(x).sum()) / 1000, rtol=0.05)
  np.testing.assert_allclose(rest(modulated_conv2d, spiked), rest(modulated_conv2d, x), rtol=1e-12)


@pytest.mark.parametrize('size', [1e3, 1e-3])
def test_instance_normalisation_in_float16(size):
  x, weight, styles = arrays(c_in=64)
  x16 = jnp.asarray(x * 100, jnp.float16)
  y = instance_modulated_conv2d(x16, jnp.asarray(weight, 'f4'), jnp.asarray(styles * size, 'f4'))
  assert y.dtype == jnp.float16
  expected = plain.modulated_conv2d(np.asarray(x16, 'f8'), weight, styles, False)
  expected /= np.sqrt(np.square(expected).mean(axis=(1, 2), keepdims=True))
  np.testing.assert_allclose(y, expected, atol=5e-3 * np.abs(expected).max())
