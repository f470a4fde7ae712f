"""Counting and naming numbers that are not finite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training import nonfinite

NAN, INF = float('nan'), float('inf')


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16, jnp.float16])
def test_counts(dtype):
  tree = {
    'b': {'y': jnp.array([[NAN, INF], [-INF, 0.0]], dtype), 'x': jnp.ones((3, 3), dtype)},
    'a': jnp.array(INF, dtype),
  }
  counts = jax.jit(nonfinite.count_each)(tree)
  assert (counts.tolist(), counts.dtype.name) == ([1, 0, 3], 'int32')
  assert nonfinite.leaf_names(tree) == ['a', 'b.x', 'b.y']


def test_counts_of_leaves_of_all_sizes():
  """Small ones are counted in rows that are laid end to end, large ones by themselves."""
  rng = np.random.default_rng(0)
  shapes = [(), (1,), (511,), (512,), (513,), (0,), (40_000,), (200, 201), (3, 3, 64, 64), (7, 9)]
  leaves = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
  for x in leaves[1:]:  # also the ends of rows
    wrong = rng.random(x.shape) < 0.1
    x[wrong] = rng.choice([NAN, INF, -INF], wrong.sum())
    x.reshape(-1)[-1:] = NAN
  expected = [int((~np.isfinite(x)).sum()) for x in leaves]
  assert jax.jit(nonfinite.count_each)(leaves).tolist() == expected
  assert nonfinite.count_each(leaves[7:8]).tolist() == expected[7:8]


def test_large_numbers_are_finite():
  assert nonfinite.count_each([jnp.array([3.4e38, -3.4e38, 1e-45])]).tolist() == [0]


def test_nothing_to_count():
  assert nonfinite.count_each({}).shape == (0,)


def test_counts_stay_int32_in_double_precision(x64):
  assert nonfinite.count_each([jnp.array([NAN, 1.0])]).dtype == jnp.int32


@pytest.mark.parametrize('bad', [False, True])
def test_keep_where(bad):
  before = {'a': jnp.array([-0.0, NAN]), 'n': jnp.int32(3)}
  after = {'a': jnp.array([1.0, 2.0]), 'n': jnp.int32(4)}
  kept = jax.jit(nonfinite.keep_where)(jnp.bool_(bad), before, after)
  expected = before if bad else after
  assert np.asarray(kept['a']).tobytes() == np.asarray(expected['a']).tobytes()
  assert (kept['n'], kept['n'].dtype) == (expected['n'], jnp.int32)


def test_bad_leaves():
  good = np.ones(3, np.float32)
  halves = np.asarray(jnp.array([1, INF], jnp.bfloat16))
  tree = {'c': {'w': good * NAN, 'h': halves}, 'a': good, 'n': np.array(7), 'k': good * INF}
  assert nonfinite.bad_leaves(tree) == ['c.h', 'c.w', 'k']
