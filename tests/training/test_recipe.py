"""Fakes and reals through D in one pass: what D says of each in a pass of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.settings import AugmentSettings
from stylegan2_jax.training.chunks import chunk_layout
from stylegan2_jax.training.recipe import Recipe
from tests.helpers import networks, random_state, settings

CONFIG = settings(8)
CHUNKS = chunk_layout(6, 6, 1)
CHUNK = jax.tree.map(lambda x: x[0, 0], CHUNKS)


@pytest.mark.parametrize('augment', ['none', 'fixed'])
@pytest.mark.parametrize(
  ('c_dim', 'network'),
  [
    (0, {'mbstd_group': 2}),
    (4, {'mbstd_group': 3}),
    (0, {'mbstd_group': None}),
    (4, {'mbstd_group': 4, 'mbstd_features': 0}),
  ],
)
def test_compare(c_dim, network, augment):
  modules = networks(c_dim=c_dim, **network)
  state = random_state(*modules, CONFIG.train)
  state = state.replace(augment=state.augment.replace(p=jnp.float32(0.7)))
  recipe = Recipe(*modules, CONFIG.train, AugmentSettings(kind=augment, p=0.7))
  rng = np.random.default_rng(0)

  def some(scale):
    images = jnp.asarray(scale * rng.standard_normal((6, 8, 8, 3)), jnp.float32)
    return images, jnp.eye(4)[rng.integers(0, 4, 6)] if c_dim else None

  pairs = {'fake': some(1.0), 'real': some(0.3)}

  @jax.jit
  def apart(params):
    return [
      recipe.discriminate(params, recipe.view(state, 'discriminator', CHUNK, kind)(images), label)
      for kind, (images, label) in pairs.items()
    ]

  @jax.jit
  def together(params):
    return recipe.compare(state, 'discriminator', CHUNK, params, *pairs.values())

  def loss(logits):
    return lambda params: sum((f**2 * k).sum() for k, f in enumerate(logits(params), start=1))

  for found, expected in zip(together(state.d_params), apart(state.d_params), strict=True):
    assert found.shape == (6, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
  gradients = (jax.jit(jax.grad(loss(logits)))(state.d_params) for logits in (together, apart))
  for found, expected in zip(*map(jax.tree.leaves, gradients), strict=True):
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
