"""The geometric transforms of ADA, all in one resampling.

The image is continued by reflection, doubled in size with a sym6 low-pass, sampled bilinearly
where the transforms put each pixel, and halved again. Flips and quarter turns go the same way, so
that all images have been through the same filters.

Source: ADA (arXiv 2006.06676), appendix B.3.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.augment.draws import Draws
from stylegan2_jax.ops.fir import upfirdn2d

# The low-pass of the symlet with six vanishing moments (Daubechies, Ten Lectures on Wavelets,
# table 8.1), divided by √2 so that its sum is 1.
SYM6 = np.array([
  *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
  *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
  *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
]) / np.sqrt(2)  # fmt: skip
_REACH = len(SYM6) // 4  # pixels of the image that the filter reaches to either side


def transform(img: jax.Array, draws: Draws) -> jax.Array:
  """Applies the geometric transforms in `draws`: [N, H, W, C] -> [N, H, W, C].

  The reflected margin is as wide as the image less one pixel, whatever is drawn, so that shapes are
  static. What lies beyond is 0. The official code takes a margin as wide as the largest shift
  in the batch, up to that width: the results are the same.
  """
  height, width = img.shape[1:3]
  inverse = inverse_matrix(draws, height, width)
  if inverse is None:
    return img
  margins = (height - 1, width - 1)
  padded = jnp.pad(img, ((0, 0), *((m, m) for m in margins), (0, 0)), mode='reflect')
  side = len(SYM6) // 2
  doubled = upfirdn2d(padded, SYM6, up=2, padding=((side, side - 1),) * 2, gain=4)
  size = (2 * (height + 2 * _REACH), 2 * (width + 2 * _REACH))
  sampled = _sample(doubled, inverse.astype(img.dtype), size)  # [N, 2H + 12, 2W + 12, C]
  return upfirdn2d(sampled, SYM6, down=2, padding=((-1, -1),) * 2, flip_filter=True)


def inverse_matrix(draws: Draws, height: int, width: int) -> jax.Array | None:
  """From a pixel of the result to the place in the image that it shows.

  In pixels from the centre, x to the right and y down.

  Returns:
    [N, 3, 3], for (x, y, 1); None if no geometric transform is in the pipeline.
  """
  size = jnp.array([[width, height]])  # [1, 2]
  steps = []
  if draws.xflip is not None:
    steps.append(_scaling(1 - 2 * draws.xflip, 1))
  if draws.rotate90 is not None:
    steps.append(_rotation(draws.rotate90 * (jnp.pi / 2)))
  if draws.xint is not None:
    steps.append(_translation(-jnp.round(draws.xint * size)))
  if draws.scale is not None:
    steps.append(_scaling(1 / draws.scale, 1 / draws.scale))
  if draws.rotate_before is not None:
    steps.append(_rotation(draws.rotate_before))
  if draws.aniso is not None:
    steps.append(_scaling(1 / draws.aniso, draws.aniso))
  if draws.rotate_after is not None:
    steps.append(_rotation(draws.rotate_after))
  if draws.xfrac is not None:
    steps.append(_translation(-draws.xfrac * size))
  if not steps:
    return None
  inverse = steps[0]  # what acts first is undone last
  for step in steps[1:]:
    inverse = jnp.einsum('nij,njk->nik', inverse, step, precision='highest')
  return inverse


def _sample(x, inverse, size):
  """x, twice the size of the padded image, where `inverse` puts the pixels of the result.

  Bilinear; 0 outside. [N, H', W', C], [N, 3, 3] -> [N, *size, C].
  """
  n, height, width, channels = x.shape
  across, down = _places(inverse, (height, width), size)  # [N, *size] each
  left, top = jnp.floor(across), jnp.floor(down)
  right_share, bottom_share = across - left, down - top
  pixels = x.reshape(-1, channels)
  first = jnp.arange(n, dtype=jnp.int32)[:, None, None] * height
  total = jnp.zeros((), x.dtype)
  # Four look-ups and their sum become one pass; one look-up in a table of neighbours does not.
  for row, row_share in ((top, 1 - bottom_share), (top + 1, bottom_share)):
    for column, column_share in ((left, 1 - right_share), (left + 1, right_share)):
      inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
      row_index = first + jnp.clip(row, 0, height - 1).astype(jnp.int32)
      index = row_index * width + jnp.clip(column, 0, width - 1).astype(jnp.int32)
      found = pixels.at[index].get(mode='promise_in_bounds')  # [N, *size, C]
      total = total + found * jnp.where(inside, row_share * column_share, 0)[..., None]
  return total


def _places(inverse, source, size):
  """Column and row in an array of `source` (height, width) for each pixel of the result."""
  rows = jnp.arange(size[0], dtype=inverse.dtype) + 1 - size[0] / 2  # from the centre
  columns = jnp.arange(size[1], dtype=inverse.dtype) + 1 - size[1] / 2
  matrix, shift = inverse[:, :2, :2], 2 * inverse[:, :2, 2]  # shifts double with the size

  def place(i, extent):
    along = matrix[:, i, 0, None, None] * columns[None, None, :]
    return (
      along
      + matrix[:, i, 1, None, None] * rows[None, :, None]
      + (shift[:, i, None, None] + (extent / 2 - 1))
    )

  return place(0, source[1]), place(1, source[0])


def _scaling(x, y):
  x, y = jnp.broadcast_arrays(x, jnp.asarray(y, x.dtype))
  zero = jnp.zeros_like(x)
  return _matrix([[x, zero, zero], [zero, y, zero]])


def _rotation(angle):
  """y points down, so that this turns places clockwise as seen, and the image the other way."""
  cos, sin, zero = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle)
  return _matrix([[cos, -sin, zero], [sin, cos, zero]])


def _translation(shift):
  one, zero = jnp.ones_like(shift[:, 0]), jnp.zeros_like(shift[:, 0])
  return _matrix([[one, zero, shift[:, 0]], [zero, one, shift[:, 1]]])


def _matrix(rows):
  """[N, 3, 3] from two rows of three [N]."""
  zero, one = jnp.zeros_like(rows[0][0]), jnp.ones_like(rows[0][0])
  return jnp.stack([jnp.stack(row, axis=1) for row in (*rows, [zero, zero, one])], axis=1)
