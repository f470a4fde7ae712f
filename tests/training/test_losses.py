"""The adversarial losses: values, slopes, and no overflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training.losses import (
  discriminator_fake_loss,
  discriminator_real_loss,
  generator_loss,
)

LOGITS = np.array([[-3.0], [-0.5], [0.0], [2.0]], np.float32)


@pytest.mark.parametrize(
  ('loss', 'sign'),
  [(generator_loss, -1), (discriminator_fake_loss, 1), (discriminator_real_loss, -1)],
)
def test_values_and_slopes(loss, sign):
  np.testing.assert_allclose(loss(LOGITS), np.log1p(np.exp(sign * LOGITS)), rtol=1e-6)
  slopes = jax.grad(lambda x: loss(x).sum())(LOGITS)
  np.testing.assert_allclose(slopes, sign / (1 + np.exp(-sign * LOGITS)), rtol=1e-6)
  far = jnp.array([[-1e4], [1e4]])
  np.testing.assert_array_equal(loss(far), np.maximum(sign * far, 0))
  assert np.isfinite(jax.grad(lambda x: loss(x).sum())(far)).all()
