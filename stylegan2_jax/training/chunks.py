"""Micro-batches ("chunks"): the unit over which batch statistics are taken.

A chunk is `micro_batch` consecutive samples of the global batch. Minibatch-std groups, the
path-length half batch and mean, and the style-mixing coin belong to a chunk, so how chunks lie on
devices changes nothing. A device runs its chunks one after another.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct


@struct.dataclass
class Chunks:
  """A device's share of a global batch: c chunks of m samples."""

  index: jax.Array  # int32 [c], global chunk index
  sample: jax.Array  # int32 [c, m], global sample index within the batch
  images: jax.Array | None = None  # [c, m, H, W, C] uint8 or float in [-1, 1]; None without reals
  labels: jax.Array | None = None  # [c, m] classes or [c, m, c_dim] vectors; None unconditional


def chunk_layout(batch_size: int, micro_batch: int, num_devices: int) -> Chunks:
  """Indices of every device's chunks, numpy with leading axes [devices, c, ...].

  Raises:
    ValueError: the sizes do not divide.
  """
  m = micro_batch
  if batch_size % (m * num_devices):
    raise ValueError(f'{batch_size} samples in chunks of {m} do not divide over {num_devices}')
  sample = np.arange(batch_size, dtype=np.int32).reshape(num_devices, -1, m)
  return Chunks(index=sample[:, :, 0] // m, sample=sample)


def mean_over_chunks(fn: Callable[[Chunks], object], chunks: Chunks, axis_name: str | None):
  """The mean of fn(chunk) over all chunks of all devices, leaf by leaf.

  Args:
    fn: from a Chunks without its leading axis to a tree of float arrays.
    chunks: this device's, leading axis [c].
    axis_name: the device axis, or None where there is none.
  """
  count = chunks.index.shape[0]
  if count == 1:
    mean = fn(jax.tree.map(lambda x: x[0], chunks))
  else:
    shapes = jax.eval_shape(fn, jax.tree.map(lambda x: x[0], chunks))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def body(total, chunk):
      return jax.tree.map(jnp.add, total, fn(chunk)), None

    total, _ = jax.lax.scan(body, zeros, chunks)
    mean = jax.tree.map(lambda x: x / count, total)
  return mean if axis_name is None else jax.lax.pmean(mean, axis_name)
