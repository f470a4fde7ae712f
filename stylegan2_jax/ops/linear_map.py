"""Linear functions whose transpose is stated instead of derived.

JAX derives the transpose of a linear function operation by operation, which can be many times
slower than the transpose written by hand. `jax.custom_derivatives.linear_call` allows to state it
but cannot be vmapped, hence this small primitive: it has jvp, vjp of any order, vmap and pmap.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import ad, batching, mlir

LinearFunction = Callable[[jax.Array], jax.Array]


def linear_map(forward: LinearFunction, transpose: LinearFunction, x: jax.Array) -> jax.Array:
  """forward(x), whose derivative's transpose is `transpose`.

  Args:
    forward: linear in x, and the same for every index of x's first axis.
    transpose: its transpose, of the same kind.
    x: [N, ...].
  """
  return _linear_map.bind(x, forward=forward, transpose=transpose)


def _apply(x, forward, transpose):
  del transpose
  return forward(x)


def _result_type(x, forward, transpose):
  del transpose
  result = jax.eval_shape(forward, jax.ShapeDtypeStruct(x.shape, x.dtype))
  return x.update(shape=result.shape, dtype=result.dtype)


def _transposed(cotangent, x, forward, transpose):
  del x
  if type(cotangent) is ad.Zero:
    return [cotangent]
  return [linear_map(transpose, forward, cotangent)]


def _batched(arguments, axes, forward, transpose):
  """The new axis joins the first one, over which the function is the same."""
  x = jnp.moveaxis(arguments[0], axes[0], 0)
  y = linear_map(forward, transpose, x.reshape(-1, *x.shape[2:]))
  return y.reshape(*x.shape[:2], *y.shape[1:]), 0


_linear_map = core.Primitive('linear_map')
_linear_map.def_impl(jax.jit(_apply, static_argnames=('forward', 'transpose')))
_linear_map.def_abstract_eval(_result_type)
mlir.register_lowering(_linear_map, mlir.lower_fun(_apply, multiple_results=False))
ad.deflinear2(_linear_map, _transposed)
batching.primitive_batchers[_linear_map] = _batched
