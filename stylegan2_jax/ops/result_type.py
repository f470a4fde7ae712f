"""Shapes that results of functions have, for operations that tell JAX themselves."""

import functools
from collections.abc import Callable

import jax


def result_type(fn: Callable[..., jax.Array], *arguments) -> jax.ShapeDtypeStruct:
  """Shape and dtype of fn(*arguments), which are known by theirs alone.

  Remembered for equal functions: JAX asks for each use of an operation, of which a training step
  has hundreds, and would trace the function every time.
  """
  given = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arguments)
  if not all(isinstance(side, int) for x in given for side in x.shape):
    return jax.eval_shape(fn, *given)  # symbols, as of an export, can only be compared to their own
  return _traced(fn, given, jax.config.jax_enable_x64)


@functools.lru_cache(maxsize=4096)
def _traced(fn, given, x64):
  del x64  # decides what Python's numbers become
  return jax.eval_shape(fn, *given)
