"""Adversarial losses: logits in, one number per sample out.

Source: the non-saturating logistic loss of Goodfellow et al. (arXiv 1406.2661), as StyleGAN2 uses
it: softplus(x) = log(1 + exp x).
"""

import jax


def generator_loss(fake_logits: jax.Array) -> jax.Array:
  """softplus(−D(fake)): [N, 1] -> [N, 1]."""
  return jax.nn.softplus(-fake_logits)


def discriminator_fake_loss(fake_logits: jax.Array) -> jax.Array:
  """softplus(D(fake)): [N, 1] -> [N, 1]."""
  return jax.nn.softplus(fake_logits)


def discriminator_real_loss(real_logits: jax.Array) -> jax.Array:
  """softplus(−D(real)): [N, 1] -> [N, 1]."""
  return jax.nn.softplus(-real_logits)
