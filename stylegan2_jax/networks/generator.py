"""The generator G: mapping and synthesis as one module, and w_avg's tracking."""

import jax
from flax import linen as nn

from stylegan2_jax.networks.mapping import Mapping
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.networks.synthesis import Synthesis


class Generator(nn.Module):
  """z [N, z_dim], label [N, c_dim] -> images [N, H, W, channels] in about [-1, 1].

  Everything it needs is an argument: noise maps (networks/noise.py) and, for truncation, w_avg
  (networks/mapping.truncate, between `map` and `synthesize`). Usage:

    ws = generator.apply(variables, z, label, method='map')
    img = generator.apply(variables, ws, noise, method='synthesize')
  """

  mapping: Mapping
  synthesis: Synthesis

  def __call__(
    self, z: jax.Array, label: jax.Array | None = None, noise: NoiseMaps | None = None
  ) -> jax.Array:
    return self.synthesis(self.mapping(z, label), noise)

  def map(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
    """ws [N, num_ws, w_dim], untruncated."""
    return self.mapping(z, label)

  def synthesize(self, ws: jax.Array, noise: NoiseMaps | None = None) -> jax.Array:
    """Images [N, H, W, channels]."""
    return self.synthesis(ws, noise)
