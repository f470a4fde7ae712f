"""The adversarial losses: values, slopes, and no overflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax import validation
from stylegan2_jax.training.losses import (
  LOSSES,
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


def softplus(x):
  return np.log1p(np.exp(x))


@pytest.mark.parametrize(
  ('name', 'generator', 'discriminator'),
  [
    ('non_saturating', lambda f, r: softplus(-f), lambda f, r: softplus(f) + softplus(-r)),
    ('hinge', lambda f, r: -f, lambda f, r: np.maximum(0, 1 + f) + np.maximum(0, 1 - r)),
    ('wgan', lambda f, r: -f, lambda f, r: f - r),
    ('relativistic', lambda f, r: softplus(r - f), lambda f, r: softplus(f - r)),
  ],
)
def test_named_losses(name, generator, discriminator):
  fake, real = LOGITS, LOGITS[::-1] + 0.25
  loss = LOSSES[name]
  np.testing.assert_allclose(loss.discriminator(fake, real), discriminator(fake, real), rtol=1e-6)
  reals = real if loss.generator_sees_reals else None
  np.testing.assert_allclose(loss.generator(fake, reals), generator(fake, real), rtol=1e-6)
  # Better fakes are a smaller loss of G and a larger one of D.
  slope = jax.grad(lambda f: loss.generator(f, real).sum())(fake)
  assert np.all(slope < 0)
  assert np.all(jax.grad(lambda f: loss.discriminator(f, real).sum())(fake) >= 0)


def test_validation_knows_the_names():
  assert tuple(LOSSES) == validation.LOSSES
