"""Path lengths of G and gradients of D (R1, R2, WGAN-GP), penalized.

Each loss is a scalar whose value and gradient are both exact.

Both penalize the size of a derivative, so their gradient is a second derivative. With v the inner
derivative, computed once and held constant, and u = ∂loss/∂v, the chain rule gives
∂loss/∂θ = ∂⟨u, v(θ)⟩/∂θ, and ⟨u, v(θ)⟩ is a directional derivative, one `jax.jvp`. Differentiating
that (reverse over forward) costs less time and memory than reverse over reverse. The scalar so
differentiated is not the penalty; `_with_value` puts the penalty's value in its place.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Params = Any
Discriminate = Callable[[Params, jax.Array], jax.Array]


class PathLength(NamedTuple):
  """Result of `path_length_loss`; the fields but `loss` carry no gradient."""

  loss: jax.Array  # [], weight·mean((lengths − mean)²)
  lengths: jax.Array  # [N]
  mean: jax.Array  # [], the moving mean after this batch


def path_length_loss(
  synthesize: Callable[[Params, jax.Array], jax.Array],
  params: Params,
  ws: jax.Array,
  noise: jax.Array,
  old_mean: jax.Array,
  decay: float,
  weight: float,
) -> PathLength:
  """weight·(‖Jᵀy‖ − a)², averaged over the batch (StyleGAN2, arXiv 1912.04958, equation 4).

  The moving mean a is updated with this batch's lengths before use and not detached, as in the
  official implementation: its share in the gradient is kept.

  Args:
    synthesize: (params, ws [N, L, w_dim]) -> images [N, H, W, C].
    params: of the generator.
    ws: after style mixing; gradients flow through them into the mapping network.
    noise: N(0, 1), [N, H, W, C]; y is this divided by √(H·W).
    old_mean: [], a before this batch.
    decay: a ← a + decay·(mean(lengths) − a).
    weight: of the penalty.
  """
  y = noise / (noise.shape[1] * noise.shape[2]) ** 0.5
  frozen = jax.lax.stop_gradient(params)
  img, pullback = jax.vjp(lambda w: synthesize(frozen, w), jax.lax.stop_gradient(ws))
  (v,) = pullback(y.astype(img.dtype))  # Jᵀy, [N, L, w_dim]
  lengths = jnp.sqrt(jnp.square(v).sum(axis=2).mean(axis=1))  # [N]

  def penalty(lengths):
    mean = old_mean + decay * (lengths.mean() - old_mean)
    return weight * jnp.square(lengths - mean).mean(), mean

  slope, mean = jax.grad(penalty, has_aux=True)(lengths)  # ∂loss/∂lengths, [N]
  # ∂length/∂v = v / (L·length); a length of exactly 0 has no direction.
  scale = jnp.where(lengths > 0, slope / (ws.shape[1] * jnp.where(lengths > 0, lengths, 1)), 0)
  u = v * scale[:, None, None]
  _, derivative = jax.jvp(lambda w: synthesize(params, w), (ws,), (u.astype(ws.dtype),))  # J·u
  surrogate = (y * derivative).sum()
  return PathLength(_with_value(penalty(lengths)[0], surrogate), lengths, mean)


class GradientPenalty(NamedTuple):
  """Result of the penalties on D's gradient; the fields but `loss` carry no gradient."""

  loss: jax.Array  # []
  squared: jax.Array  # [N], squared norms of the gradient
  logits: jax.Array  # [N, 1], of the images


def r1_loss(discriminate: Discriminate, params: Params, img: jax.Array, gamma: float):
  """γ/2·‖∇ₓD(x)‖², averaged over the batch (Mescheder et al., arXiv 1801.04406, equation 9).

  Of real images it is R1, of fakes R2.

  Args:
    discriminate: (params, images [N, H, W, C]) -> logits [N, 1].
    params: of the discriminator.
    img: the gradient is taken at these, before any augmentation.
    gamma: γ.

  Returns:
    GradientPenalty, whose squared norms are without γ/2.
  """
  return _penalty(discriminate, params, img, lambda squared: gamma / 2 * squared.mean())


def interpolation_loss(
  discriminate: Discriminate, params: Params, img: jax.Array, weight: float
) -> GradientPenalty:
  """weight·(‖∇ₓD(x)‖ − 1)², averaged over the batch (WGAN-GP, arXiv 1704.00028, equation 3).

  Arguments and result as `r1_loss`; `img` are the paper's random points between reals and fakes.
  """

  def penalty(squared):
    positive = squared > 0  # a gradient of exactly 0 has no direction
    norms = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)
    return weight * jnp.square(norms - 1).mean()

  return _penalty(discriminate, params, img, penalty)


def interpolate(fake: jax.Array, real: jax.Array, share: jax.Array) -> jax.Array:
  """real + share·(fake − real): [N, H, W, C], [N, H, W, C], [N] in [0, 1]."""
  return real + share[:, None, None, None] * (fake - real)


def _penalty(discriminate, params, img, penalty):
  """GradientPenalty of a function of the squared gradient norms [N]."""
  frozen = jax.lax.stop_gradient(params)

  def total(x):
    logits = discriminate(frozen, x)
    return logits.sum(), logits

  gradient, logits = jax.grad(total, has_aux=True)(img)  # [N, H, W, C], [N, 1]
  squared = jnp.square(gradient).sum(axis=(1, 2, 3))  # [N]
  loss, slope = jax.value_and_grad(penalty)(squared)
  u = gradient * (2 * slope)[:, None, None, None]  # ∂loss/∂gradient
  _, surrogate = jax.jvp(lambda x: discriminate(params, x).sum(), (img,), (u,))
  return GradientPenalty(_with_value(loss, surrogate), squared, logits)


def _with_value(value: jax.Array, surrogate: jax.Array) -> jax.Array:
  """A scalar with the value of one and the gradient of the other."""
  return jax.lax.stop_gradient(value - surrogate) + surrogate
