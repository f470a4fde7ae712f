"""Exponential moving averages: of the generator's parameters, and of w.

Source: Progressive GAN (arXiv 1710.10196) for the averaged generator; half-life and ramp-up in
images as in the official implementation.
"""

import jax
import jax.numpy as jnp
import optax


def ema_beta(
  images_seen: jax.Array | int, batch_size: int, ema_kimg: float, rampup: float | None
) -> jax.Array:
  """β = 0.5^(batch / n), n = min(half-life, images_seen·rampup) images.

  Args:
    images_seen: images shown before this step.
    batch_size: global batch.
    ema_kimg: half-life in thousands of images.
    rampup: fraction of the images seen that bounds the half-life; None is no bound.
  """
  half_life = jnp.asarray(ema_kimg * 1000.0)
  if rampup is not None:
    half_life = jnp.minimum(half_life, images_seen * rampup)
  return jnp.exp2(-batch_size / jnp.maximum(half_life, 1e-8))


def update_ema(params, ema_params, beta: jax.Array):
  """β·ema + (1 − β)·params, leaf by leaf."""
  return jax.tree.map(
    lambda new, old: optax.incremental_update(new, old, (1 - beta).astype(old.dtype)),
    params,
    ema_params,
  )


def update_w_avg(w_avg: jax.Array, w_mean: jax.Array, beta: float) -> jax.Array:
  """w_avg ← lerp(batch mean of w, w_avg, β): [w_dim], [w_dim] -> [w_dim]."""
  return w_mean + beta * (w_avg - w_mean)
