"""Initial weights: N(0, stddev²), where wanted all of a network from a few large draws."""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp

_DRAW = 2**18  # numbers in one draw, or as many as the largest weight has

_source = contextvars.ContextVar('source of numbers', default=None)


def scaled_normal(stddev: float) -> Callable:
  """Initializer N(0, stddev²); within `few_draws` it takes numbers from there, whatever its key."""

  def init(key, shape, dtype):
    source = _source.get()
    numbers = jax.random.normal(key, shape, dtype) if source is None else source(shape, dtype)
    return numbers * jnp.asarray(stddev, dtype)

  return init


@contextlib.contextmanager
def few_draws(key: jax.Array) -> Iterator[None]:
  """Weights that are initialized within are cut from large draws, in the order they are asked for.

  It makes compiling an initialization several times as fast: XLA takes as long for each draw as for
  ten other operations, whatever its size.

  Args:
    key: of all that is drawn.
  """
  token = _source.set(_Pieces(key))
  try:
    yield
  finally:
    _source.reset(token)


class _Pieces:
  """Successive pieces of N(0, 1) draws: no number is used twice."""

  def __init__(self, key):
    self._key, self._count = key, 0
    self._left = jnp.zeros(0)

  def __call__(self, shape, dtype):
    size = math.prod(shape)
    if self._left.size < size or self._left.dtype != dtype:
      key = jax.random.fold_in(self._key, self._count)
      self._left, self._count = jax.random.normal(key, (max(size, _DRAW),), dtype), self._count + 1
    piece, self._left = self._left[:size], self._left[size:]
    return piece.reshape(shape)
