"""The synthesis network g: W -> images, in its three architectures.

Source: StyleGAN2 (arXiv 1912.04958), section 2 (layers) and section 4.1 and figure 7 (`orig`,
`skip`, `resnet`). Per layer: modulated convolution, + noise·strength, + bias, leaky ReLU·√2,
clamp. `demodulation` says what normalises the convolutions: the 'weights' (StyleGAN2, figure 2d),
the 'instance' (figure 2c: each feature map by its own size), or 'none': then the kernels have the
gain of equalized learning rate, but the styles, 1 + N(0, 1) at first, still double the power of a
signal from layer to layer.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from stylegan2_jax.geometry import Size, block_resolutions, nominal_resolution, size_at
from stylegan2_jax.networks.initial_weights import scaled_normal
from stylegan2_jax.networks.layers import (
  Conv,
  Dense,
  num_channels,
  reduced_from,
  weight_scales,
)
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.ops.activations import bias_act
from stylegan2_jax.ops.fir import upsample2d
from stylegan2_jax.ops.modulated_conv import instance_modulated_conv2d, modulated_conv2d
from stylegan2_jax.ops.spread import spread

RESIDUAL_GAIN = 0.5**0.5


class SynthesisLayer(nn.Module):
  """Modulated 3×3 convolution with noise, unless `use_noise` is off: then noise is ignored.

  x [N, H, W, C_in], w [N, w_dim] -> [N, up·H, up·W, features].
  """

  features: int
  up: int = 1
  gain: float = 1.0
  clamp: float | None = None
  use_noise: bool = True
  demodulation: str = 'weights'
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32
  full_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, w: jax.Array, noise: jax.Array | None) -> jax.Array:
    """noise: [N, H', W'] per sample, [H', W'] shared, or None, at the output's size."""
    c_in = x.shape[-1]
    styles = _affine(self, c_in)(w)
    stddev, weight_gain = weight_scales(9 * c_in, self.equalized)
    shape = (3, 3, c_in, self.features)
    weight = self.param('weight', scaled_normal(stddev), shape, self.param_dtype)
    if self.use_noise:
      strength = self.param('noise_strength', nn.initializers.zeros, (), self.param_dtype)
    bias = self.param('bias', nn.initializers.zeros, (self.features,), self.param_dtype)
    x = x.astype(self.dtype)
    if self.demodulation == 'weights':  # cancels any gain
      x = modulated_conv2d(x, weight, styles, up=self.up)
    elif self.demodulation == 'instance':
      x = instance_modulated_conv2d(x, weight, styles * weight_gain, self.up)
    else:
      x = modulated_conv2d(x, weight, styles * weight_gain, False, self.up)
    if self.use_noise and noise is not None:
      maps = noise if noise.ndim == 3 else noise[None]  # [N or 1, H', W']
      x = x + spread((maps * strength)[..., None], x)
    return bias_act(x, bias, gain=self.gain, clamp=self.clamp)  # [N, H', W', features]


def _affine(layer: nn.Module, features: int) -> Dense:
  """A submodule of `layer`: w [N, w_dim] -> styles [N, features], around 1 at first."""
  return Dense(
    features,
    bias_init=1.0,
    equalized=layer.equalized,
    dtype=layer.full_dtype,
    param_dtype=layer.param_dtype,
    name='affine',
  )


class ToRGB(nn.Module):
  """1×1 modulated convolution without demodulation: [N, H, W, C] -> [N, H, W, channels]."""

  channels: int
  clamp: float | None = None
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32
  full_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, w: jax.Array) -> jax.Array:
    c_in = x.shape[-1]
    styles = _affine(self, c_in)(w)
    stddev, _ = weight_scales(c_in, self.equalized)
    shape = (1, 1, c_in, self.channels)
    weight = self.param('weight', scaled_normal(stddev), shape, self.param_dtype)
    bias = self.param('bias', nn.initializers.zeros, (self.channels,), self.param_dtype)
    if self.equalized:
      styles = styles / c_in**0.5
    x = modulated_conv2d(x.astype(self.dtype), weight, styles, demodulate=False)
    return bias_act(x, bias, 'linear', clamp=self.clamp)


class SynthesisBlock(nn.Module):
  """One resolution: (constant or conv0 at twice the size), conv1, and the way to RGB.

  x [N, H/2, W/2, C_in] (None at first), img [N, H/2, W/2, channels] or None, ws [N, 2 or 3, w_dim]:
  one w per convolution, then ToRGB's -> (x [N, H, W, features], img [N, H, W, channels] or None).
  """

  size: Size
  features: int
  channels: int
  architecture: str
  is_last: bool
  clamp: float | None = None
  use_noise: bool = True
  demodulation: str = 'weights'
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32
  full_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x, img, ws, noise):
    form = {'equalized': self.equalized, 'dtype': self.dtype, 'param_dtype': self.param_dtype}
    rgb_layer = {**form, 'full_dtype': self.full_dtype, 'clamp': self.clamp}
    layer = {**rgb_layer, 'use_noise': self.use_noise, 'demodulation': self.demodulation}
    resnet = self.architecture == 'resnet'
    ws = list(ws.transpose(1, 0, 2))  # each [N, w_dim]
    if x is None:
      shape = (*self.size, self.features)
      const = self.param('const', scaled_normal(1.0), shape, self.param_dtype)
      x = jnp.broadcast_to(const.astype(self.dtype), (ws[0].shape[0], *shape))
      x = SynthesisLayer(self.features, name='conv1', **layer)(x, ws.pop(0), noise.get('conv1'))
    else:
      skip = None
      if resnet:
        skip = Conv(
          self.features,
          1,
          'linear',
          use_bias=False,
          up=2,
          gain=RESIDUAL_GAIN,
          name='skip',
          **form,
        )(x)
      x = SynthesisLayer(self.features, up=2, name='conv0', **layer)(
        x, ws.pop(0), noise.get('conv0')
      )
      # The residual sum is scaled by √½; conv1's clamp follows its share of that gain.
      x = SynthesisLayer(
        self.features, gain=RESIDUAL_GAIN if resnet else 1.0, name='conv1', **layer
      )(x, ws.pop(0), noise.get('conv1'))
      x = x if skip is None else x + skip
    if img is not None:
      img = upsample2d(img)
    if self.is_last or self.architecture == 'skip':
      rgb = ToRGB(self.channels, name='torgb', **rgb_layer)(x, ws.pop(0))
      rgb = rgb.astype(self.full_dtype)  # RGB is summed in full precision
      img = rgb if img is None else img + rgb
    return x, img


class Synthesis(nn.Module):
  """ws [N, num_ws, w_dim], noise maps -> images [N, *size, channels].

  The `num_reduced` highest resolutions compute in `reduced_dtype`, all else in `dtype`. Noise maps
  are ignored where `use_noise` is off.
  """

  size: Size
  channels: int
  channel_base: int
  channel_max: int
  architecture: str
  num_reduced: int = 0
  reduced_dtype: Any = jnp.bfloat16
  clamp: float | None = None
  use_noise: bool = True
  demodulation: str = 'weights'
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32

  @property
  def num_ws(self) -> int:
    """One w per convolution and one for the last ToRGB: 2·log2(nominal resolution) − 2."""
    return 2 * len(block_resolutions(nominal_resolution(self.size)))

  @nn.compact
  def __call__(self, ws: jax.Array, noise: NoiseMaps | None = None) -> jax.Array:
    if ws.ndim != 3 or ws.shape[1] != self.num_ws:
      raise ValueError(f'ws must be [N, {self.num_ws}, w_dim], got {ws.shape}')
    ws = ws.astype(self.dtype)
    resolution = nominal_resolution(self.size)
    reduced = reduced_from(resolution, self.num_reduced)
    x = img = None
    first = 0  # index of the block's first w; its ToRGB shares the next block's first
    for r in block_resolutions(resolution):
      num_convs = 1 if r == 4 else 2
      block = SynthesisBlock(
        size=size_at(self.size, r),
        features=num_channels(r, self.channel_base, self.channel_max),
        channels=self.channels,
        architecture=self.architecture,
        is_last=r == resolution,
        clamp=self.clamp,
        use_noise=self.use_noise,
        demodulation=self.demodulation,
        equalized=self.equalized,
        dtype=self.reduced_dtype if r >= reduced else self.dtype,
        param_dtype=self.param_dtype,
        full_dtype=self.dtype,
        name=f'b{r}',
      )
      maps = {} if noise is None else noise[f'b{r}']
      x, img = block(x, img, ws[:, first : first + num_convs + 1], maps)
      first += num_convs
    return img
