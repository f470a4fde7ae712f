"""Streamed moments are those of NumPy over everything at once."""

import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.tools.moments import Moments


@pytest.mark.parametrize('shape', [(1, 3, 4, 2), (1, 1, 1, 2)])
@pytest.mark.parametrize('batch', [1, 3, 7, 16])
def test_numpy(shape, batch):
  """Also where the spread is a thousandth of the mean, which a difference of sums would lose."""
  values = 1000 + np.random.default_rng(0).standard_normal((16, 3, 4, 2))
  moments = Moments.empty(shape)
  for start in range(0, 16, batch):
    numbers = np.arange(start, start + batch)
    chosen = jnp.asarray(values[numbers % 16], jnp.float32)
    moments = moments.add(chosen, jnp.asarray(numbers < 16))
  axes = tuple(i for i, n in enumerate(shape) if n == 1)
  exact = values.astype(np.float32).astype(np.float64)
  np.testing.assert_allclose(moments.mean, exact.mean(axes, keepdims=True), rtol=1e-6)
  np.testing.assert_allclose(moments.deviation(), exact.std(axes, keepdims=True), rtol=1e-3)
  assert moments.count == values.size / np.prod(shape)
