"""Weight modulation and demodulation (StyleGAN2, arXiv 1912.04958, section 2.2, equations 1-3)."""

import jax
import jax.numpy as jnp

from stylegan2_jax.ops.conv import conv2d, upsample_conv2d


def modulated_conv2d(
  x: jax.Array, weight: jax.Array, styles: jax.Array, demodulate: bool = True, up: int = 1
) -> jax.Array:
  """Convolution whose kernel is scaled per sample by the styles, then normalised.

  The paper scales the weights, w'_ijk = s_i·w_ijk, and divides each output feature by
  √(Σ_ik w'_ijk² + 1e-8). Scaling instead the activations by s before one shared convolution, and
  its output by the same factor after it, is identical and needs no kernel per sample.

  Args:
    x: activations [N, H, W, C_in]; its dtype is the one computed in.
    weight: [k, k, C_in, C_out], odd k, used as it is (no equalized-learning-rate gain).
    styles: [N, C_in].
    demodulate: whether to normalise.
    up: 1, or 2 for the transposed convolution with resample filter.

  Returns:
    [N, up·H, up·W, C_out] in the dtype of x.
  """
  if x.dtype == jnp.float16 and demodulate:
    # Demodulation cancels both scales; without them the sums overflow in float16.
    fan_in = weight.shape[0] * weight.shape[1] * weight.shape[2]
    weight = weight / (
      jnp.abs(weight).max(axis=(0, 1, 2), keepdims=True) * fan_in**0.5
    )  # [k, k, C_in, C_out]
    styles = styles / jnp.abs(styles).max(axis=1, keepdims=True)  # [N, C_in]
  y = x * styles[:, None, None, :].astype(x.dtype)  # [N, H, W, C_in]
  kernel = weight.astype(x.dtype)
  y = upsample_conv2d(y, kernel) if up == 2 else conv2d(y, kernel, padding=weight.shape[0] // 2)
  if demodulate:
    d = demodulation(weight, styles)  # [N, C_out]
    y = y * d[:, None, None, :].astype(x.dtype)  # [N, up·H, up·W, C_out]
  return y


def demodulation(weight: jax.Array, styles: jax.Array) -> jax.Array:
  """1 / √(Σ (s_i·w_ijk)² + 1e-8): [k, k, C_in, C_out], [N, C_in] -> [N, C_out]."""
  return jax.lax.rsqrt(jnp.square(styles) @ jnp.square(weight).sum(axis=(0, 1)) + 1e-8)
