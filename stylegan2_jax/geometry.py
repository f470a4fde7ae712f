"""Which sizes images may have, and the sizes of a network's blocks.

An image grows out of a constant whose longer side is 4, 5, 6 or 7 pixels, by doubling it k times;
so the constant takes the aspect ratio of the images. Sizes are (height, width):

  32x32    constant 4x4, k = 3      the papers' squares: powers of two
  512x384  constant 4x3, k = 7      width x height, as people write sizes
  96x96    constant 6x6, k = 4

Blocks are called by their *nominal* resolution, 4·2^i after i doublings, whatever the constant:
b4, b8, ..., up to 4·2^k. The number of channels, of ws, and of blocks in reduced precision follow
from the nominal resolution alone. Of the papers' squares it is the resolution.
"""

import math

Size = tuple[int, int]  # (height, width)

CONSTANT_SIDES = (4, 5, 6, 7)  # of the constant's longer side; k is unique, as 8 = 2·4


def nominal_resolution(size: Size) -> int:
  """4·2^k, the name of the block at full size.

  >>> [nominal_resolution(size) for size in ((32, 32), (384, 512), (24, 16), (20, 20))]
  [32, 512, 16, 16]

  Raises:
    ValueError: no constant gives this size.
  """
  k = max(size).bit_length() - 3
  if k < 0 or min(size) < 1 or any(side % 2**k for side in size):
    raise ValueError(
      f'size {size} must be a power of two times whole numbers, of which the larger is 4 to 7'
    )
  return 4 * 2**k


def block_resolutions(nominal: int) -> tuple[int, ...]:
  """Nominal resolutions of all blocks: (4, 8, ..., nominal)."""
  return tuple(2**i for i in range(2, nominal.bit_length()))


def size_at(size: Size, resolution: int) -> Size:
  """(height, width) in the block of a nominal resolution; at 4 that of the constant.

  >>> size_at((384, 512), 4), size_at((384, 512), 8)
  ((3, 4), (6, 8))
  """
  nominal = nominal_resolution(size)
  return size[0] * resolution // nominal, size[1] * resolution // nominal


def constant_sides(aspect: tuple[int, int]) -> tuple[int, ...]:
  """The longer sides of constants with an aspect ratio in lowest terms; () where none has it.

  >>> [constant_sides(aspect) for aspect in ((1, 1), (2, 1), (3, 4), (16, 9))]
  [(4, 5, 6, 7), (4, 6), (4,), ()]
  """
  return tuple(side for side in CONSTANT_SIDES if side % max(aspect) == 0)


def nearest_aspect(aspect: tuple[int, int]) -> tuple[int, int]:
  """The aspect ratio nearest to one that no constant has.

  >>> nearest_aspect((16, 9)), nearest_aspect((9, 16))
  ((7, 4), (4, 7))
  """
  sides = range(1, CONSTANT_SIDES[-1] + 1)
  ratios = [(a, b) for a in sides for b in sides if math.gcd(a, b) == 1]
  wanted = math.log(aspect[0] / aspect[1])
  return min(ratios, key=lambda ratio: abs(math.log(ratio[0] / ratio[1]) - wanted))


def nearest_resolutions(resolution: int, sides: tuple[int, ...]) -> list[int]:
  """The next longer sides below and above that are one of `sides` times a power of two.

  >>> nearest_resolutions(33, (4, 5, 6, 7)), nearest_resolutions(300, (6,))
  ([32, 40], [192, 384])
  """
  doublings = range(max(resolution, 1).bit_length() + 1)
  possible = sorted(side * 2**k for side in sides for k in doublings)
  below = [n for n in possible if n <= resolution][-1:]
  return below + [n for n in possible if n > resolution][:1]


def size_text(size: Size) -> str:
  """Width x height, as people write sizes.

  >>> size_text((384, 512))
  '512x384'
  """
  return f'{size[1]}x{size[0]}'


def trainable(size: Size) -> tuple[int, tuple[int, int]] | None:
  """(longer side, aspect) of the largest images that can be made of images of a size by scaling.

  The aspect is (width, height) in lowest terms. None if there are none: no constant has the
  aspect, or the images are smaller than the constants.

  >>> trainable((480, 640)), trainable((100, 100)), trainable((9, 16)), trainable((2, 2))
  ((512, (4, 3)), (96, (1, 1)), None, None)
  """
  height, width = size
  common = math.gcd(width, height)
  aspect = width // common, height // common
  sides = constant_sides(aspect)
  longer = nearest_resolutions(max(size), sides)[0] if sides else 0
  return (longer, aspect) if 0 < longer <= max(size) else None
