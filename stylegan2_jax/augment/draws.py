"""The random draws of ADA's transforms: for each image, which of them act and how strongly.

A transform acts on an image with probability p times its multiplier; where it does not, its draw is
the neutral one. So p may change without anything being compiled again.

Source: ADA (arXiv 2006.06676), appendix B; the distributions are those of the official code.
"""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import struct

XINT_MAX = 0.125  # of the image's size
SCALE_STD = 0.2  # of log2
ANISO_STD = 0.2  # of log2
XFRAC_STD = 0.125  # of the image's size
BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5  # of log2
SATURATION_STD = 1.0  # of log2
BAND_STD = 1.0  # of log2
NOISE_STD = 0.1
CUTOUT_SIZE = 0.5  # of the image's sides
NUM_BANDS = 4


@struct.dataclass
class Draws:
  """How N images are transformed; None: this transform is not in the pipeline.

  Angles are in radians, counter-clockwise as seen. Shifts go right and down.
  """

  xflip: jax.Array | None = None  # [N], 1: mirrored left to right
  rotate90: jax.Array | None = None  # [N], 0 to 3 quarter turns
  xint: jax.Array | None = None  # [N, 2] (x, y), shares of the width and height, to be rounded
  scale: jax.Array | None = None  # [N], factors
  rotate_before: jax.Array | None = None  # [N], before the anisotropic step
  aniso: jax.Array | None = None  # [N], s: x grows by s and y by 1/s
  rotate_after: jax.Array | None = None  # [N]
  xfrac: jax.Array | None = None  # [N, 2] (x, y), shares of the width and height
  brightness: jax.Array | None = None  # [N], added
  contrast: jax.Array | None = None  # [N], factors
  lumaflip: jax.Array | None = None  # [N], 1: brightness mirrored, colour kept
  hue: jax.Array | None = None  # [N], turn about the grey axis
  saturation: jax.Array | None = None  # [N], factors
  imgfilter: jax.Array | None = None  # [N, 4], log2 of each band's gain before normalisation
  noise: jax.Array | None = None  # [N], standard deviations
  pixels: jax.Array | None = None  # [N, H, W, C], N(0, 1) that `noise` scales
  cutout: jax.Array | None = None  # [N], sides of the hole as a share of the image's
  cutout_center: jax.Array | None = None  # [N, 2] (x, y) in [0, 1]


# Columns of the uniform and the normal draw of an image. Coins decide whether a transform acts.
_COINS = ('xflip', 'rotate90', 'xint', 'scale', 'rotate_before', 'aniso', 'rotate_after', 'xfrac')
_COINS += ('brightness', 'contrast', 'lumaflip', 'hue', 'saturation')
_COINS += (*(f'band{i}' for i in range(NUM_BANDS)), 'noise', 'cutout')
_UNIFORM = ('xflip', 'rotate90', 'xint_x', 'xint_y', 'rotate_before', 'rotate_after')
_UNIFORM += ('lumaflip', 'hue', 'cutout_x', 'cutout_y')
_NORMAL = ('scale', 'aniso', 'xfrac_x', 'xfrac_y', 'brightness', 'contrast', 'saturation')
_NORMAL += (*(f'band{i}' for i in range(NUM_BANDS)), 'noise')


def draw(
  keys: jax.Array,
  p: jax.Array,
  multipliers: Mapping[str, float],
  shape: tuple[int, int, int],
  dtype=jnp.float32,
) -> Draws:
  """Draws for one image per key.

  Args:
    keys: [N], one of each image.
    p: [], the augmentation strength, 0 and up.
    multipliers: of the transforms in use, by name.
    shape: (H, W, C) of the images.
    dtype: of the results.
  """
  coin, uniform, normal, pixel_keys = _columns(keys, dtype)

  def pick(name, value, neutral, coin_name=None):
    """`value` where this image's coin falls so, else `neutral`; None if not in use."""
    if name not in multipliers:
      return None
    acts = coin[coin_name or name] < (p * multipliers[name]).astype(dtype)
    return jnp.where(acts if value.ndim == 1 else acts[:, None], value, neutral)

  def rotation(name):
    """Of two rotations, each acts so often that with probability p at least one does."""
    if 'rotate' not in multipliers:
      return None
    each = 1 - jnp.sqrt(jnp.clip(1 - p * multipliers['rotate'], 0, 1))
    return jnp.where(coin[name] < each.astype(dtype), _angle(uniform[name]), 0)

  def pair(columns, name):
    return jnp.stack([columns[f'{name}_x'], columns[f'{name}_y']], axis=1)

  bands = [
    pick('imgfilter', normal[f'band{i}'] * BAND_STD, 0, f'band{i}') for i in range(NUM_BANDS)
  ]
  return Draws(
    xflip=pick('xflip', jnp.floor(uniform['xflip'] * 2), 0),
    rotate90=pick('rotate90', jnp.floor(uniform['rotate90'] * 4), 0),
    xint=pick('xint', (pair(uniform, 'xint') * 2 - 1) * XINT_MAX, 0),
    scale=pick('scale', jnp.exp2(normal['scale'] * SCALE_STD), 1),
    rotate_before=rotation('rotate_before'),
    aniso=pick('aniso', jnp.exp2(normal['aniso'] * ANISO_STD), 1),
    rotate_after=rotation('rotate_after'),
    xfrac=pick('xfrac', pair(normal, 'xfrac') * XFRAC_STD, 0),
    brightness=pick('brightness', normal['brightness'] * BRIGHTNESS_STD, 0),
    contrast=pick('contrast', jnp.exp2(normal['contrast'] * CONTRAST_STD), 1),
    lumaflip=pick('lumaflip', jnp.floor(uniform['lumaflip'] * 2), 0),
    hue=pick('hue', _angle(uniform['hue']), 0),
    saturation=pick('saturation', jnp.exp2(normal['saturation'] * SATURATION_STD), 1),
    imgfilter=jnp.stack(bands, axis=1) if 'imgfilter' in multipliers else None,
    noise=pick('noise', jnp.abs(normal['noise']) * NOISE_STD, 0),
    pixels=_pixels(pixel_keys, shape, dtype) if 'noise' in multipliers else None,
    cutout=pick('cutout', jnp.full(len(keys), CUTOUT_SIZE, dtype), 0),
    cutout_center=pair(uniform, 'cutout') if 'cutout' in multipliers else None,
  )


def _columns(keys, dtype):
  """(coins, uniform draws in [0, 1), normal draws: name -> [N]; keys for pixels [N])."""

  def one(key):
    uniform_key, normal_key, pixel_key = jax.random.split(key, 3)
    uniform = jax.random.uniform(uniform_key, (len(_COINS) + len(_UNIFORM),), dtype)
    return uniform, jax.random.normal(normal_key, (len(_NORMAL),), dtype), pixel_key

  uniform, normal, pixel_keys = jax.vmap(one)(keys)
  coins = dict(zip(_COINS, uniform.T[: len(_COINS)], strict=True))
  uniforms = dict(zip(_UNIFORM, uniform.T[len(_COINS) :], strict=True))
  return coins, uniforms, dict(zip(_NORMAL, normal.T, strict=True)), pixel_keys


def _angle(uniform):
  return (uniform * 2 - 1) * math.pi


def _pixels(keys, shape, dtype):
  return jax.vmap(lambda key: jax.random.normal(key, shape, dtype))(keys)
