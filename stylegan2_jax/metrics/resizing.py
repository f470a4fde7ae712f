"""Images brought to the size that distances are measured at."""

import jax

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
