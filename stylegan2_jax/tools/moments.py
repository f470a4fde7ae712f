"""Mean and standard deviation of more values than fit into memory, batch by batch.

Source: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
Variances" (1979): Welford's recurrence for batches. No difference of large sums is taken.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
  """Of all values so far; `mean` and `squares` have size 1 along the axes that are averaged."""

  count: jax.Array  # [], how many values each mean is of
  mean: jax.Array
  squares: jax.Array  # sums of squared distances from the mean

  @classmethod
  def empty(cls, shape: Sequence[int], dtype=jnp.float32) -> 'Moments':
    """Of nothing yet; `shape` is that of the mean."""
    return cls(jnp.zeros((), dtype), jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))

  def add(self, values: jax.Array, counted: jax.Array) -> 'Moments':
    """Those of all values so far and of a batch.

    Args:
      values: [N, ...]; averaged over N and all other axes of which `mean` has 1.
      counted: [N], 1 for the members that count and 0 for those that only fill the batch.
    """
    axes = tuple(i for i, n in enumerate(self.mean.shape) if n == 1)
    weights = counted.astype(values.dtype).reshape(-1, *(1,) * (values.ndim - 1))
    each = 1.0
    for axis in axes[1:]:
      each *= values.shape[axis]
    count = weights.sum() * each
    mean = (values * weights).sum(axes, keepdims=True) / count
    squares = ((values - mean) ** 2 * weights).sum(axes, keepdims=True)
    total, distance = self.count + count, mean - self.mean
    return Moments(
      total,
      self.mean + distance * (count / total),
      self.squares + squares + distance**2 * (self.count * count / total),
    )

  def deviation(self) -> jax.Array:
    """The standard deviation, of the values as they are (N, not N - 1), as numpy.std."""
    return jnp.sqrt(self.squares / self.count)
