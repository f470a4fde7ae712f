"""Adam with the constants of lazy regularization, against Adam in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from stylegan2_jax.settings import TrainSettings
from stylegan2_jax.training.optimizers import clean_gradients, lazy_adam
from stylegan2_jax.training.state import d_optimizer, g_optimizer


def by_numpy(gradients, lr, b1, b2, eps, interval):
  """Kingma and Ba, algorithm 1, with lr·c, b1^c, b2^c for c = k / (k + 1)."""
  c = interval / (interval + 1)
  lr, b1, b2 = lr * c, b1**c, b2**c
  params = m = v = np.zeros(gradients.shape[1])
  for t, g in enumerate(gradients, 1):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
    params = params - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
  return params


def run(optimizer, gradients):
  params, state = jnp.zeros(gradients.shape[1]), optimizer.init(jnp.zeros(gradients.shape[1]))
  for g in gradients:
    updates, state = optimizer.update(jnp.asarray(g), state)
    params = optax.apply_updates(params, updates)
  return params


@pytest.mark.parametrize('b1', [0.0, 0.5])
@pytest.mark.parametrize('interval', [1, 4, 16])
def test_lazy_adam(b1, interval, x64):
  gradients = np.random.default_rng(0).standard_normal((6, 3)) * [1, 1e-8, 1e4]
  expected = by_numpy(gradients, 0.0025, b1, 0.99, 1e-8, interval)
  found = run(lazy_adam(0.0025, b1, 0.99, 1e-8, interval), gradients)
  np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_each_network_has_its_own_interval(x64):
  train = TrainSettings(
    learning_rate=0.1, adam_b1=0.3, adam_b2=0.9, adam_eps=1e-3, pl_interval=2, r1_interval=5
  )
  gradients = np.random.default_rng(0).standard_normal((4, 3))
  for optimizer, interval in ((g_optimizer(train), 2), (d_optimizer(train), 5)):
    expected = by_numpy(gradients, 0.1, 0.3, 0.9, 1e-3, interval)
    np.testing.assert_allclose(run(optimizer, gradients), expected, rtol=1e-10)


def test_the_rescaling_stays_without_regularizers(x64):
  gradients = np.random.default_rng(0).standard_normal((4, 3))
  train = TrainSettings(pl_weight=0.0, r1_gamma=0.0)
  np.testing.assert_array_equal(
    run(g_optimizer(train), gradients), run(g_optimizer(TrainSettings()), gradients)
  )


def test_clean_gradients():
  bad = {'a': jnp.array([1.0, jnp.nan, jnp.inf]), 'b': {'c': jnp.array([-jnp.inf, 2e5, -3.0])}}
  cleaned = jax.jit(clean_gradients)(bad)
  np.testing.assert_array_equal(cleaned['a'], np.array([1, 0, 1e5], np.float32))
  np.testing.assert_array_equal(cleaned['b']['c'], np.array([-1e5, 2e5, -3], np.float32))
