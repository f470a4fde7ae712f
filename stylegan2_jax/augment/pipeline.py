"""ADA's pipeline: draws, then geometry, colour, filtering, noise and cutout in that order.

Everything has static shapes, compiles once whatever p is, and is differentiable any number of
times in the image.

Source: ADA (arXiv 2006.06676), appendix B.
"""

import dataclasses

import jax

from stylegan2_jax.augment import color, corruptions, geometric
from stylegan2_jax.augment.draws import Draws, draw


@dataclasses.dataclass(frozen=True)
class Pipeline:
  """ADA's transforms with their multipliers, as (name, multiplier) pairs."""

  multipliers: tuple[tuple[str, float], ...]

  def __call__(self, keys: jax.Array, p: jax.Array, img: jax.Array) -> jax.Array:
    """Augments images at random.

    Args:
      keys: [N], one of each image.
      p: [], the augmentation strength.
      img: [N, H, W, C] in about [-1, 1].

    Returns:
      [N, H, W, C].
    """
    return apply(draw(keys, p, dict(self.multipliers), img.shape[1:], img.dtype), img)


def apply(draws: Draws, img: jax.Array) -> jax.Array:
  """Augments images as drawn: [N, H, W, C] -> [N, H, W, C]."""
  img = geometric.transform(img, draws)
  img = color.transform(img, draws)
  img = corruptions.imgfilter(img, draws)
  img = corruptions.noise(img, draws)
  return corruptions.cutout(img, draws)
