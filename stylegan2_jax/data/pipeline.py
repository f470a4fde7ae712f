"""Batches of pictures: shuffled, repeated for ever, sharded over hosts, with a position.

The pictures of all batches form one endless row. Which picture stands at global position p, and
whether it is mirrored, depends on the seed and p alone: epoch e is positions e*len ... and its
order is a pseudo-random permutation of its own. Batch n of size B is positions n*B ... n*B+B-1,
and host h of P takes the h-th of P equal pieces. So neither the number of hosts nor of threads
changes what is trained on, and a position is one number.
"""

import functools
import math

import grain
import numpy as np

from stylegan2_jax.data import decoding
from stylegan2_jax.errors import UserError

_AHEAD = 4  # batches per thread that are read before they are asked for
_AHEAD_BYTES = 2**28  # but at most so many bytes of decoded pictures


class Batches:
  """An endless iterator over batches whose position can be saved.

  Each item is a dictionary of `image`, uint8 [B, H, W, C], and `label`: classes, int32 [B] (-1
  where the source has no labels), or vectors, float32 [B, label_dim]; B = batch_size /
  process_count.
  """

  def __init__(self, source, data, batch_size, seed, process_index=0, process_count=1):
    """Starts at the first batch.

    Args:
      source: Source.
      data: DataSettings.
      batch_size: int, pictures in a global batch.
      seed: int >= 0, of order and mirroring.
      process_index: int, which host this is.
      process_count: int, how many hosts share each batch.

    Raises:
      UserError: the hosts do not divide the batch. While iterating: a picture cannot be read.
    """
    if batch_size % process_count:
      raise UserError(
        f'batch size {batch_size} cannot be divided among {process_count} hosts: '
        'set train.batch_size to a multiple'
      )
    self._origin = {'batch_size': batch_size, 'seed': seed, 'data': source.fingerprint()}
    share = batch_size // process_count
    self._source, self._share, self._data = source, share, data
    pictures = grain.MapDataset.source(source).seed(seed).shuffle().repeat()
    pictures = pictures.map(functools.partial(_decoded, data))
    if data.mirror:
      pictures = pictures.random_map(_mirrored)
    # Pieces of the row, dealt to the hosts in turn: host h gets pieces h, h + P, h + 2 P ...
    pieces = pictures.batch(share, drop_remainder=True)[process_index::process_count]
    ahead = _AHEAD_BYTES // (share * math.prod(data.size) * data.channels)
    options = grain.ReadOptions(
      num_threads=data.threads,
      prefetch_buffer_size=max(data.threads, min(_AHEAD * data.threads, ahead)),
    )
    self._iterator = iter(pieces.to_iter_dataset(options))

  def __iter__(self):
    return self

  def __next__(self):
    return next(self._iterator)

  def blank(self):
    """A batch of the same form without pictures, for a host that must go along but has none."""
    labels = self._source.labels()
    blank = np.zeros(1, np.int32) if labels is None else np.zeros_like(labels[:1])
    image = np.zeros((self._share, *self._data.size, self._data.channels), np.uint8)
    return {'image': image, 'label': blank.repeat(self._share, axis=0)}

  @property
  def step(self):
    """How many batches were handed out or skipped; prefetched ones do not count."""
    return grain.experimental.get_next_index(self._iterator)

  def at_step(self, step):
    """Goes to batch `step` of the row at no cost, and returns self."""
    grain.experimental.set_next_index(self._iterator, step)
    return self

  def get_state(self):
    """The position as a dictionary for JSON, equal on all hosts."""
    return {'step': self.step, **self._origin}

  def set_state(self, state):
    """Goes to a position that `get_state` returned.

    Raises:
      UserError: the position belongs to other pictures, another batch size or seed.
    """
    for field, value in self._origin.items():
      if state[field] != value:
        raise UserError(
          f'the saved data position belongs to another {_WORDS[field]} ({state[field]}, '
          f'now {value}): restore what the run began with, or start a new workdir'
        )
    self.at_step(state['step'])

  def close(self):
    """Ends the reading threads."""
    self._iterator.close()


_WORDS = {'batch_size': 'train.batch_size', 'seed': 'seed', 'data': 'set of images'}


def _decoded(data, example):
  image = decoding.decode(data, example.image, example.name)
  is_class = isinstance(example.label, int)
  label = np.asarray(example.label, np.int32 if is_class else np.float32)
  return {'image': image, 'label': label}


def _mirrored(element, rng):
  """Flips left and right in half of all cases."""
  if rng.random() < 0.5:
    return element
  return {**element, 'image': element['image'][:, ::-1]}
