"""Minibatch standard deviation (Progressive GAN, arXiv 1710.10196, section 3)."""

import jax
import jax.numpy as jnp


def minibatch_stddev(x: jax.Array, group_size: int | None, num_features: int = 1) -> jax.Array:
  """Appends to each sample how much its group varies.

  Members of a group are strided, not adjacent: sample n belongs to group n mod (N / G).

  Args:
    x: [N, H, W, C].
    group_size: samples in a group; None or more than N means the whole batch.
    num_features: into how many groups of channels the statistic is split; divides C.

  Returns:
    [N, H, W, C + num_features].

  Raises:
    ValueError: N is no multiple of the group size.
  """
  n, h, w, c = x.shape
  group = group_members(n, group_size)
  y = x.reshape(group, n // group, h, w, num_features, c // num_features)
  y = y - y.mean(axis=0, keepdims=True)
  y = jnp.sqrt(jnp.square(y).mean(axis=0) + 1e-8)  # [N/G, H, W, F, C/F]
  y = y.mean(axis=(1, 2, 4))  # [N/G, F]
  y = jnp.tile(y[:, None, None, :], (group, h, w, 1))  # [N, H, W, F]
  return jnp.concatenate([x, y.astype(x.dtype)], axis=3)


def group_members(n: int, group_size: int | None) -> int:
  """Samples in a group of a batch of n.

  Raises:
    ValueError: n is no multiple of that.
  """
  group = n if group_size is None else min(group_size, n)
  if n % group:
    raise ValueError(f'minibatch_stddev: {n} samples cannot be split into groups of {group}')
  return group


def join_batches(x: jax.Array, y: jax.Array, group: int) -> jax.Array:
  """Two batches [N, ...] as one [2N, ...], in an order in which no group has members of both.

  What a network with `minibatch_stddev` in groups of `group` (members as `group_members` says)
  makes of each sample then is what it makes of it in its own batch.
  """
  pair = [batch.reshape(group, -1, *batch.shape[1:]) for batch in (x, y)]  # [G, N/G, ...]
  return jnp.concatenate(pair, axis=1).reshape(-1, *x.shape[1:])


def split_batches(joined: jax.Array, group: int) -> tuple[jax.Array, jax.Array]:
  """The inverse of `join_batches`: [2N, ...] -> [N, ...], [N, ...]."""
  pair = jnp.split(joined.reshape(group, -1, *joined.shape[1:]), 2, axis=1)
  x, y = (part.reshape(-1, *joined.shape[1:]) for part in pair)
  return x, y
