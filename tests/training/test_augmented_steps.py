"""What D sees in each phase of a step, and what R1 is the gradient of."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.augment.choose import choose_augmenter
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import AugmentSettings
from stylegan2_jax.training.chunks import chunk_layout
from stylegan2_jax.training.latents import augment_keys, phase_key
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.steps import PHASE_STEPS, finish_step, held_out_step
from tests.helpers import random_state, settings

SETTINGS = settings(8, {'channel_max': 4})
MODULES = build_networks(SETTINGS.network, (8, 8), 3, 0)
IMAGES = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 8, 3), np.uint8)
CHUNKS = jax.tree.map(lambda x: x[0], chunk_layout(8, 8, 1)).replace(images=IMAGES)
CHUNK = jax.tree.map(lambda x: x[0], CHUNKS)
FIXED = AugmentSettings(kind='fixed', p=0.7)


def recipe(augment=FIXED):
  return Recipe(*MODULES, SETTINGS.train, augment)


@pytest.fixture(scope='module')
def state():
  state = random_state(*MODULES, SETTINGS.train).replace(step=jnp.int32(3))
  return state.replace(augment=state.augment.replace(p=jnp.float32(0.7)))


def seen(state, phase, what, img, augment=FIXED):
  """The augmented images, from the keys alone."""
  keys = augment_keys(state.key, state.step, phase, what, CHUNK.sample)
  return choose_augmenter(augment)(keys, state.augment.p, img)


def fakes(state, phase):
  made = recipe()
  latents = made.latents(phase_key(state.key, state.step, phase), CHUNK, None)
  return made.synthesize(state.g_params, made.map(state.g_params, latents)[0], latents.noise)


def logits(state, img):
  return recipe().discriminate(state.d_params, img, None)


@pytest.mark.parametrize(
  'augment', [FIXED, AugmentSettings(kind='diffaugment')], ids=['fixed', 'diffaugment']
)
def test_main_phases(augment, state):
  """Reals and fakes alike, each with draws of their own."""

  @jax.jit
  def metrics(state):
    steps = (PHASE_STEPS[phase](state, CHUNKS, None, recipe(augment)) for phase in PHASE_STEPS)
    return [step[1] for step in steps]

  @jax.jit
  def expected(state):
    real = recipe().reals(CHUNK)[0]
    see = functools.partial(seen, augment=augment)
    fake_g = logits(state, see(state, 'generator', 'fake', fakes(state, 'generator')))
    fake_d = logits(state, see(state, 'discriminator', 'fake', fakes(state, 'discriminator')))
    real_d = logits(state, see(state, 'discriminator', 'real', real))
    by_image = jax.grad(lambda x: logits(state, see(state, 'r1', 'real', x)).sum())(real)
    return {
      'loss_g': jax.nn.softplus(-fake_g).mean(),
      'logits_fake': fake_d.mean(),
      'logits_real': real_d.mean(),
      'sign_real': jnp.sign(real_d).mean(),
      'r1_penalty': jnp.square(by_image).sum(axis=(1, 2, 3)).mean(),
    }

  found = functools.reduce(dict.__or__, metrics(state))
  for name, value in expected(state).items():
    np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)


def test_held_out(state):
  """Augmented like the others; nothing changes."""
  step = jax.jit(functools.partial(held_out_step, recipe=recipe()))
  after, metrics = step(state, CHUNKS, None)
  jax.tree.map(np.testing.assert_array_equal, after, state)
  expected = logits(state, seen(state, 'held_out', 'real', recipe().reals(CHUNK)[0])).mean()
  np.testing.assert_allclose(metrics['logits_held_out'], expected, rtol=1e-4)


def test_nothing_is_seen_otherwise_without_augmentation(state):
  """The default: D sees the images themselves, to the bit."""
  view = recipe(AugmentSettings()).view(state, 'discriminator', CHUNK, 'real')
  img = recipe().reals(CHUNK)[0]
  assert view(img) is img


def test_a_whole_window(state):
  """The signs of Dmain and Dreg are gathered, p moves after the step that ends the window."""
  augment = AugmentSettings(kind='ada', p=0.5, ada_kimg=0.08, interval=2, target=-2.0)
  made = recipe(augment)
  phases = {
    phase: jax.jit(functools.partial(PHASE_STEPS[phase], recipe=made))
    for phase in ('discriminator', 'r1')
  }
  finish = jax.jit(functools.partial(finish_step, recipe=made))
  state = state.replace(step=jnp.int32(0), augment=state.augment.replace(p=jnp.float32(0.5)))
  signs = []
  for step in range(2):
    state, metrics, _ = phases['discriminator'](state, CHUNKS, None)
    signs.append(metrics['sign_real'])
    if step == 0:
      before = state
      state, _, _ = phases['r1'](state, CHUNKS, None)
      real = recipe().reals(CHUNK)[0]
      signs.append(jnp.sign(logits(before, seen(before, 'r1', 'real', real))).mean())
    state, numbers = finish(state, {}, jnp.int32(0))
  np.testing.assert_allclose(state.augment.r_t, np.mean(signs), rtol=1e-5)
  assert numbers['r_t'] == state.augment.r_t
  assert float(state.augment.p) == pytest.approx(0.5 + 8 * 2 / 80)
  assert (state.augment.sign_sum, state.augment.sign_count) == (0, 0)
  for compiled in (*phases.values(), finish):
    assert compiled._cache_size() == 1


def test_chunks_do_not_matter_to_draws(state):
  """A sample is augmented by its global number, wherever it lies."""
  halves = jax.tree.map(lambda x: x[0], chunk_layout(8, 4, 1)).replace(
    images=IMAGES.reshape(2, 4, 8, 8, 3)
  )
  second = jax.tree.map(lambda x: x[1], halves)
  made = dataclasses.replace(recipe(), train=dataclasses.replace(SETTINGS.train, micro_batch=4))
  img = made.reals(second)[0]
  found = made.view(state, 'discriminator', second, 'real')(img)
  whole = seen(state, 'discriminator', 'real', recipe().reals(CHUNK)[0])
  np.testing.assert_allclose(found, whole[4:], atol=1e-5)
