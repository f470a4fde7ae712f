"""Feature networks over sets of images, batch by batch, on all devices of this host."""

import collections
import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from stylegan2_jax.geometry import Size
from stylegan2_jax.metrics.collection import Batch
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.image_sets import ImageSet, rgb
from stylegan2_jax.sampler import usual_batch_size
from stylegan2_jax.training import parallel

_AHEAD = 2  # batches under way, so that devices need not wait for images


class Extractor:
  """Several networks as one. Rows are called NETWORK.OUTPUT."""

  def __init__(self, networks: Sequence[FeatureNetwork], size: Size):
    """Puts the weights on the devices; `size` is that of the images."""
    self._on_host = [network for network in networks if network.on_host]
    self._on_devices = {
      network.name: parallel.LocalMap(network.apply, network.weights)
      for network in networks
      if not network.on_host
    }
    each = min(usual_batch_size(size, 32), *(network.batch_size for network in networks))
    self._batch_size = each * parallel.local_device_count()

  def produce(self, images: ImageSet) -> Callable[[int, int], Iterator[Batch]]:
    """What a `Collection` runs on, over a set of images."""

    def batches(start, stop):
      under_way: collections.deque = collections.deque()
      for batch in images.batches(start, stop, self._batch_size):
        under_way.append(self._begin(batch, start))
        start += len(batch)
        if len(under_way) > _AHEAD:
          yield _end(*under_way.popleft())
      while under_way:
        yield _end(*under_way.popleft())

    return batches

  def _begin(self, images, start):
    """Starts the networks: (number of images, their hashes, rows on devices, rows on the host)."""
    count = len(images)
    numbers = np.arange(start, start + self._batch_size, dtype=np.uint32)
    colors = rgb(images)
    host = {
      f'{network.name}.{name}': np.asarray(rows, np.float32)
      for network in self._on_host
      for name, rows in network.apply(network.weights, colors, numbers[:count]).items()
    }
    filled = np.zeros((self._batch_size, *colors.shape[1:]), np.uint8)
    filled[:count] = colors
    found = {
      f'{network}.{name}': rows
      for network, run in self._on_devices.items()
      for name, rows in run(filled, numbers).items()
    }
    return count, _digests(images), found, host


def _digests(images):
  """The SHA-256 of each image: uint8 [N, 32]."""
  found = (hashlib.sha256(np.ascontiguousarray(image)).digest() for image in images)
  return np.frombuffer(b''.join(found), np.uint8).reshape(-1, 32)


def _end(count, digests, found, host) -> Batch:
  rows = {name: np.concatenate(np.asarray(x))[:count] for name, x in found.items()}
  return Batch(rows | host, digests)
