"""Adversarial losses: logits in, one number per sample out. `LOSSES` has them by name.

f are the logits of fakes and r those of reals, [N, 1] each; softplus(x) = log(1 + exp x).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax


class Loss(NamedTuple):
  """An adversarial loss; both functions take (f, r), [N, 1] each, and give [N, 1]."""

  generator: Callable[[jax.Array, jax.Array | None], jax.Array]
  discriminator: Callable[[jax.Array, jax.Array], jax.Array]
  generator_sees_reals: bool = False  # else r may be None there


def generator_loss(fake_logits: jax.Array) -> jax.Array:
  """softplus(−f): the non-saturating loss of G (Goodfellow et al., arXiv 1406.2661)."""
  return jax.nn.softplus(-fake_logits)


def discriminator_fake_loss(fake_logits: jax.Array) -> jax.Array:
  """softplus(f): the logistic loss of D on fakes."""
  return jax.nn.softplus(fake_logits)


def discriminator_real_loss(real_logits: jax.Array) -> jax.Array:
  """softplus(−r): the logistic loss of D on reals."""
  return jax.nn.softplus(-real_logits)


def _non_saturating() -> Loss:
  """G: softplus(−f). D: softplus(f) + softplus(−r). As StyleGAN2 uses it."""
  return Loss(
    lambda f, r: generator_loss(f),
    lambda f, r: discriminator_fake_loss(f) + discriminator_real_loss(r),
  )


def _hinge() -> Loss:
  """G: −f. D: max(0, 1 + f) + max(0, 1 − r) (Lim and Ye, arXiv 1705.02894, as in BigGAN)."""
  return Loss(lambda f, r: -f, lambda f, r: jax.nn.relu(1 + f) + jax.nn.relu(1 - r))


def _wgan() -> Loss:
  """G: −f. D: f − r (Arjovsky et al., arXiv 1701.07875). Wants train.gp_weight (WGAN-GP)."""
  return Loss(lambda f, r: -f, lambda f, r: f - r)


def _relativistic() -> Loss:
  """G: softplus(r − f). D: softplus(f − r), in pairs of a fake and a real.

  Jolicoeur-Martineau (arXiv 1807.00734); converges with R1 and R2 (R3GAN, arXiv 2501.05441).
  """
  return Loss(lambda f, r: jax.nn.softplus(r - f), lambda f, r: jax.nn.softplus(f - r), True)


LOSSES: Mapping[str, Loss] = {
  'non_saturating': _non_saturating(),
  'hinge': _hinge(),
  'wgan': _wgan(),
  'relativistic': _relativistic(),
}
