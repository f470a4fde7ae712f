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
  group = n if group_size is None else min(group_size, n)
  if n % group:
    raise ValueError(f'minibatch_stddev: {n} samples cannot be split into groups of {group}')
  y = x.reshape(group, n // group, h, w, num_features, c // num_features)
  y = y - y.mean(axis=0, keepdims=True)
  y = jnp.sqrt(jnp.square(y).mean(axis=0) + 1e-8)  # [N/G, H, W, F, C/F]
  y = y.mean(axis=(1, 2, 4))  # [N/G, F]
  y = jnp.tile(y[:, None, None, :], (group, h, w, 1))  # [N, H, W, F]
  return jnp.concatenate([x, y.astype(x.dtype)], axis=3)
