"""Reduced precision and clamping: which layers compute in what, and where values are bounded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.validation import ARCHITECTURES
from tests.helpers import networks, random_params, randomized, shapes_of
from tests.networks.test_synthesis import names_of

EVERY = pytest.mark.parametrize('architecture', ARCHITECTURES)


def pair(architecture, resolution=16, **changes):
  return networks(resolution, g_architecture=architecture, d_architecture=architecture, **changes)


def intermediates(generator, discriminator):
  """A function of both parameters -> (image, logits, all intermediate results of G and of D)."""

  def run(g_params, d_params):
    ws = jnp.ones((2, generator.synthesis.num_ws, 8))
    capture = {'capture_intermediates': True, 'mutable': ['intermediates']}
    img, in_g = generator.synthesis.apply({'params': g_params['synthesis']}, ws, **capture)
    logits, in_d = discriminator.apply({'params': d_params}, img, **capture)
    return img, logits, names_of(in_g['intermediates']), names_of(in_d['intermediates'])

  return run


@EVERY
@pytest.mark.parametrize(
  ('num_reduced', 'reduced_dtype', 'lowest'),
  [(0, 'bfloat16', 32), (1, 'bfloat16', 16), (2, 'float16', 8), (4, 'bfloat16', 8)],
)
def test_dtypes_of_the_resolutions(architecture, num_reduced, reduced_dtype, lowest):
  modules = pair(architecture, num_reduced=num_reduced, reduced_dtype=reduced_dtype)
  shapes = shapes_of(*modules)
  assert {x.dtype for x in jax.tree.leaves(shapes)} == {jnp.dtype('float32')}
  img, logits, in_g, in_d = jax.eval_shape(intermediates(*modules), *shapes)
  assert img.dtype == logits.dtype == jnp.float32
  checked = set()
  for found in (in_g, in_d):
    for name, x in found.items():
      block, _, layer = name.partition('.')
      if layer and 'affine' not in layer:
        reduced = int(block[1:]) >= lowest
        assert x.dtype == (reduced_dtype if reduced else jnp.float32), name
        checked.add(name)
      elif 'affine' in layer:
        assert x.dtype == jnp.float32, name
  assert {'b4.conv1', 'b8.conv0', 'b16.conv1', 'b16.torgb', 'b16.fromrgb', 'b4.fc'} <= checked


@EVERY
def test_rgb_is_summed_in_full_precision(architecture):
  """A float16 image summed up would round; so would one whose sums are kept in float16."""
  modules = pair(architecture, num_reduced=2, reduced_dtype='float16')
  img, _, in_g, _ = jax.jit(intermediates(*modules))(*random_params(*modules))
  representable = np.asarray(img, np.float16).astype(np.float32) == np.asarray(img)
  if architecture == 'skip':
    assert representable.mean() < 0.5
  else:
    np.testing.assert_array_equal(img, in_g['b16.torgb'].astype(np.float32))


@EVERY
def test_the_clamp_reaches_every_layer(architecture):
  """And only those that have one: not dense layers, residual skips, or FromRGB at 4×4."""
  clamp = 0.01
  modules = pair(architecture, num_reduced=1, reduced_dtype='float32', clamp=clamp)
  _, _, in_g, in_d = jax.jit(intermediates(*modules))(*random_params(*modules))
  resnet = architecture == 'resnet'
  for found in (in_g, in_d):
    for name, x in found.items():
      block, _, layer = name.partition('.')
      if layer not in ('conv', 'conv0', 'conv1', 'torgb', 'fromrgb') or name == 'b4.fromrgb':
        continue
      halved = resnet and layer == 'conv1' and (block != 'b4' or found is in_d)
      bound = np.float32(clamp * (0.5**0.5 if halved else 1))
      assert np.abs(x).max() == pytest.approx(bound, rel=1e-6), name
  assert np.abs(in_d['b4.fc']).max() > clamp
  assert np.abs(in_g['b8.conv1.affine']).max() > clamp
  if architecture == 'skip':
    assert np.abs(in_d['b4.fromrgb']).max() > clamp


def test_no_clamp_without_reduced_precision():
  modules = pair('skip', 8, num_reduced=0, clamp=0.01)
  assert modules[0].synthesis.clamp is modules[1].clamp is None
  img, *_ = jax.jit(intermediates(*modules))(*random_params(*modules))
  assert np.abs(img).max() > 0.1


@pytest.mark.parametrize('reduced_dtype', ['bfloat16', 'float16'])
def test_reduced_precision_is_near_full_precision(reduced_dtype):
  shapes = shapes_of(*pair('resnet', 8))
  params = [randomized(tree, i, scale=0.8) for i, tree in enumerate(shapes)]
  full, full_logits, *_ = jax.jit(intermediates(*pair('resnet', 8)))(*params)
  modules = pair('resnet', 8, num_reduced=4, reduced_dtype=reduced_dtype)
  reduced, logits, *_ = jax.jit(intermediates(*modules))(*params)
  bound = {'bfloat16': 0.05, 'float16': 0.007}[reduced_dtype]
  assert 0 < np.abs(full - reduced).max() < bound * np.abs(full).max()
  assert np.abs(full_logits - logits).max() < 5 * bound * np.abs(full_logits).max()
