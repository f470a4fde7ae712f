"""DiffAugment: every image that D sees is recoloured, shifted and has a hole, all at random.

Source: Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training (arXiv 2006.10738).
"""

import dataclasses

import jax
import jax.numpy as jnp

_SHIFT = 8  # at most this part of the image's size
_CUTOUT = 2  # the hole is this part of it


@dataclasses.dataclass(frozen=True)
class DiffAugment:
  """Its policies, which act in the order of `transforms.POLICIES`."""

  policies: tuple[str, ...]

  def __call__(self, keys: jax.Array, p: jax.Array, img: jax.Array) -> jax.Array:
    """Augments images at random: [N, H, W, C] -> [N, H, W, C].

    Args:
      keys: [N], one of each image.
      p: not looked at: every image is augmented.
      img: about in [-1, 1].
    """
    del p
    draws = jax.vmap(lambda key: jax.random.uniform(key, (7,), img.dtype))(keys)  # [N, 7]
    if 'color' in self.policies:
      img = recolor(img, draws[:, 0] - 0.5, draws[:, 1] * 2, draws[:, 2] + 0.5)
    size = jnp.array([img.shape[1:3]])  # [1, 2]
    if 'translation' in self.policies:
      reach = (size + _SHIFT // 2) // _SHIFT  # halves are rounded up
      shift = jnp.floor(draws[:, 3:5] * (2 * reach + 1)) - reach
      img = translate(img, shift.astype(jnp.int32))
    if 'cutout' in self.policies:
      hole = (size + _CUTOUT // 2) // _CUTOUT
      center = jnp.floor(draws[:, 5:7] * (size + 1 - hole % 2)).astype(jnp.int32)
      img = cut(img, center - hole // 2, hole[0])
    return img


def recolor(
  img: jax.Array, brightness: jax.Array, saturation: jax.Array, contrast: jax.Array
) -> jax.Array:
  """Shifts the brightness, then scales about each pixel's grey, then about the image's mean.

  Alpha (the last of 2 or 4 channels) stays; a single colour channel has no saturation.

  Args:
    img: [N, H, W, C].
    brightness: [N], added.
    saturation: [N], factor.
    contrast: [N], factor.
  """
  brightness, saturation, contrast = (
    x[:, None, None, None] for x in (brightness, saturation, contrast)
  )
  colors = 3 if img.shape[3] >= 3 else 1
  color = img[..., :colors] + brightness
  grey = color.mean(axis=3, keepdims=True)
  color = (color - grey) * saturation + grey
  mean = color.mean(axis=(1, 2, 3), keepdims=True)
  return jnp.concatenate([(color - mean) * contrast + mean, img[..., colors:]], axis=3)


def translate(img: jax.Array, shift: jax.Array) -> jax.Array:
  """Shifts by whole pixels, 0 where nothing was: [N, H, W, C], int [N, 2] (down, right)."""

  def one(img, shift):
    for axis in (0, 1):
      place = jnp.arange(img.shape[axis]) - shift[axis]
      inside = (place >= 0) & (place < img.shape[axis])
      shape = [-1 if i == axis else 1 for i in range(3)]
      img = jnp.where(inside.reshape(shape), jnp.take(img, place, axis, mode='clip'), 0)
    return img

  return jax.vmap(one)(img, shift)


def cut(img: jax.Array, start: jax.Array, size: jax.Array) -> jax.Array:
  """Sets a rectangle to 0, as much of it as lies inside.

  Args:
    img: [N, H, W, C].
    start: int [N, 2], first row and column.
    size: int [2], rows and columns.
  """
  inside = []
  for axis in (0, 1):
    place = jnp.arange(img.shape[1 + axis])[None, :] - start[:, axis, None]
    inside.append((place >= 0) & (place < size[axis]))
  hole = inside[0][:, :, None] & inside[1][:, None, :]
  return jnp.where(hole[..., None], 0, img)
