"""From the config's `augment` to a function of images."""

from collections.abc import Callable

import jax

from stylegan2_jax.augment import transforms
from stylegan2_jax.augment.diffaugment import DiffAugment
from stylegan2_jax.augment.pipeline import Pipeline
from stylegan2_jax.settings import AugmentSettings

# (keys [N], p [], images [N, H, W, C]) -> images [N, H, W, C]
Augmenter = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def choose_augmenter(augment: AugmentSettings) -> Augmenter | None:
  """What D's images go through; None: nothing."""
  if augment.kind == 'none':
    return None
  if augment.kind == 'diffaugment':
    return DiffAugment(transforms.parse_policy(augment.policy))
  return Pipeline(tuple(transforms.parse(augment.transforms).items()))
