"""The discriminator D in its three architectures.

Source: StyleGAN2 (arXiv 1912.04958), section 4.1 and figure 7; the conditional output is a
projection (Miyato and Koyama, arXiv 1802.05637) on the mapped label, as in StyleGAN2-ADA.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from stylegan2_jax.geometry import Size, block_resolutions, nominal_resolution
from stylegan2_jax.networks.layers import Conv, Dense, num_channels, reduced_from
from stylegan2_jax.networks.mapping import Mapping
from stylegan2_jax.networks.synthesis import RESIDUAL_GAIN
from stylegan2_jax.ops.fir import downsample2d
from stylegan2_jax.ops.minibatch_stddev import minibatch_stddev


class DiscriminatorBlock(nn.Module):
  """From one resolution to the half.

  x [N, H, W, C] (None at the top), img [N, H, W, channels] -> (x [N, H/2, W/2, features_out],
  img [N, H/2, W/2, channels] for `skip`, else None).
  """

  features: int
  features_out: int
  architecture: str
  clamp: float | None = None
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x, img):
    form = {'equalized': self.equalized, 'dtype': self.dtype, 'param_dtype': self.param_dtype}
    resnet = self.architecture == 'resnet'
    if x is None or self.architecture == 'skip':
      rgb = Conv(self.features, 1, clamp=self.clamp, name='fromrgb', **form)(img)
      x = rgb if x is None else x.astype(self.dtype) + rgb
      img = downsample2d(img) if self.architecture == 'skip' else None
    skip = None
    if resnet:
      skip = Conv(
        self.features_out, 1, 'linear', False, down=2, gain=RESIDUAL_GAIN, name='skip', **form
      )(x)
    x = Conv(self.features, 3, clamp=self.clamp, name='conv0', **form)(x)
    gain = RESIDUAL_GAIN if resnet else 1.0
    x = Conv(self.features_out, 3, down=2, gain=gain, clamp=self.clamp, name='conv1', **form)(x)
    return x if skip is None else x + skip, img


class DiscriminatorEpilogue(nn.Module):
  """The smallest features to a logit.

  x [N, H, W, C] of the constant's size (4×4), img or None, cmap [N, cmap_dim] or None -> [N, 1].
  """

  features: int
  architecture: str
  mbstd_group: int | None
  mbstd_features: int
  clamp: float | None = None
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x, img, cmap):
    form = {'equalized': self.equalized, 'dtype': self.dtype, 'param_dtype': self.param_dtype}
    if x is None or self.architecture == 'skip':
      rgb = Conv(self.features, 1, name='fromrgb', **form)(img)  # not clamped here
      x = rgb if x is None else x.astype(self.dtype) + rgb
    x = x.astype(self.dtype)
    if self.mbstd_features > 0:
      x = minibatch_stddev(x, self.mbstd_group, self.mbstd_features)
    x = Conv(self.features, 3, clamp=self.clamp, name='conv', **form)(x)
    # Flattened channel-major, so that weights of the official layout fit without reordering.
    x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)  # [N, C·H·W]
    x = Dense(self.features, 'lrelu', name='fc', **form)(x)
    if cmap is None:
      return Dense(1, name='out', **form)(x)  # [N, 1]
    x = Dense(cmap.shape[1], name='out', **form)(x)
    return (x * cmap).sum(axis=1, keepdims=True) / cmap.shape[1] ** 0.5


class Discriminator(nn.Module):
  """Images [N, *size, channels], label [N, c_dim] -> logits [N, 1].

  The `num_reduced` highest resolutions compute in `reduced_dtype`, all else in `dtype`.
  Without minibatch statistics where `mbstd_features` is 0.
  """

  size: Size
  channels: int
  c_dim: int
  channel_base: int
  channel_max: int
  architecture: str
  mbstd_group: int | None = 4
  mbstd_features: int = 1
  mapping_layers: int = 8
  num_reduced: int = 0
  reduced_dtype: Any = jnp.bfloat16
  clamp: float | None = None
  equalized: bool = True
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, img: jax.Array, label: jax.Array | None = None) -> jax.Array:
    expected = (*self.size, self.channels)
    if img.ndim != 4 or img.shape[1:] != expected:
      raise ValueError(f'images must be [N, {", ".join(map(str, expected))}], got {img.shape}')
    form = {'equalized': self.equalized, 'dtype': self.dtype, 'param_dtype': self.param_dtype}
    resolution = nominal_resolution(self.size)
    resolutions = block_resolutions(resolution)
    width = {r: num_channels(r, self.channel_base, self.channel_max) for r in resolutions}
    reduced = reduced_from(resolution, self.num_reduced)
    cmap = None
    if self.c_dim:
      cmap = Mapping(0, self.c_dim, width[4], self.mapping_layers, name='mapping', **form)(
        None, label
      )  # [N, cmap_dim]
    x, img = None, img.astype(self.dtype)
    for r in reversed(resolutions[1:]):
      block = DiscriminatorBlock(
        features=width[r],
        features_out=width[r // 2],
        architecture=self.architecture,
        clamp=self.clamp,
        equalized=self.equalized,
        dtype=self.reduced_dtype if r >= reduced else self.dtype,
        param_dtype=self.param_dtype,
        name=f'b{r}',
      )
      x, img = block(x, img)
    return DiscriminatorEpilogue(
      width[4],
      self.architecture,
      self.mbstd_group,
      self.mbstd_features,
      self.clamp,
      name='b4',
      **form,
    )(x, img, cmap)
