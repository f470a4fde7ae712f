"""The synthesis network: one layer by its formula, and how layers, ws and noise are wired."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.noise import constant_noise, noise_layers, random_noise
from stylegan2_jax.networks.synthesis import Synthesis, SynthesisLayer, ToRGB
from stylegan2_jax.validation import ARCHITECTURES
from tests.helpers import names, network_settings, networks, randomized, shapes_of
from tests.ops import plain

EVERY = pytest.mark.parametrize('architecture', ARCHITECTURES)
DOUBLE = {'dtype': jnp.float64, 'param_dtype': jnp.float64, 'full_dtype': jnp.float64}
RNG = np.random.default_rng(0)


@functools.cache
def synthesis(architecture, resolution=8):
  """(a function (params, ws, noise) -> (image, all intermediate results), params, ws)."""
  generator, discriminator = networks(resolution, g_architecture=architecture)
  shapes = shapes_of(generator, discriminator)[0]['synthesis']
  ws = RNG.standard_normal((2, generator.synthesis.num_ws, 8)).astype(np.float32)

  @jax.jit
  def run(params, ws, noise):
    img, found = generator.synthesis.apply(
      {'params': params}, ws, noise, capture_intermediates=True, mutable=['intermediates']
    )
    return img, names_of(found['intermediates'])

  return run, randomized(shapes, 1), ws


def names_of(intermediates):
  """{'b8.conv0.affine': output, ...} of the modules that return one array."""
  flat = {}
  for path, leaf in jax.tree.leaves_with_path(intermediates):
    *modules, _, index = jax.tree_util.keystr(path, simple=True, separator='.').split('.')
    if index == '0':
      flat['.'.join(modules)] = leaf
  return flat


@pytest.mark.parametrize('up', [1, 2])
@pytest.mark.parametrize('per_sample', [True, False])
def test_a_layer_by_its_formula(up, per_sample, x64):
  x, w = RNG.standard_normal((2, 4, 4, 3)), RNG.standard_normal((2, 8))
  noise = RNG.standard_normal((2, 4 * up, 4 * up) if per_sample else (4 * up, 4 * up))
  layer = SynthesisLayer(5, up, gain=0.7, clamp=1.0, **DOUBLE)
  params = randomized(jax.eval_shape(layer.init, jax.random.key(0), x, w, noise)['params'], 1)
  p = {name: np.asarray(x) for name, x in names(params).items()}
  styles = w @ p['affine.weight'] / np.sqrt(8) + p['affine.bias']
  y = plain.modulated_conv2d(x, p['weight'], styles, True, up)
  y += (noise if per_sample else noise[None])[..., None] * p['noise_strength'] + p['bias']
  y = np.where(y > 0, y, 0.2 * y) * np.sqrt(2) * 0.7
  assert np.abs(y).max() > 0.7
  expected = np.clip(y, -0.7, 0.7)
  np.testing.assert_allclose(layer.apply({'params': params}, x, w, noise), expected, atol=1e-12)


def test_to_rgb_by_its_formula(x64):
  x, w = RNG.standard_normal((2, 4, 4, 6)), RNG.standard_normal((2, 8))
  layer = ToRGB(3, clamp=1.0, **DOUBLE)
  params = randomized(jax.eval_shape(layer.init, jax.random.key(0), x, w)['params'], 1)
  p = {name: np.asarray(x) for name, x in names(params).items()}
  styles = (w @ p['affine.weight'] / np.sqrt(8) + p['affine.bias']) / np.sqrt(6)
  y = plain.modulated_conv2d(x, p['weight'], styles, False) + p['bias']
  assert np.abs(y).max() > 1
  np.testing.assert_allclose(layer.apply({'params': params}, x, w), np.clip(y, -1, 1), atol=1e-12)


def test_fresh_parameters():
  """Weights and constant N(0, 1), biases and noise strengths 0, biases of the affines 1."""
  module = Synthesis((8, 8), 3, 512, 64, 'skip')
  init = jax.jit(lambda key: module.init(key, jnp.zeros((1, 4, 32)))['params'])
  for name, x in names(init(jax.random.key(0))).items():
    kind = name.split('.')[-1]
    if kind in ('weight', 'const'):
      assert abs(x.std() - 1) < 5 / (2 * x.size) ** 0.5, name
      assert abs(x.mean()) < 5 / x.size**0.5, name
    else:
      np.testing.assert_array_equal(x, 1 if name.endswith('affine.bias') else 0, name)


@EVERY
def test_which_w_goes_where(architecture):
  """Each w changes the styles of its own layers only; ToRGB has that of the next convolution."""
  run, params, ws = synthesis(architecture, 16)
  convs = ['b4.conv1', 'b8.conv0', 'b8.conv1', 'b16.conv0', 'b16.conv1']
  users = {i: {conv} for i, conv in enumerate(convs)} | {5: {'b16.torgb'}}
  if architecture == 'skip':
    users[1].add('b4.torgb')
    users[3].add('b8.torgb')
  before = run(params, ws, None)[1]
  styles = {name for name in before if name.endswith('.affine')}
  assert {f'{name}.affine' for used in users.values() for name in used} == styles
  for i, used in users.items():
    img, after = run(params, ws + np.eye(6)[i][None, :, None].astype(np.float32), None)
    changed = {name for name in styles if np.any(before[name] != after[name])}
    assert changed == {f'{name}.affine' for name in used}, i
    assert np.abs(img - run(params, ws, None)[0]).max() > 1e-3, i


@EVERY
def test_each_layer_sees_its_own_noise(architecture):
  """Another map changes its layer by strength·difference, and nothing that comes before."""
  run, params, ws = synthesis(architecture)
  maps = random_noise(jax.random.split(jax.random.key(0), 2), (8, 8))
  img, before = run(params, ws, maps)
  order = [f'{block}.{layer}' for block, layer, _ in noise_layers((8, 8))]
  for i, (block, layer, size) in enumerate(noise_layers((8, 8))):
    changed = {**maps, block: {**maps[block], layer: maps[block][layer].at[0, 0, 0].add(2.0)}}
    other_img, after = run(params, ws, changed)
    for earlier in order[:i]:
      np.testing.assert_array_equal(before[earlier], after[earlier])
    touched = np.any(before[order[i]] != after[order[i]], axis=3)
    expected = np.zeros((2, *size), bool)
    expected[0, 0, 0] = True
    np.testing.assert_array_equal(touched, expected)
    assert np.any(other_img[0] != img[0])
    np.testing.assert_array_equal(other_img[1], img[1])


@EVERY
def test_noise_modes(architecture):
  """Samples of equal w: alike with stored maps or none, different with maps of their own."""
  run, params, ws = synthesis(architecture)
  ws = np.repeat(ws[:1], 2, axis=0)
  const = run(params, ws, constant_noise(jax.random.key(0), (8, 8)))[0]
  none = run(params, ws, None)[0]
  random = run(params, ws, random_noise(jax.random.split(jax.random.key(0), 2), (8, 8)))[0]
  for two in (const, none):  # some CPUs round the end of a batch otherwise than its beginning
    np.testing.assert_allclose(two[0], two[1], rtol=1e-5, atol=1e-5)
  for one, other in ((random[0], random[1]), (const[0], none[0]), (const[0], random[0])):
    assert np.abs(one - other).max() > 0.01


def test_no_strength_no_noise():
  run, params, ws = synthesis('skip')
  fresh = jax.tree.map_with_path(
    lambda path, x: x * 0 if 'noise_strength' in str(path[-1]) else x, params
  )
  with_noise = run(fresh, ws, constant_noise(jax.random.key(0), (8, 8)))[0]
  np.testing.assert_allclose(with_noise, run(fresh, ws, None)[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('shape', [(2, 8), (2, 3, 8), (2, 5, 8)])
def test_a_wrong_number_of_ws(shape):
  generator, _ = networks(8)
  with pytest.raises(ValueError, match=r'ws must be \[N, 4, w_dim\]'):
    generator.synthesis.apply({}, np.zeros(shape))


def test_number_of_ws():
  sizes = (4, 8, 32, 1024)
  assert [networks(r, channel_base=1024)[0].synthesis.num_ws for r in sizes] == [2, 4, 8, 18]
  assert network_settings().w_dim == 8
