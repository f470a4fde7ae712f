"""Weight modulation and demodulation (StyleGAN2, arXiv 1912.04958, section 2.2, equations 1-3).

And what demodulation replaced, to study it: normalisation of the feature maps themselves.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from stylegan2_jax.ops.conv import conv2d, upsample_conv2d
from stylegan2_jax.ops.linear_map import linear_map
from stylegan2_jax.ops.spread import spread


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
    weight, styles = _bounded(weight, styles)  # demodulation cancels both scales
  y = x * spread(styles[:, None, None, :], x)  # [N, H, W, C_in]
  kernel = weight.astype(x.dtype)
  y = upsample_conv2d(y, kernel) if up == 2 else conv2d(y, kernel, padding=weight.shape[0] // 2)
  if demodulate:
    d = demodulation(weight, styles)  # [N, C_out]
    y = y * spread(d[:, None, None, :], y)  # [N, up·H, up·W, C_out]
  return y


def demodulation(weight: jax.Array, styles: jax.Array) -> jax.Array:
  """1 / √(Σ (s_i·w_ijk)² + 1e-8): [k, k, C_in, C_out], [N, C_in] -> [N, C_out]."""
  squares = jnp.square(weight).reshape(1, -1, *weight.shape[2:])  # [1, k·k, C_in, C_out]
  k2 = squares.shape[1]
  power = linear_map(_SumTaps(k2), _RepeatTaps(k2), squares)[0]  # [C_in, C_out]
  return jax.lax.rsqrt(jnp.square(styles) @ power + 1e-8)


@dataclasses.dataclass(frozen=True)
class _SumTaps:
  """[N, k·k, C_in, C_out] -> [N, C_in, C_out], tap by tap in one pass.

  XLA's reduction over outer axes is many times slower on a CPU.
  """

  k2: int

  def __call__(self, taps: jax.Array) -> jax.Array:
    return functools.reduce(jnp.add, (taps[:, i] for i in range(self.k2)))


@dataclasses.dataclass(frozen=True)
class _RepeatTaps:
  """Transpose of `_SumTaps`.

  Derived by JAX it would be a sum of k·k arrays, each all zeros but for one tap.
  """

  k2: int

  def __call__(self, power: jax.Array) -> jax.Array:
    n, c_in, c_out = power.shape
    return jnp.broadcast_to(power[:, None], (n, self.k2, c_in, c_out))


def instance_modulated_conv2d(
  x: jax.Array, weight: jax.Array, styles: jax.Array, up: int = 1
) -> jax.Array:
  """Modulated convolution whose output is normalised by `normalize_instance`, not its kernel.

  StyleGAN2, figure 2c. Arguments and result as `modulated_conv2d`; the scale of the weight of an
  output channel, and of the styles of a sample, have no effect but through the 1e-8 of the
  normalisation.
  """
  if x.dtype == jnp.float16:
    weight, styles = _bounded(weight, styles)
  return normalize_instance(modulated_conv2d(x, weight, styles, False, up))


def normalize_instance(x: jax.Array) -> jax.Array:
  """x / √(mean over the pixels of x² + 1e-8): every feature map of every sample has RMS 1.

  Instance normalisation with nothing subtracted: the paper finds the mean not needed and divides by
  the standard deviation alone (section 2.1, figure 2c). Here it is the root mean square, mean
  included. Demodulation predicts just that from the weights (equation 3, for independent inputs of
  zero mean and unit variance), so that one is the measured and the other the expected size; and no
  result exceeds √(H·W), whereas a nearly constant map over its standard deviation has no bound.
  A spike that dominates the statistic makes all else in its map small: that is how the droplets of
  section 2 let G pass the size of a signal through the normalisation.

  Args:
    x: [N, H, W, C]; squares are summed in float32 at least.

  Returns:
    [N, H, W, C] in the dtype of x.
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  scale = jax.lax.rsqrt(jnp.square(wide).mean(axis=(1, 2), keepdims=True) + 1e-8)  # [N, 1, 1, C]
  return (wide * scale).astype(x.dtype)


def _bounded(weight: jax.Array, styles: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Both scaled so that the sums of a convolution stay in the range of float16.

  For what a normalisation follows, which cancels the scales: one of each output channel of the
  weight [k, k, C_in, C_out], and one of each sample of the styles [N, C_in]. So they are constants
  to all derivatives. The derivative of a maximum would also ask which entry equals it, and a
  compiler that computes that entry twice, rounded in two ways, finds none and divides by zero.
  """
  fan_in = weight.shape[0] * weight.shape[1] * weight.shape[2]
  sizes = jnp.abs(jax.lax.stop_gradient(weight)), jnp.abs(jax.lax.stop_gradient(styles))
  weight = weight / (sizes[0].max(axis=(0, 1, 2), keepdims=True) * fan_in**0.5)
  return weight, styles / sizes[1].max(axis=1, keepdims=True)
