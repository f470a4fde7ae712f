"""Bias, activation, gain and clamp in one pass; second-moment normalisation."""

import jax
import jax.numpy as jnp

from stylegan2_jax.ops.spread import spread

LRELU_SLOPE = 0.2
LRELU_GAIN = 2**0.5


def bias_act(
  x: jax.Array,
  bias: jax.Array | None = None,
  activation: str = 'lrelu',
  gain: float = 1.0,
  clamp: float | None = None,
) -> jax.Array:
  """clip(act(x + bias)·gain_act·gain, ±clamp·gain), gain_act = √2 for lrelu and 1 for linear.

  The slope at exactly 0 is the negative side's, as in the official implementation.

  Args:
    x: [..., C].
    bias: [C] or None.
    activation: 'lrelu' (slope 0.2) or 'linear'.
    gain: further scale, which the clamp follows.
    clamp: largest magnitude before `gain`, or None.

  Returns:
    [..., C] in the dtype of x.
  """
  if bias is not None:
    x = x + spread(jnp.reshape(bias, (1,) * (x.ndim - 1) + bias.shape), x)
  if activation == 'lrelu':
    x = jnp.where(x > 0, x, x * LRELU_SLOPE)
    scale = LRELU_GAIN * gain
  elif activation == 'linear':
    scale = gain
  else:
    raise ValueError(f"activation {activation!r}: use 'lrelu' or 'linear'")
  if scale != 1:
    x = x * scale
  if clamp is not None:
    x = jnp.clip(x, -clamp * gain, clamp * gain)
  return x


def normalize_second_moment(x: jax.Array) -> jax.Array:
  """x·rsqrt(mean(x²) + 1e-8) over the last axis (StyleGAN, arXiv 1812.04948): [N, C] -> [N, C]."""
  return x * jax.lax.rsqrt(jnp.square(x).mean(axis=-1, keepdims=True) + 1e-8)
