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

from stylegan2_jax.ops.result_type import result_type

LinearFunction = Callable[[jax.Array], jax.Array]


def linear_map(
  forward: LinearFunction, transpose: LinearFunction, x: jax.Array, axes: tuple[int, int] = (0, 0)
) -> jax.Array:
  """forward(x), whose derivative's transpose is `transpose`.

  Args:
    forward: linear in x, and the same for every index of an axis of length N.
    transpose: its transpose, of the same kind.
    x: an array with that axis.
    axes: where that axis is in x and in the result.
  """
  return _linear_map.bind(x, forward=forward, transpose=transpose, axes=axes)


def _apply(x, forward, transpose, axes):
  del transpose, axes
  return forward(x)


def _result_type(x, forward, transpose, axes):
  del transpose, axes
  result = result_type(forward, x)
  return x.update(shape=result.shape, dtype=result.dtype)


def _transposed(cotangent, x, forward, transpose, axes):
  del x
  if type(cotangent) is ad.Zero:
    return [cotangent]
  return [linear_map(transpose, forward, cotangent, axes[::-1])]


def _batched(arguments, batch_axes, forward, transpose, axes):
  """The new axis joins the one over which the function is the same."""
  before, after = axes
  x = jnp.moveaxis(arguments[0], batch_axes[0], before)
  y = linear_map(forward, transpose, _joined(x, before), axes)
  sizes = x.shape[before : before + 2]
  return y.reshape(*y.shape[:after], *sizes, *y.shape[after + 1 :]), after


def _joined(x, axis):
  return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])


_linear_map = core.Primitive('linear_map')
_linear_map.def_impl(jax.jit(_apply, static_argnames=('forward', 'transpose', 'axes')))
_linear_map.def_abstract_eval(_result_type)
mlir.register_lowering(_linear_map, mlir.lower_fun(_apply, multiple_results=False))
ad.deflinear2(_linear_map, _transposed)
batching.primitive_batchers[_linear_map] = _batched
