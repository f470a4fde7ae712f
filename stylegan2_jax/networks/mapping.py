"""The mapping network f: Z -> W, and truncation in W.

Source: StyleGAN (arXiv 1812.04948), section 2 and appendix B. The latent and the embedded label
are normalised separately, as in the official PyTorch implementation (the TensorFlow one normalises
them jointly).
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from stylegan2_jax.networks.layers import Dense
from stylegan2_jax.ops.activations import normalize_second_moment

MAPPING_LR_MULTIPLIER = 0.01


class Mapping(nn.Module):
  """Latents and labels to intermediate latents.

  z [N, z_dim] and label [N, c_dim] -> w [N, w_dim], or ws [N, num_ws, w_dim] where `num_ws` is
  set: the same w for every layer. `z_dim` 0 maps the label alone (the discriminator's use).
  """

  z_dim: int
  c_dim: int
  w_dim: int
  num_layers: int
  num_ws: int | None = None
  dtype: Any = jnp.float32
  param_dtype: Any = jnp.float32
  equalized: bool = True

  @nn.compact
  def __call__(self, z: jax.Array | None, label: jax.Array | None = None) -> jax.Array:
    form = {'equalized': self.equalized, 'dtype': self.dtype, 'param_dtype': self.param_dtype}
    parts = []
    if self.z_dim:
      _check_width('z', z, self.z_dim)
      parts.append(normalize_second_moment(z.astype(self.dtype)))  # [N, z_dim]
    if self.c_dim:
      _check_width('label', label, self.c_dim)
      embedded = Dense(self.w_dim, name='embed', **form)(label)
      parts.append(normalize_second_moment(embedded))  # [N, w_dim]
    w = jnp.concatenate(parts, axis=1)
    for i in range(self.num_layers):
      w = Dense(self.w_dim, 'lrelu', MAPPING_LR_MULTIPLIER, name=f'fc{i}', **form)(w)
    if self.num_ws is None:
      return w  # [N, w_dim]
    return jnp.broadcast_to(w[:, None, :], (w.shape[0], self.num_ws, self.w_dim))


def truncate(
  ws: jax.Array, w_avg: jax.Array, psi: float | jax.Array, cutoff: int | None = None
) -> jax.Array:
  """The truncation trick: w_avg + ψ·(w − w_avg) for the layers below the cutoff.

  Args:
    ws: [N, num_ws, w_dim].
    w_avg: [w_dim], the centre of W, or [N, w_dim], one for each.
    psi: ψ; 1 changes nothing, 0 gives the average picture.
    cutoff: number of layers truncated, counted from the coarsest; None is all.

  Returns:
    [N, num_ws, w_dim].
  """
  w_avg = w_avg if w_avg.ndim == 1 else w_avg[:, None, :]
  centre = jnp.broadcast_to(w_avg.astype(ws.dtype), ws.shape)
  truncated = centre + psi * (ws - centre)
  if cutoff is None:
    return truncated
  below = jnp.arange(ws.shape[1])[None, :, None] < cutoff
  return jnp.where(below, truncated, ws)


def _check_width(name: str, x: jax.Array | None, width: int):
  """Raises ValueError where x is not [N, width]."""
  if x is None or x.ndim != 2 or x.shape[1] != width:
    raise ValueError(f'{name} must be [N, {width}], got {None if x is None else x.shape}')
