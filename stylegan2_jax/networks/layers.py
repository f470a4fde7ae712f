"""Dense and convolution layers with equalized learning rate, and what a block looks like.

Resolutions are nominal ones (geometry.py): those of the papers' squares.

Source: equalized learning rate, Progressive GAN (arXiv 1710.10196), section 4.1: weights are stored
as N(0, 1) divided by the learning-rate multiplier and scaled at run time. Layers that are not
`equalized` store what they compute with: the same function at the start, but Adam, whose steps are
of one size for all stored numbers, moves it √fan_in / multiplier times as fast.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from stylegan2_jax.networks.initial_weights import scaled_normal
from stylegan2_jax.ops.activations import bias_act
from stylegan2_jax.ops.conv import conv2d, downsample_conv2d, upsample_conv2d


def num_channels(resolution: int, channel_base: int, channel_max: int) -> int:
  """Feature maps at a resolution: min(channel_base // resolution, channel_max)."""
  return min(channel_base // resolution, channel_max)


def reduced_from(resolution: int, num_reduced: int) -> int:
  """The lowest resolution of the `num_reduced` highest ones, never below 8."""
  return max(2 * resolution >> num_reduced, 8)


def weight_scales(fan_in: int, equalized: bool, lr_multiplier: float = 1.0) -> tuple[float, float]:
  """(standard deviation of fresh stored weights, gain at run time): their product is 1/√fan_in.

  >>> weight_scales(4, True, 0.01), weight_scales(4, False, 0.01)
  ((100.0, 0.005), (0.5, 1.0))
  """
  if equalized:
    return 1 / lr_multiplier, lr_multiplier / fan_in**0.5
  return 1 / fan_in**0.5, 1.0


class Dense(nn.Module):
  """act(x·W·m/√fan_in + bias·m); W is stored as N(0, 1)/m, m the learning-rate multiplier.

  Not equalized: act(x·W + bias); W is stored as N(0, 1/fan_in). The bias starts at bias_init·m.
  [N, C_in] -> [N, features]. Parameters: weight [C_in, features], bias [features].
  """

  features: int
  activation: str = 'linear'
  lr_multiplier: float = 1.0
  bias_init: float = 0.0
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    m, fan_in, bias_init = self.lr_multiplier, x.shape[-1], self.bias_init
    stddev, gain = weight_scales(fan_in, self.equalized, m)
    if not self.equalized:
      m, bias_init = 1.0, bias_init * m
    shape = (fan_in, self.features)
    weight = self.param('weight', scaled_normal(stddev), shape, self.param_dtype)
    bias = self.param(
      'bias', nn.initializers.constant(bias_init), (self.features,), self.param_dtype
    )
    # The gain scales the product, which is smaller than the weight and fuses with the bias.
    y = (x.astype(self.dtype) @ weight.astype(self.dtype)) * gain
    return bias_act(y, bias * m if m != 1 else bias, self.activation)  # [N, features]


class Conv(nn.Module):
  """act(conv(x, W/√(C_in·k²)) + bias)·gain, at the same, twice or half the resolution.

  Not equalized: act(conv(x, W) + bias)·gain; W is stored as N(0, 1/(C_in·k²)).
  [N, H, W, C_in] -> [N, H·up/down, W·up/down, features].
  Parameters: weight [k, k, C_in, features], bias [features] if `use_bias`.
  """

  features: int
  kernel_size: int
  activation: str = 'lrelu'
  use_bias: bool = True
  up: int = 1
  down: int = 1
  gain: float = 1.0
  clamp: float | None = None
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    k, fan_in = self.kernel_size, x.shape[-1] * self.kernel_size**2
    shape = (k, k, x.shape[-1], self.features)
    stddev, weight_gain = weight_scales(fan_in, self.equalized)
    weight = self.param('weight', scaled_normal(stddev), shape, self.param_dtype)
    weight = (weight * weight_gain).astype(self.dtype)
    x = x.astype(self.dtype)
    if self.up == 2:
      y = upsample_conv2d(x, weight)
    elif self.down == 2:
      y = downsample_conv2d(x, weight)
    else:
      y = conv2d(x, weight, padding=k // 2)
    bias = None
    if self.use_bias:
      bias = self.param('bias', nn.initializers.zeros, (self.features,), self.param_dtype)
    return bias_act(y, bias, self.activation, self.gain, self.clamp)
