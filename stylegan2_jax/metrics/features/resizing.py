"""Images brought to the size that distances are measured at."""

import jax
import jax.numpy as jnp
import numpy as np

MAX_SIDE = 256  # pixels


def shrink(img: jax.Array) -> jax.Array:
  """Means over blocks of pixels: [N, H, W, C] -> [N, *shrunk_size((H, W)), C].

  Squares of a power of two come to 256 px, as by the 'area' interpolation of the official code.
  """
  num, height, width, channels = img.shape
  rows, columns = shrunk_size((height, width))
  if rows == height:
    return img
  blocks = img.reshape(num, rows, height // rows, columns, width // columns, channels)
  return blocks.mean((2, 4))


def shrunk_size(size: tuple[int, int]) -> tuple[int, int]:
  """Both sides halved until none is above 256, or one is odd.

  >>> shrunk_size((1024, 1024)), shrunk_size((288, 384)), shrunk_size((256, 64))
  ((256, 256), (144, 192), (256, 64))
  """
  height, width = size
  while max(height, width) > MAX_SIDE and height % 2 == 0 and width % 2 == 0:
    height, width = height // 2, width // 2
  return height, width


def tf1_bilinear(img: jax.Array, size: tuple[int, int]) -> jax.Array:
  """Bilinear interpolation as TensorFlow 1 does it: [N, H, W, C] -> float32 [N, *size, C].

  Pixel i of the result is taken at i·(old side)/(new side): without the half-pixel centres that
  came later, and without aligned corners. Smaller images are not smoothed first. Beyond the last
  pixel it goes on as it is.
  """
  for axis, side in ((1, size[0]), (2, size[1])):
    img = _stretched(img, axis, side)
  return img


def _stretched(img, axis, side):
  old = img.shape[axis]
  lower, rest = np.divmod(np.arange(side) * old, side)
  upper = np.minimum(lower + 1, old - 1)
  shape = [1] * img.ndim
  shape[axis] = side
  share = jnp.asarray((rest / side).reshape(shape), jnp.float32)
  a, b = (jnp.take(img, index, axis).astype(jnp.float32) for index in (lower, upper))
  return a + (b - a) * share
