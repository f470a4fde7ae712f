"""The moving averages against their closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training.ema import ema_beta, update_ema, update_w_avg


@pytest.mark.parametrize('rampup', [None, 0.05])
def test_beta(rampup, x64):
  batch_size, ema_kimg = 32, 10.0
  for step in (0, 1, 10, 6249, 6251, 100_000):
    seen = step * batch_size
    half_life = 10_000 if rampup is None else min(10_000, seen * rampup)
    expected = 0.5 ** (batch_size / max(half_life, 1e-8))
    np.testing.assert_allclose(ema_beta(seen, batch_size, ema_kimg, rampup), expected, rtol=1e-12)


def test_beta_at_the_start():
  """With ramp-up nothing of the initial weights is kept, and float32 does not overflow."""
  assert ema_beta(jnp.int32(0), 32, 10.0, 0.05) == 0
  assert ema_beta(jnp.int32(0), 32, 0.0, None) == 0


def test_half_of_a_weight_is_left_after_the_half_life(x64):
  ema = {'w': jnp.ones(2)}
  beta = ema_beta(0, 100, 1.0, None)
  for _ in range(10):  # 10 steps of 100 images are 1 kimg
    ema = update_ema({'w': jnp.zeros(2)}, ema, beta)
  np.testing.assert_allclose(ema['w'], 0.5, rtol=1e-12)


def test_ema_closed_form(x64):
  """ema_n = Π β_i·ema_0 + Σ_i (1 − β_i)·Π_{j>i} β_j·params_i, with the ramp-up's β."""
  rng = np.random.default_rng(0)
  history, ema_0 = rng.standard_normal((8, 3)), rng.standard_normal(3)
  betas = np.array([0.5 ** (16 / max(min(500, 16 * i * 0.05), 1e-8)) for i in range(8)])
  ema = {'a': {'b': jnp.asarray(ema_0)}}
  for step, params in enumerate(history):
    ema = update_ema({'a': {'b': jnp.asarray(params)}}, ema, ema_beta(16 * step, 16, 0.5, 0.05))
  weights = [(1 - betas[i]) * betas[i + 1 :].prod() for i in range(8)]
  expected = betas.prod() * ema_0 + np.asarray(weights) @ history
  np.testing.assert_allclose(ema['a']['b'], expected, rtol=1e-12)


def test_ema_keeps_dtypes(x64):
  ema = update_ema({'w': jnp.zeros(2, 'f4')}, {'w': jnp.ones(2, 'f4')}, ema_beta(0, 8, 1.0, None))
  assert ema['w'].dtype == jnp.float32


def test_w_avg(x64):
  w_avg, means = jnp.zeros(3), np.random.default_rng(0).standard_normal((5, 3))
  for mean in means:
    w_avg = update_w_avg(w_avg, jnp.asarray(mean), 0.9)
  expected = sum(0.1 * 0.9 ** (4 - i) * mean for i, mean in enumerate(means))
  np.testing.assert_allclose(w_avg, expected, rtol=1e-12)
