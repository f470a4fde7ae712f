"""The wavelet distance: of Haar coefficients, for those who have no weights of LPIPS.

Of the Haar transform of the difference d = a − b of two images. Each level splits blocks of 2×2
pixels p q / r s into a mean, which the next level goes on with, and three details:

  mean = (p + q + r + s)/4,  horizontal = (p − q + r − s)/4,
  vertical = (p + q − r − s)/4,  diagonal = (p − q − r + s)/4

until a side is odd. The distance is the sum, over the three details of every level and the means of
the last, of mean |coefficient| over pixels and channels. A mean over the few coefficients of a
coarse level counts as much as one over the many of a fine level, so forms of every size matter
alike, where the distance of pixels is that of large areas. A metric: 0 for equal images alone.
"""

import jax
import jax.numpy as jnp
from flax import struct

from stylegan2_jax.metrics.features.resizing import shrink


@struct.dataclass
class Wavelet:
  """The distance, in the form that projection takes: of features."""

  name = 'wavelet'

  def features(self, img: jax.Array) -> list[jax.Array]:
    """Images [N, H, W, C] -> their coefficients, at ≤ 256 px by `shrink`; see `haar`."""
    return haar(shrink(img))

  def between(self, a: list[jax.Array], b: list[jax.Array]) -> jax.Array:
    """The distances [N] of features."""
    return sum(jnp.abs(p - q).mean((1, 2, 3)) for p, q in zip(a, b, strict=True))


def haar(img: jax.Array) -> list[jax.Array]:
  """The transform: of each level from the finest its three details, at last the means.

  Images [N, H, W, C] -> [N, H/2, W/2, C] three times, [N, H/4, W/4, C] three times, and so on.
  """
  bands = []
  while img.shape[1] % 2 == 0 and img.shape[2] % 2 == 0:
    num, height, width, channels = img.shape
    blocks = img.reshape(num, height // 2, 2, width // 2, 2, channels)
    p, q, r, s = (blocks[:, :, i, :, j] for i in (0, 1) for j in (0, 1))
    bands += [(p - q + r - s) / 4, (p + q - r - s) / 4, (p - q - r + s) / 4]
    img = (p + q + r + s) / 4
  return [*bands, img]
