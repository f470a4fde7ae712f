"""Sets of images to be measured: numbered, and read or drawn batch by batch.

Images of a data set are taken whole and unmirrored, as the papers' metrics do, whatever part of it
a run trains on.
"""

import abc
import collections
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from stylegan2_jax.data.base import Source
from stylegan2_jax.data.choosing import Chosen
from stylegan2_jax.data.decoding import decode
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import Size

_SEED = 20_200_611  # which of the images of a larger set: the same ones everywhere
_BACKGROUND = 128  # behind what is transparent: hides neither black nor white


class ImageSet(abc.ABC):
  """Images by number."""

  name: str  # in messages
  size: Size
  channels: int

  @abc.abstractmethod
  def batches(self, start: int, stop: int, batch_size: int) -> Iterator[np.ndarray]:
    """Images number `start` to `stop` - 1 in order: uint8 [<= batch_size, H, W, channels]."""

  @abc.abstractmethod
  def taking(self, count: int) -> 'ImageSet':
    """The set of so many of them. Raises UserError if there are fewer."""

  @abc.abstractmethod
  def identity(self, count: int) -> dict[str, Any]:
    """What decides the first `count` images, for JSON: other images have another one."""

  @abc.abstractmethod
  def recipe(self, count: int) -> dict[str, Any]:
    """The same in words, for those who read a result."""


class SourceImages(ImageSet):
  """Those of a data set or of image files; of fewer than all, evenly chosen ones."""

  def __init__(self, source: Source, count: int | None = None):
    """At most `count` of a source's images; None: all."""
    chosen = source
    if count is not None and count < len(source):
      numbers = np.random.default_rng(_SEED).permutation(len(source))[:count]
      chosen = Chosen(source, np.sort(numbers), f'{count} of them')
    self._source, self._all = chosen, source
    self.name, self.count = source.data.source, len(chosen)
    self.size, self.channels = source.data.size, source.data.channels

  def taking(self, count: int) -> 'SourceImages':
    """Evenly chosen ones, the same whenever so many are asked for."""
    if count > len(self._all):
      raise UserError(
        f'{self.name} has {len(self._all)} images, not {count}: ask for at most so many'
      )
    return SourceImages(self._all, count)

  def batches(self, start: int, stop: int, batch_size: int) -> Iterator[np.ndarray]:
    """See `ImageSet`. Two batches are read ahead.

    Raises:
      UserError: an image cannot be read.
    """
    ahead: collections.deque = collections.deque()
    firsts = iter(range(start, stop, batch_size))
    with ThreadPoolExecutor(self._all.data.threads) as pool:
      try:
        for first in firsts:
          last = min(first + batch_size, stop)
          ahead.append([pool.submit(self._image, i) for i in range(first, last)])
          if len(ahead) > 2:
            yield np.stack([image.result() for image in ahead.popleft()])
        while ahead:
          yield np.stack([image.result() for image in ahead.popleft()])
      finally:  # of one that is left before its end
        for batch in ahead:
          for image in batch:
            image.cancel()

  def identity(self, count: int) -> dict[str, Any]:
    """By what the files look like from outside: none is read."""
    return {'images': self._source.fingerprint(), 'stamp': self._all.stamp(), 'count': count}

  def recipe(self, count: int) -> dict[str, Any]:
    """Which data set, and how much of it."""
    part = 'all' if count == len(self._all) else f'{count} of {len(self._all)}, evenly chosen'
    return {'count': count, 'of': self.name, 'part': part, 'mirrored': False}

  def _image(self, index):
    example = self._source.read(index)
    return decode(self._all.data, example.image, example.name)


def rgb(images: np.ndarray) -> np.ndarray:
  """uint8 [N, H, W, 1 to 4] as feature networks take them: [N, H, W, 3].

  Grey is repeated, and what is transparent lies on mid-grey.
  """
  channels = images.shape[3]
  if channels == 3:
    return images
  if channels == 1:
    return images.repeat(3, axis=3)
  colors, alpha = images[..., :-1].astype(np.uint16), images[..., -1:].astype(np.uint16)
  mixed = ((colors * alpha + _BACKGROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
  return rgb(mixed) if channels == 2 else mixed
