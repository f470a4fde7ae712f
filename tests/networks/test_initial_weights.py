"""Initial weights are N(0, stddev²), also where they are cut from a few large draws."""

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.networks.initial_weights import few_draws, scaled_normal

SHAPES = [(), (3, 3, 200, 200), (64,), (5, 7), (300_000,), (3,)]  # one larger than any draw


def draw(key):
  with few_draws(key):
    return [scaled_normal(2.0)(None, shape, jnp.float32) for shape in SHAPES]


def test_distribution():
  for x, shape in zip(draw(jax.random.key(0)), SHAPES, strict=True):
    assert (x.shape, x.dtype) == (shape, jnp.float32)
    if x.size > 1000:
      x = np.asarray(x, np.float64) / 2
      assert abs(x.mean()) < 0.01
      assert abs(x.std() - 1) < 0.01
      assert abs((x**4).mean() - 3) < 0.1


def test_no_number_is_used_twice():
  values = np.concatenate([x.ravel() for x in draw(jax.random.key(0))])
  other = np.concatenate([x.ravel() for x in draw(jax.random.key(1))])
  # There are 2^23 of them, so that a twentieth is met twice by chance.
  assert np.unique(values).size > 0.95 * values.size
  assert abs(np.corrcoef(values, other)[0, 1]) < 0.01
  small = [x for x in draw(jax.random.key(0)) if x.size < 100]
  small = np.concatenate([x.ravel() for x in small])
  assert np.unique(small).size == small.size


def test_the_key_alone_counts():
  for x, y in zip(draw(jax.random.key(3)), draw(jax.random.key(3)), strict=True):
    np.testing.assert_array_equal(x, y)


def test_by_itself_it_draws_with_its_own_key():
  init, key = scaled_normal(0.5), jax.random.key(1)
  draw(jax.random.key(0))  # has ended
  np.testing.assert_array_equal(
    init(key, (4,), jnp.float32), jax.random.normal(key, (4,), jnp.float32) * 0.5
  )


def test_a_network_takes_few_draws():
  def init(key):
    with few_draws(key):
      return [scaled_normal(1.0)(None, (64, 64), jnp.float32) for _ in range(30)]

  draws = str(jax.make_jaxpr(init)(jax.random.key(0))).count('random_bits')
  assert draws == 1
