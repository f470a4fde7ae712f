"""A state at step 0: what its optimizers and averages begin with."""

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training.state import d_optimizer, g_optimizer, new_state
from tests.helpers import assert_trees_equal, settings

CONFIG = settings(8)
STATE = new_state(3, *build_networks(CONFIG.network, (8, 8), 3, 0), CONFIG.train)


def test_optimizers_begin_as_adam_does():
  for state, optimizer, params in (
    (STATE.g_opt, g_optimizer(CONFIG.train), STATE.g_params),
    (STATE.d_opt, d_optimizer(CONFIG.train), STATE.d_params),
  ):
    expected = optimizer.init(params)
    assert jax.tree.structure(state) == jax.tree.structure(expected)
    assert_trees_equal(state, expected)


def test_the_average_begins_as_a_copy():
  """Equal numbers in memory of their own, which a donated state needs."""
  assert_trees_equal(STATE.ema_params, STATE.g_params)
  for one, other in zip(
    jax.tree.leaves(STATE.ema_params), jax.tree.leaves(STATE.g_params), strict=True
  ):
    assert one.unsafe_buffer_pointer() != other.unsafe_buffer_pointer()


def test_counters_begin_at_zero():
  for name in ('step', 'w_avg', 'pl_mean', 'bad_steps'):
    np.testing.assert_array_equal(getattr(STATE, name), 0)
  assert STATE.step.dtype == STATE.bad_steps.dtype == jnp.int32
