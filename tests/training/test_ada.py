"""The controller against sequences computed by hand."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.settings import AugmentSettings
from stylegan2_jax.training.ada import adapt, gather, mean_sign, new_augment_state

ADA = AugmentSettings(kind='ada', ada_kimg=0.4, interval=4)  # p moves by 32·4/400 every 4 steps


def run(signs, augment=ADA, batch=32):
  """States after each step, given the mean signs of the real logits of its phases."""
  step = jax.jit(functools.partial(adapt, batch_size=batch, augment=augment))
  state, states = new_augment_state(augment), []
  for done, phases in enumerate(signs, 1):
    for sign in phases:
      state = gather(state, (jnp.float32(sign), jnp.float32(1)))
    state = step(state, jnp.int32(done))
    states.append(state)
  assert step._cache_size() == 1  # p moves, and nothing is compiled again
  return states


def test_a_sequence_by_hand():
  """After steps 4, 8, 12, 16: r_t of the window against the target of 0.6."""
  signs = [
    *([1.0, 1.0], [1.0], [0.5], [0.5]),  # with a Dreg at step 1: mean 0.8, up
    *([0.75], [0.75], [0.5], [0.5]),  # 0.625, up
    *([0.5], [0.5], [0.5], [0.75]),  # 0.5625, down
    *([-1.0], [-1.0], [-1.0], [-1.0]),  # down
    *([-1.0], [-1.0], [-1.0], [-1.0]),  # down, but never below 0
  ]
  states = run(signs)
  move = 32 * 4 / 400
  expected = [
    0,
    0,
    0,
    move,
    *[move] * 3,
    2 * move,
    *[2 * move] * 3,
    move,
    *[move] * 3,
    0,
    0,
    0,
    0,
    0,
  ]
  np.testing.assert_allclose([s.p for s in states], expected, rtol=1e-6, atol=1e-7)
  r_t = [*[0] * 3, *[0.8] * 4, *[0.625] * 4, *[0.5625] * 4, *[-1] * 5]
  np.testing.assert_allclose([s.r_t for s in states], r_t, rtol=1e-6)


def test_on_target_nothing_moves():
  """sign(0) = 0."""
  augment = dataclasses.replace(ADA, target=0.5, p=0.3)
  np.testing.assert_allclose([s.p for s in run([[0.5]] * 8, augment)], [0.3] * 8, rtol=1e-6)


def test_no_upper_bound_but_the_one_that_is_asked_for():
  """The official code has none."""
  assert run([[1.0]] * 40)[-1].p == pytest.approx(10 * 0.32)
  capped = dataclasses.replace(ADA, p_max=0.7)
  assert [float(s.p) for s in run([[1.0]] * 16, capped)][3::4] == pytest.approx(
    [0.32, 0.64, 0.7, 0.7]
  )


@pytest.mark.parametrize('kind', ['fixed', 'none'])
def test_only_ada_moves_p(kind):
  augment = dataclasses.replace(ADA, kind=kind, p=0.2)
  states = run([[1.0]] * 4, augment)
  assert [float(s.p) for s in states] == pytest.approx([0.2] * 4)
  assert states[-1].r_t == 1  # measured in any case


def test_the_official_speed():
  """500 kimg from 0 to 1: 500,000 / (64·4) updates."""
  move = run([[1.0]] * 4, AugmentSettings(kind='ada'), batch=64)[-1].p
  assert move == pytest.approx(64 * 4 / 500_000)


def test_signs():
  """Of 0 it is 0, and what is no number has no say."""
  assert mean_sign(jnp.array([[3.0], [-0.1], [0.0], [2.0]])) == (0.25, 1)
  total, share = mean_sign(jnp.array([[jnp.nan], [jnp.inf], [2.0], [-1.0], [5.0]]))
  assert total / share == pytest.approx(1 / 3)
  state = gather(new_augment_state(ADA), mean_sign(jnp.full((4, 1), jnp.nan)))
  after = adapt(state, jnp.int32(4), 32, ADA)  # nothing was measured: nothing moves
  assert (after.p, after.r_t, after.sign_count) == (0, 0, 0)
