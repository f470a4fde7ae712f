"""What describes images by vectors: a network with its weights, and what its numbers depend on."""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
  """A function of images, ready to run on any device.

  `apply(weights, images, numbers)` takes uint8 [N, H, W, 3] and the images' numbers uint32 [N], and
  returns rows by the name of the output, float32 [N, F] each. It is pure, and row i depends on
  image i and its number alone.
  """

  name: str
  apply: Callable
  weights: Any  # tree of arrays
  recipe: dict[str, Any]  # for JSON: network, file and its hash, resize filter
  batch_size: int = 32  # images at a time on each device
  on_host: bool = False  # `apply` takes and returns NumPy arrays, of any number of images
  cached: bool = True  # whether rows of data sets are worth keeping: not where they are huge
