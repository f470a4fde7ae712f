"""Which of the pictures are trained on, and which are held out."""

import numpy as np

from stylegan2_jax.data.base import Source
from stylegan2_jax.errors import UserError

_SEED = 20_200_611  # one choice for all runs, whatever their seed: they can be compared


class Chosen(Source):
  """Some of the pictures of another source, in its order."""

  def __init__(self, source, numbers, words):
    """Of `source` those with these numbers; `words` says which they are, for people."""
    super().__init__(source.data)
    self._source, self._numbers, self._words = source, numbers, words
    self.class_names, self.component_names = source.class_names, source.component_names
    self.label_dim = source.label_dim

  def __len__(self):
    return len(self._numbers)

  def read(self, index):
    """The Example `index`."""
    return self._source.read(int(self._numbers[index]))

  def describe(self):
    """One line for people."""
    return f'{self._source.describe()}; {self._words}'

  def labels(self):
    """Those of the chosen pictures."""
    labels = self._source.labels()
    return None if labels is None else labels[self._numbers]

  def stamp(self):
    """That of the other source."""
    return self._source.stamp()

  def _identity(self):
    yield self._source.fingerprint()
    yield self._numbers.astype('<i8').tobytes().hex()


def choose(source):
  """(pictures to train on, held-out ones or None) as `data.subset` and `data.held_out` say.

  Args:
    source: Source, of all pictures.

  Raises:
    UserError: there are not so many pictures, or none would be left.
  """
  data, count = source.data, len(source)
  if not data.subset and not data.held_out:
    return source, None
  to_train, held_out = counts(data, count)
  order = np.random.default_rng(_SEED).permutation(count)
  trained = order[held_out:][:to_train]
  words = f'{len(trained)} of them to train on' + (f', {held_out} held out' if held_out else '')
  chosen = Chosen(source, np.sort(trained), words)
  if not held_out:
    return chosen, None
  return chosen, Chosen(source, np.sort(order[:held_out]), f'{held_out} held out')


def counts(data, count):
  """(how many of `count` pictures are trained on, how many held out).

  Raises:
    UserError: there are not so many pictures, or none would be left.
  """
  held_out = round(count * data.held_out)
  if data.held_out and not 0 < held_out < count:
    raise UserError(
      f'config field data.held_out = {data.held_out} takes {held_out} of {count} pictures: '
      'some must be held out, and some left to train on'
    )
  rest = count - held_out
  if data.subset > rest:
    raise UserError(
      f'config field data.subset = {data.subset} must be at most {rest}, all there are'
      + (' beside those held out' if held_out else '')
    )
  return data.subset or rest, held_out
