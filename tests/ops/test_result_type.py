"""Shapes that are remembered: traced once for equal functions, never where they might differ."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import export

from stylegan2_jax.ops.result_type import result_type

TRACED = []


@dataclasses.dataclass(frozen=True)
class Repeat:
  count: int

  def __call__(self, x):
    TRACED.append(x.shape)
    return jnp.repeat(x, self.count, axis=1)


def shape(*sides, dtype=jnp.float32):
  return jax.ShapeDtypeStruct(sides, dtype)


def test_equal_functions_are_traced_once():
  TRACED.clear()
  for _ in range(3):
    found = result_type(Repeat(2), shape(5, 3))
    assert (found.shape, found.dtype) == ((5, 6), jnp.float32)
  assert len(TRACED) == 1
  assert result_type(Repeat(4), shape(5, 3)).shape == (5, 12)
  assert result_type(Repeat(2), shape(7, 3)).shape == (7, 6)
  assert result_type(Repeat(2), shape(5, 3, dtype=jnp.bfloat16)).dtype == jnp.bfloat16
  assert len(TRACED) == 4


def test_symbols_of_several_exports():
  for _ in range(2):
    (batch,) = export.symbolic_shape('b')
    assert result_type(Repeat(2), shape(batch, 3)).shape == (batch, 6)
