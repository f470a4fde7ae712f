"""Noise, demodulation and equalized learning rate switched off: formulas, sizes, every pair."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.builder import init_networks
from stylegan2_jax.networks.layers import Conv, Dense
from stylegan2_jax.networks.noise import random_noise
from stylegan2_jax.networks.synthesis import Synthesis, SynthesisLayer
from stylegan2_jax.validation import ARCHITECTURES, DEMODULATIONS
from tests.helpers import assert_trees_close, names, networks, random_params, randomized, shapes_of
from tests.ops import plain

DOUBLE = {'dtype': jnp.float64, 'param_dtype': jnp.float64, 'full_dtype': jnp.float64}
RNG = np.random.default_rng(0)
Z = RNG.standard_normal((4, 8))
NOISE = random_noise(jax.random.split(jax.random.key(0), 4), (8, 8))
OFF = {'noise': False, 'demodulation': 'none', 'equalized_lr': False, 'mbstd_features': 0}


@pytest.mark.parametrize('up', [1, 2])
@pytest.mark.parametrize('equalized', [True, False])
@pytest.mark.parametrize('demodulation', ['instance', 'none'])
def test_a_layer_by_its_formula(demodulation, equalized, up, x64):
  """Without demodulation the kernel of 3·3·3 inputs has the gain 1/√27, if equalized."""
  x, w = RNG.standard_normal((2, 4, 4, 3)), RNG.standard_normal((2, 8))
  noise = RNG.standard_normal((2, 4 * up, 4 * up))
  layer = SynthesisLayer(5, up, demodulation=demodulation, equalized=equalized, **DOUBLE)
  params = randomized(jax.eval_shape(layer.init, jax.random.key(0), x, w, noise)['params'], 1)
  p = {name: np.asarray(x) for name, x in names(params).items()}
  gains = (8**-0.5, 27**-0.5) if equalized else (1, 1)
  styles = w @ p['affine.weight'] * gains[0] + p['affine.bias']
  y = plain.modulated_conv2d(x, p['weight'] * gains[1], styles, False, up)
  if demodulation == 'instance':
    y /= np.sqrt(np.square(y).mean(axis=(1, 2), keepdims=True) + 1e-8)
  y += noise[..., None] * p['noise_strength'] + p['bias']
  expected = np.where(y > 0, y, 0.2 * y) * np.sqrt(2)
  np.testing.assert_allclose(layer.apply({'params': params}, x, w, noise), expected, atol=1e-12)


def test_without_noise_there_is_none(x64):
  """No strengths; maps are taken and have no effect; all else is as with strengths of 0."""
  (silent, _), (noisy, _) = networks(8, noise=False), networks(8)
  params = randomized(shapes_of(*networks(8))[0], 0)
  quiet = {name for name in names(params) if name.endswith('noise_strength')}
  assert len(quiet) == 3
  assert set(names(shapes_of(*networks(8, noise=False))[0])) == set(names(params)) - quiet
  img, other, without = (
    jax.jit(silent.apply)({'params': params}, Z, None, maps)
    for maps in (NOISE, jax.tree.map(lambda x: -x, NOISE), None)
  )
  np.testing.assert_array_equal(img, other)
  np.testing.assert_array_equal(img, without)
  np.testing.assert_allclose(noisy.apply({'params': params}, Z), img, atol=1e-5)


def run_time_gain(name, value):
  """Of equalized learning rate: 1/√fan_in for weights, and 1/100 in the mapping network."""
  multiplier = 0.01 if name.startswith('mapping.fc') else 1
  if not name.endswith('weight'):
    return multiplier
  return multiplier / np.sqrt(np.prod(value.shape[:-1]))


@pytest.mark.parametrize('demodulation', DEMODULATIONS)
@pytest.mark.parametrize('architecture', ['skip', 'resnet'])
def test_equalized_and_stored_as_used_are_one_function(architecture, demodulation, double):
  """The same effective weights: the same pictures and logits.

  Demodulated kernels cancel the gain, up to the 1e-8 beside the sum of squares.
  """
  form = {'g_architecture': architecture, 'd_architecture': architecture, 'dtype': jnp.float64}
  form['demodulation'], c_dim = demodulation, 3
  equalized = networks(8, c_dim=c_dim, **form)
  plain_pair = networks(8, c_dim=c_dim, equalized_lr=False, **form)
  params = random_params(*equalized)
  converted = [
    jax.tree.map_with_path(
      lambda path, x: x * run_time_gain(jax.tree_util.keystr(path, simple=True, separator='.'), x),
      tree,
    )
    for tree in params
  ]
  label = np.eye(3)[[0, 1, 2, 0]]

  def run(pair, params):
    img = pair[0].apply({'params': params[0]}, Z, label, NOISE)
    return img, pair[1].apply({'params': params[1]}, img, label)

  expected = jax.jit(run, static_argnums=0)(equalized, params)
  actual = jax.jit(run, static_argnums=0)(plain_pair, converted)
  assert jax.tree.structure(converted) == jax.tree.structure(list(shapes_of(*plain_pair)))
  assert np.abs(expected[0]).max() > 0.1
  assert_trees_close(actual, expected, 1e-7)


def test_fresh_weights_that_are_stored_as_used():
  """N(0, 1/fan_in), the constant input N(0, 1), biases as with equalized learning rate."""
  module = Synthesis((8, 8), 3, 512, 64, 'skip', equalized=False)
  init = jax.jit(lambda key: module.init(key, jnp.zeros((1, 4, 32)))['params'])
  for name, x in names(init(jax.random.key(0))).items():
    if name.endswith(('weight', 'const')):
      fan_in = 1 if name.endswith('const') else np.prod(x.shape[:-1])
      assert abs(x.std() * fan_in**0.5 - 1) < 5 / (2 * x.size) ** 0.5, name
      assert abs(x.mean() * fan_in**0.5) < 5 / x.size**0.5, name
    else:
      np.testing.assert_array_equal(x, 1 if name.endswith('affine.bias') else 0, name)
  layers = (Conv(64, 3, equalized=False), (1, 4, 4, 64)), (Dense(64, equalized=False), (1, 300))
  for layer, shape in layers:
    params = jax.jit(layer.init)(jax.random.key(0), jnp.zeros(shape))['params']
    fan_in = np.prod(params['weight'].shape[:-1])
    assert abs(params['weight'].std() * fan_in**0.5 - 1) < 0.02


def test_a_multiplier_only_sets_the_start_where_weights_are_stored_as_used():
  layer = Dense(256, lr_multiplier=0.01, bias_init=2.0, equalized=False)
  params = jax.jit(layer.init)(jax.random.key(0), jnp.zeros((1, 400)))['params']
  assert abs(params['weight'].std() * 20 - 1) < 0.01
  np.testing.assert_allclose(params['bias'], 0.02, rtol=1e-6)
  np.testing.assert_allclose(layer.apply({'params': params}, jnp.zeros((1, 400)))[0], 0.02)


@pytest.mark.parametrize('demodulation', DEMODULATIONS)
@pytest.mark.parametrize('equalized_lr', [True, False])
def test_fresh_pictures_are_in_range(demodulation, equalized_lr):
  """Without any normalisation styles of 1 + N(0, 1) double the power of a signal in each layer."""
  changes = {'demodulation': demodulation, 'equalized_lr': equalized_lr}
  pair = networks(8, channel_base=128, channel_max=16, **changes)
  g_params, _, noise = init_networks(jax.random.key(0), *pair)
  img = jax.jit(pair[0].apply)({'params': g_params}, Z.astype('f4'), None, noise)
  assert 0.1 < img.std() < (30 if demodulation == 'none' else 4)
  assert np.abs(img - img[:1])[1:].max() > 0.01


@pytest.mark.parametrize(
  ('demodulation', 'g_architecture', 'd_architecture'),
  [*itertools.product(['none'], ARCHITECTURES, ARCHITECTURES), ('instance', 'resnet', 'skip')],
)
def test_every_pair_with_all_switched_off(demodulation, g_architecture, d_architecture):
  """Every parameter of both has a gradient that is a number and not zero."""
  changes = {**OFF, 'g_architecture': g_architecture, 'd_architecture': d_architecture}
  pair = networks(8, **{**changes, 'demodulation': demodulation})
  params = [randomized(tree, i, scale=0.5) for i, tree in enumerate(shapes_of(*pair))]

  @jax.jit
  @jax.grad
  def gradient(params):
    img = pair[0].apply({'params': params[0]}, Z.astype('f4'), None, NOISE)
    return jnp.square(pair[1].apply({'params': params[1]}, img)).sum()

  for name, value in names(gradient(params)).items():
    assert np.isfinite(value).all(), name
    assert np.abs(value).max() > 0, name
