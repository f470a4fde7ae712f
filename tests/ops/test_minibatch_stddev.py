"""Minibatch standard deviation against loops over groups and samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.ops.minibatch_stddev import (
  group_members,
  join_batches,
  minibatch_stddev,
  split_batches,
)


def by_loops(x, group, num_features):
  """Sample n compares with n ± N/G, n ± 2·N/G, …"""
  n, h, w, c = x.shape
  stride, width = n // group, c // num_features
  extra = np.zeros((n, h, w, num_features))
  for i in range(n):
    members = x[i % stride :: stride]
    assert len(members) == group
    for f in range(num_features):
      piece = members[..., f * width : (f + 1) * width]
      extra[i, :, :, f] = np.sqrt(piece.var(axis=0) + 1e-8).mean()
  return np.concatenate([x, extra], axis=3)


@pytest.mark.parametrize(
  ('group_size', 'num_features', 'group'),
  [(2, 1, 2), (4, 1, 4), (3, 1, 3), (4, 2, 4), (None, 3, 12), (99, 1, 12), (1, 1, 1)],
)
def test_values(group_size, num_features, group, x64):
  x = (
    np.random.default_rng(0).standard_normal((12, 2, 3, 6)) * np.arange(1, 13)[:, None, None, None]
  )
  y = minibatch_stddev(x, group_size, num_features)
  np.testing.assert_allclose(y, by_loops(x, group, num_features), rtol=1e-12)


def test_groups_are_strided():
  """Of four samples in pairs, 0 goes with 2 and 1 with 3."""
  x = jnp.asarray([0.0, 5.0, 0.0, 7.0])[:, None, None, None]
  y = minibatch_stddev(x, 2)[:, 0, 0, 1]
  np.testing.assert_allclose(y, [1e-4, 1, 1e-4, 1], rtol=1e-5)


def test_equal_samples_have_a_finite_gradient():
  """The square root has none at 0, hence the 1e-8 under it."""
  gradient = jax.grad(lambda x: minibatch_stddev(x, 4).sum())(jnp.ones((4, 2, 2, 3)))
  np.testing.assert_array_equal(gradient, np.ones((4, 2, 2, 3)))


def test_a_group_that_does_not_divide():
  with pytest.raises(ValueError, match='6 samples cannot be split into groups of 4'):
    minibatch_stddev(jnp.zeros((6, 4, 4, 2)), 4)


@pytest.mark.parametrize('group_size', [1, 2, 3, 6, None])
def test_batches_that_go_together(group_size, x64):
  """Each sample has the statistics of its own batch, and comes out where it was."""
  rng = np.random.default_rng(1)
  x, y = rng.standard_normal((6, 2, 3, 4)), 1 + 5 * rng.standard_normal((6, 2, 3, 4))
  group = group_members(6, group_size)
  both = split_batches(minibatch_stddev(join_batches(x, y, group), group), group)
  for found, alone in zip(both, (x, y), strict=True):
    np.testing.assert_allclose(found, minibatch_stddev(alone, group_size), rtol=1e-12)
