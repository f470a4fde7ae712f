"""Bias, activation, gain and clamp by their formula; second-moment normalisation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.activations import bias_act, normalize_second_moment

X = np.random.default_rng(0).standard_normal((4, 3, 3, 5)).astype(np.float32)
BIAS = np.arange(5, dtype=np.float32) - 2


@pytest.mark.parametrize('gain', [1.0, 0.5**0.5, 3.0])
@pytest.mark.parametrize('clamp', [None, 0.8])
@pytest.mark.parametrize('bias', [None, BIAS])
def test_leaky_relu(bias, clamp, gain):
  t = X if bias is None else X + bias
  expected = np.where(t > 0, t, 0.2 * t) * np.sqrt(2) * gain
  if clamp is not None:
    assert np.abs(expected).max() > clamp * gain  # so that clamping does something
    expected = np.clip(expected, -clamp * gain, clamp * gain)
  np.testing.assert_allclose(bias_act(X, bias, 'lrelu', gain, clamp), expected, rtol=1e-6)


def test_linear():
  np.testing.assert_array_equal(bias_act(X, None, 'linear'), X)
  np.testing.assert_array_equal(bias_act(X, BIAS, 'linear'), X + BIAS)
  expected = np.clip((X + BIAS) * 2, -1, 1)
  np.testing.assert_array_equal(bias_act(X, BIAS, 'linear', 2.0, 0.5), expected)


def test_slope_at_zero_is_the_negative_side():
  slopes = jax.vmap(jax.grad(lambda x: bias_act(x[None])[0]))(jnp.array([-1.0, 0.0, -0.0, 1.0]))
  np.testing.assert_allclose(slopes, np.sqrt(2) * np.array([0.2, 0.2, 0.2, 1]), rtol=1e-6)


def test_no_gradient_beyond_the_clamp():
  slopes = jax.vmap(jax.grad(lambda x: bias_act(x[None], clamp=1.0)[0]))(jnp.array([0.5, 2.0]))
  np.testing.assert_allclose(slopes, [np.sqrt(2), 0], rtol=1e-6)


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16])
def test_the_dtype_of_x_counts(dtype):
  assert bias_act(jnp.asarray(X, dtype), BIAS, gain=2.0, clamp=1.0).dtype == dtype


def test_unknown_activation():
  with pytest.raises(ValueError, match=r"'gelu'.*'lrelu' or 'linear'"):
    bias_act(X, None, 'gelu')


def test_normalize_second_moment():
  x = 100 * X.reshape(-1, 9)
  expected = x / np.sqrt(np.square(x).mean(axis=1, keepdims=True) + 1e-8)
  y = normalize_second_moment(x)
  np.testing.assert_allclose(y, expected, rtol=1e-5)
  np.testing.assert_allclose(np.square(y).mean(axis=1), 1, rtol=1e-5)
  np.testing.assert_array_equal(normalize_second_moment(jnp.zeros((2, 9))), np.zeros((2, 9)))
