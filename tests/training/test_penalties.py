"""Regularizers lazily and in every step, and those beside R1: what a step makes of the config."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training import ada, penalties, steps
from stylegan2_jax.training.chunks import chunk_layout
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.regularizers import r1_loss
from stylegan2_jax.training.schedule import phases_at, used_phases
from stylegan2_jax.training.steps import PHASE_STEPS
from tests.helpers import assert_trees_close, random_state, settings

SETTINGS = settings(4, r1_gamma=2.0)
MODULES = build_networks(SETTINGS.network, (4, 4), 3, 0)
IMAGES = np.random.default_rng(0).integers(0, 256, (1, 8, 4, 4, 3), np.uint8)
CHUNKS = jax.tree.map(lambda x: x[0], chunk_layout(8, 8, 1)).replace(images=IMAGES)
CHUNK = jax.tree.map(lambda x: x[0], CHUNKS)


@pytest.fixture(scope='module')
def state():
  return random_state(*MODULES, SETTINGS.train).replace(step=jnp.int32(3))


def recipe(**train):
  return Recipe(*MODULES, dataclasses.replace(SETTINGS.train, **train))


def gradient(monkeypatch, phase, state, made):
  """(gradient that a phase gives to Adam, its metrics)."""
  seen = {}

  def record(recipe, loss_fn, params, chunks):
    result = jax.grad(loss_fn, has_aux=True)(params, CHUNK)
    seen['gradient'] = result[0]
    return *result, jnp.zeros(len(jax.tree.leaves(params)), jnp.int32)

  monkeypatch.setattr(steps, '_mean_gradient', record)

  @jax.jit
  def run(state):
    metrics = PHASE_STEPS[phase](state, CHUNKS, None, made)[1]
    return seen['gradient'], metrics

  return run(state)


@pytest.mark.parametrize(
  ('main', 'lazy', 'field', 'interval'),
  [('generator', 'path_length', 'pl_interval', 4), ('discriminator', 'r1', 'r1_interval', 16)],
)
def test_not_lazily(main, lazy, field, interval, state, monkeypatch):
  """One gradient: that of the main phase and, without the factor, that of the lazy one."""
  both, metrics = gradient(monkeypatch, main, state, recipe(**{field: 0}))
  alone, main_metrics = gradient(monkeypatch, main, state, recipe())
  lazily, lazy_metrics = gradient(monkeypatch, lazy, state, recipe(**{field: interval}))
  expected = jax.tree.map(lambda a, b: a + b / interval, alone, lazily)
  assert_trees_close(both, expected, 1e-4)
  for name, value in (main_metrics | lazy_metrics).items():
    np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)


def test_phases_of_each_choice():
  train = SETTINGS.train
  assert used_phases(train) == ('generator', 'path_length', 'discriminator', 'r1')
  every_step = dataclasses.replace(train, r1_interval=0, pl_interval=0)
  assert used_phases(every_step) == ('generator', 'discriminator')
  in_own_updates = dataclasses.replace(train, r1_interval=1, pl_interval=1)
  assert phases_at(7, in_own_updates) == ('generator', 'path_length', 'discriminator', 'r1')
  only_r2 = dataclasses.replace(train, r1_gamma=0.0, r2_gamma=1.0)
  assert 'r1' in used_phases(only_r2)
  assert used_phases(dataclasses.replace(train, r1_gamma=0.0, pl_weight=0.0)) == (
    'generator',
    'discriminator',
  )


def test_r2_and_interpolation(state):
  """Both are taken at fakes of this phase's own draws, and add up with R1."""
  made = recipe(r2_gamma=3.0, gp_weight=10.0)
  run = jax.jit(lambda params: penalties.penalties(state, CHUNK, None, made, params)[:2])
  loss, metrics = run(state.d_params)
  np.testing.assert_allclose(
    loss, metrics['loss_r1'] + metrics['loss_r2'] + metrics['loss_gp'], rtol=1e-6
  )
  np.testing.assert_allclose(metrics['loss_r2'], 1.5 * metrics['r2_penalty'], rtol=1e-5)

  # R2 by itself: the fakes of the key of this phase.
  latents = made.latents(steps.phase_key(state.key, state.step, 'r1'), CHUNK, None)
  fake = made.synthesize(state.g_params, made.map(state.g_params, latents)[0], latents.noise)

  def discriminate(params, x):
    return made.discriminate(params, x, None)

  expected = r1_loss(discriminate, state.d_params, fake, 3.0)
  np.testing.assert_allclose(metrics['loss_r2'], expected.loss, rtol=1e-4)
  # WGAN-GP at points of these segments.
  shares = penalties.shares(state, CHUNK, jnp.float32)
  assert shares.shape == (8,)
  assert np.unique(shares).size == 8
  real = made.reals(CHUNK)[0]
  between = jnp.stack([r + s * (f - r) for r, f, s in zip(real, fake, shares, strict=True)])
  slope = jax.grad(lambda x: discriminate(state.d_params, x).sum())(between)
  norms = np.sqrt(np.square(slope).sum(axis=(1, 2, 3)))
  np.testing.assert_allclose(metrics['loss_gp'], 10 * np.square(norms - 1).mean(), rtol=1e-4)
  np.testing.assert_allclose(metrics['gradient_norm'], norms.mean(), rtol=1e-4)


def test_signs_come_from_r1_alone(state):
  """D looks at reals there; without it nothing is counted."""
  made = recipe()
  signs = penalties.penalties(state, CHUNK, None, made, state.d_params)[2]
  logits = made.discriminate(state.d_params, *made.reals(CHUNK))
  assert signs == ada.mean_sign(logits)
  assert signs[1] == 1
  signs = penalties.penalties(
    state, CHUNK, None, recipe(r1_gamma=0.0, r2_gamma=1.0), state.d_params
  )[2]
  assert signs == (0, 0)


def test_a_relativistic_generator_compares_with_reals(state):
  """Other reals, another loss of G; the logits of the pairs decide."""
  step = jax.jit(functools.partial(PHASE_STEPS['generator'], recipe=recipe(loss='relativistic')))
  one = step(state, CHUNKS, None)[1]['loss_g']
  other = step(state, CHUNKS.replace(images=255 - IMAGES), None)[1]['loss_g']
  assert one != other
  made = recipe(loss='relativistic')
  latents = made.latents(steps.phase_key(state.key, state.step, 'generator'), CHUNK, None)
  fake = made.synthesize(state.g_params, made.map(state.g_params, latents)[0], latents.noise)
  f = np.asarray(made.discriminate(state.d_params, fake, None))
  r = np.asarray(made.discriminate(state.d_params, *made.reals(CHUNK)))
  np.testing.assert_allclose(one, np.log1p(np.exp(r - f)).mean(), rtol=1e-4)
