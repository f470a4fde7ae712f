"""Patches of images at several scales, as the sliced Wasserstein distance compares them.

Source: Karras et al., "Progressive Growing of GANs" (arXiv 1710.10196), section 5; the pyramid of
Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code" (1983). Of an image G_0 in [-1, 1]

  G_{i+1} = down(G_i),   L_i = G_i − up(G_{i+1}),   and L_i = G_i at the coarsest level

`down` filters by the binomial (1 4 6 4 1)/16 along both axes and keeps every second pixel, `up`
puts zeros between the pixels and filters by twice that; beyond the border the image is mirrored at
its outermost pixels. Each level gives 128 patches of 7×7 pixels, anywhere in it with the same
probability. Levels go down while the shorter side stays at 16 pixels or more.

The paper's code draws positions from one random stream, so that they depend on the order of images;
here they come from the image's number. It leaves out images that are no squares of a power of two;
here a level of an odd side n has (n + 1)/2 pixels. Images below 32 pixels have one level.
"""

import functools

import jax
import jax.numpy as jnp

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork

NUM_PATCHES = 128  # of each image and level
SIDE = 7  # pixels of a patch
_COARSEST = 16  # pixels of the shorter side


def patches_network(size: tuple[int, int], seed: int = 0) -> FeatureNetwork:
  """Patches of images of one size as features.

  `apply` gives for each level, named 'swd' and its shorter side, float32 [N, 128·7·7·3]: patches
  [7, 7, 3] as they are, of images in [-1, 1]. `sliced_wasserstein` normalises them.

  Args:
    size: height and width.
    seed: of the positions.

  Raises:
    UserError: a side is below 7 pixels.
  """
  if min(size) < SIDE:
    raise UserError(
      f'swd cuts patches of {SIDE}x{SIDE} pixels, and images have {size[0]}x{size[1]}: leave it out'
    )
  recipe = {
    'network': 'patches of a Laplacian pyramid (arXiv 1710.10196)',
    'levels': [f'{height}x{width}' for height, width in level_sizes(size)],
    'patches': f'{NUM_PATCHES} of {SIDE}x{SIDE}',
    'seed': seed,
  }
  return FeatureNetwork('patches', _cutting(seed), (), recipe, cached=False)


@functools.cache
def _cutting(seed):
  """One function for equal seeds, which is compiled once."""
  return functools.partial(_patches, seed)


def level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
  """Height and width of each level, the finest first.

  >>> level_sizes((64, 96)), level_sizes((16, 31))
  ([(64, 96), (32, 48), (16, 24)], [(16, 31)])
  """
  sizes = [tuple(size)]
  while min(smaller := tuple((side + 1) // 2 for side in sizes[-1])) >= _COARSEST:
    sizes.append(smaller)
  return sizes


def laplacian_pyramid(img: jax.Array) -> list[jax.Array]:
  """The levels of images [N, H, W, C], the finest first; the coarsest is a mean, not a detail."""
  levels = [img]
  for _ in level_sizes(img.shape[1:3])[1:]:
    smaller = _down(_down(levels[-1], 1), 2)
    levels[-1] = levels[-1] - _up(_up(smaller, 1, img=levels[-1]), 2, img=levels[-1])
    levels.append(smaller)
  return levels


def _patches(seed, weights, images, numbers):
  del weights
  img = images.astype(jnp.float32) / 127.5 - 1
  rows = {}
  for index, level in enumerate(laplacian_pyramid(img)):
    key = jax.random.fold_in(jax.random.key(seed), index)
    rows[f'swd{min(level.shape[1:3])}'] = jax.vmap(functools.partial(_cut, key))(level, numbers)
  return rows


def _cut(key, level, number):
  """Patches of one level [H, W, C] -> [128·7·7·C]."""
  height, width, channels = level.shape
  of_rows, of_columns = jax.random.split(jax.random.fold_in(key, number))
  top = jax.random.randint(of_rows, (NUM_PATCHES, 1, 1), 0, height - SIDE + 1)
  left = jax.random.randint(of_columns, (NUM_PATCHES, 1, 1), 0, width - SIDE + 1)
  rows = top + jnp.arange(SIDE)[None, :, None]
  columns = left + jnp.arange(SIDE)[None, None, :]
  return level.reshape(-1, channels)[rows * width + columns].reshape(-1)


def _down(x, axis):
  """Every second pixel along an axis of what the binomial filter gives."""
  side = x.shape[axis]
  padded = jnp.pad(x, _around(x, axis, 2, 2), mode='reflect')
  a, b, c, d, e = (
    jax.lax.slice_in_dim(padded, tap, tap + side, stride=2, axis=axis) for tap in range(5)
  )
  return (a + e + 4 * (b + d) + 6 * c) / 16


def _up(x, axis, img):
  """Twice as many pixels along an axis, those of `img`.

  Of the filter on zeros between pixels there is left: (1 6 1)/8 where a pixel was, and the mean of
  two neighbours between them. An even side ends on one of the zeros: there the mirror gives the
  last pixel again.
  """
  side = img.shape[axis]
  mirrored = jnp.pad(x, _around(x, axis, 1, side % 2), mode='reflect')
  if side % 2 == 0:
    mirrored = jnp.pad(mirrored, _around(x, axis, 0, 1), mode='edge')
  count = x.shape[axis]
  a, b, c = (jax.lax.slice_in_dim(mirrored, tap, tap + count, axis=axis) for tap in range(3))
  both = jnp.stack([(a + 6 * b + c) / 8, (b + c) / 2], axis=axis + 1)
  shape = (*x.shape[:axis], 2 * count, *x.shape[axis + 1 :])
  return jax.lax.slice_in_dim(both.reshape(shape), 0, side, axis=axis)


def _around(x, axis, before, after):
  return [(before, after) if i == axis else (0, 0) for i in range(x.ndim)]
