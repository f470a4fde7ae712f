"""Small arrays over large ones of fewer bits, so that their gradients are summed in all bits."""

import jax
import jax.numpy as jnp


def spread(values: jax.Array, x: jax.Array) -> jax.Array:
  """`values` [..., 1, C], whose axes of length 1 are repeated, in the shape and dtype of x.

  The gradient of `values` is a sum over the repeated axes. It is taken in the dtype of `values`,
  as the cast comes last here. Where values are cast first and repeated by the arithmetic, it is
  taken in the dtype of x, and in bfloat16 a sum stands still once it is 256 times its terms.
  """
  return jnp.broadcast_to(values, x.shape).astype(x.dtype)
