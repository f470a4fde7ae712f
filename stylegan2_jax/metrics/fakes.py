"""Images of a generator as the metrics draw them: fake i is that of seed `seed` + i.

As in the official code: no truncation, fresh noise for every image, labels drawn from those of the
data set. Image i is what `launch.py sample --seeds=i --noise_mode=random` draws.
"""

import functools
import hashlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_uint8
from stylegan2_jax.metrics.image_sets import ImageSet
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.sampler import images_of_seeds, usual_batch_size
from stylegan2_jax.training import parallel


class Fakes(ImageSet):
  """Endlessly many, drawn on all devices of this host."""

  def __init__(
    self,
    generator: Generator,
    weights,
    labels: np.ndarray | None = None,
    psi: float = 1.0,
    seed: int = 0,
  ):
    """Nothing is drawn yet.

    Args:
      generator: the network.
      weights: its (EMA) parameters, w_avg and stored noise maps.
      labels: those of the data set, classes int [n] or vectors float32 [n, c_dim]; None for
        unconditional networks.
      psi: ψ of the truncation.
      seed: of the first image.

    Raises:
      UserError: a conditional network without labels.
    """
    self.generator, self.weights, self.psi, self.seed = generator, weights, psi, seed
    self.c_dim = generator.mapping.c_dim
    if self.c_dim and labels is None:
      raise UserError('the model is conditional: metrics draw their labels from the data set')
    self._labels = labels if self.c_dim else None
    self.size, self.channels = generator.synthesis.size, generator.synthesis.channels
    self.name = 'the generator'
    self._map: parallel.LocalMap | None = None

  def taking(self, count: int) -> 'Fakes':
    """There are always enough."""
    return self

  def batches(self, start: int, stop: int, batch_size: int) -> Iterator[np.ndarray]:
    """See `ImageSet`; all batches are drawn in one size, so that nothing is compiled twice.

    Raises:
      UserError: an image is not finite.
    """
    if self._map is None:
      self._map = parallel.LocalMap(_drawing(self.generator, self.psi), self.weights)
    at_once = self._map.count * usual_batch_size(self.size, 32)
    rest = np.empty((0, *self.size, self.channels), np.uint8)
    for first in range(start, stop, at_once):
      numbers = np.arange(first, first + at_once)
      drawn = self._map(*self._inputs(numbers))
      images, finite = (np.concatenate(np.asarray(x)) for x in drawn)
      count = min(at_once, stop - first)
      _check(finite[:count], numbers + self.seed)
      rest = np.concatenate([rest, images[:count]])
      while len(rest) >= batch_size or (len(rest) and first + at_once >= stop):
        yield rest[:batch_size]
        rest = rest[batch_size:]

  def labels_of(self, numbers: np.ndarray) -> np.ndarray | None:
    """The labels float32 [N, c_dim] of images, drawn from the data set's; None without."""
    if self._labels is None:
      return None
    rng = np.random.default_rng(self.seed)
    chosen = rng.integers(len(self._labels), size=int(numbers.max()) + 1)[numbers]
    labels = np.asarray(self._labels)[chosen]
    return np.eye(self.c_dim, dtype=np.float32)[labels] if labels.ndim == 1 else labels

  def identity(self, count: int) -> dict[str, Any]:
    """By the bytes of the weights, and all that the network is apart from them."""
    return {**self.recipe(count), 'network': repr(self.generator)}

  def recipe(self, count: int) -> dict[str, Any]:
    """Which model and which seeds."""
    labels = None if self._labels is None else _digest(self._labels)
    return {
      'count': count,
      'weights': self._weights_digest,
      'seeds': f'{self.seed}-{self.seed + count - 1}',
      'psi': self.psi,
      'noise': 'random',
      **({'labels': f'drawn from the data set ({labels})'} if labels else {}),
    }

  @functools.cached_property
  def _weights_digest(self):
    return _digest(self.weights)

  def _inputs(self, numbers):
    seeds = (numbers + self.seed).astype(np.uint32)
    labels = self.labels_of(numbers)
    return (seeds,) if labels is None else (seeds, labels)


@functools.lru_cache(maxsize=8)
def _drawing(generator, psi):
  """One function for equal arguments, which is compiled once."""
  return functools.partial(_drawn, generator=generator, psi=psi)


def _drawn(weights, seeds, labels=None, *, generator, psi):
  """(uint8 [N, H, W, channels], bool [N] whether they are finite)."""
  dtype = generator.mapping.dtype
  cutoff = jnp.int32(generator.synthesis.num_ws)
  psi = jnp.asarray(psi, dtype)
  img = images_of_seeds(generator, 'random', weights, seeds, labels, psi, cutoff)
  return to_uint8(img), jnp.isfinite(img).all((1, 2, 3))


def _check(finite, seeds):
  if not finite.all():
    bad = seeds[: len(finite)][~finite]
    raise UserError(
      f'{len(bad)} of {len(finite)} images are not finite (seed {bad[0]} is the first): '
      'take an earlier checkpoint of the run'
    )


def _digest(tree) -> str:
  """16 hex digits of arrays, by their names, shapes and bytes."""
  found = hashlib.sha256()
  for path, leaf in jax.tree.leaves_with_path(tree):
    array = np.ascontiguousarray(leaf)
    found.update(f'{jax.tree_util.keystr(path)} {array.shape} {array.dtype}'.encode())
    found.update(array.data.cast('B') if array.size else b'')
  return found.hexdigest()[:16]
