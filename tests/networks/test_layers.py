"""Equalized learning rate: what is stored, how it is scaled, and the sizes of resolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.layers import (
  Conv,
  Dense,
  num_channels,
  reduced_from,
)
from tests.helpers import randomized
from tests.ops import plain


def test_channels():
  assert [num_channels(r, 32768, 512) for r in (4, 64, 128, 1024)] == [512, 512, 256, 32]


@pytest.mark.parametrize(
  ('resolution', 'num_reduced', 'lowest'),
  [(256, 4, 32), (32, 4, 8), (32, 2, 16), (32, 1, 32), (32, 0, 64), (8, 9, 8), (4, 4, 8)],
)
def test_the_highest_resolutions_are_reduced(resolution, num_reduced, lowest):
  assert reduced_from(resolution, num_reduced) == lowest


@pytest.mark.parametrize('m', [1.0, 0.01])
def test_dense_stores_normals_over_the_multiplier(m):
  layer = Dense(256, lr_multiplier=m, bias_init=1.0)
  params = jax.jit(layer.init)(jax.random.key(0), jnp.zeros((1, 300)))['params']
  assert abs(params['weight'].std() * m - 1) < 0.01
  assert abs(params['weight'].mean() * m) < 0.02
  np.testing.assert_array_equal(params['bias'], 1)


def test_conv_stores_normals():
  params = jax.jit(Conv(64, 3).init)(jax.random.key(0), jnp.zeros((1, 4, 4, 64)))['params']
  assert abs(params['weight'].std() - 1) < 0.02
  np.testing.assert_array_equal(params['bias'], 0)


@pytest.mark.parametrize('m', [1.0, 0.01])
@pytest.mark.parametrize('activation', ['linear', 'lrelu'])
def test_dense_values(m, activation, x64):
  rng = np.random.default_rng(0)
  x, weight, bias = rng.standard_normal((4, 7)), rng.standard_normal((7, 5)), rng.standard_normal(5)
  layer = Dense(5, activation, m, dtype=jnp.float64, param_dtype=jnp.float64)
  y = layer.apply({'params': {'weight': weight, 'bias': bias}}, x)
  expected = x @ weight * m / np.sqrt(7) + bias * m
  if activation == 'lrelu':
    expected = np.sqrt(2) * np.where(expected > 0, expected, 0.2 * expected)
  np.testing.assert_allclose(y, expected, rtol=1e-12)


@pytest.mark.parametrize(
  ('k', 'form', 'slow'),
  [
    (3, {}, lambda x, w: plain.conv2d(x, w, 1, 1)),
    (1, {'down': 2, 'use_bias': False}, plain.downsample_conv2d),
    (3, {'down': 2, 'gain': 0.7, 'clamp': 0.5}, plain.downsample_conv2d),
    (3, {'up': 2}, plain.upsample_conv2d),
  ],
)
def test_conv_values(k, form, slow, x64):
  x = np.random.default_rng(0).standard_normal((2, 4, 4, 3))
  layer = Conv(5, k, dtype=jnp.float64, param_dtype=jnp.float64, **form)
  shapes = jax.eval_shape(layer.init, jax.random.key(0), x)['params']
  assert ('bias' in shapes) == form.get('use_bias', True)
  params = randomized(shapes, 1)
  y = slow(x, np.asarray(params['weight']) / np.sqrt(3 * k * k)) + np.asarray(params.get('bias', 0))
  gain = form.get('gain', 1)
  y = np.where(y > 0, y, 0.2 * y) * np.sqrt(2) * gain
  if 'clamp' in form:
    assert np.abs(y).max() > form['clamp'] * gain
    y = np.clip(y, -form['clamp'] * gain, form['clamp'] * gain)
  np.testing.assert_allclose(layer.apply({'params': params}, x), y, atol=1e-12)


def test_unit_variance_goes_through_a_fresh_layer():
  """Which is what the run-time gains are for."""
  x = jax.random.normal(jax.random.key(0), (64, 8, 8, 48))
  conv, dense = Conv(64, 3, 'linear'), Dense(512, lr_multiplier=0.01)
  for layer, inputs in ((conv, x[:4]), (dense, x[:, 0, 0])):
    variables = jax.jit(layer.init)(jax.random.key(1), inputs)
    y = layer.apply(variables, inputs)
    middle = y[:, 1:-1, 1:-1] if y.ndim == 4 else y
    assert abs(float(middle.std()) - 1) < 0.07
