"""Whether all devices hold the same state, to the bit.

Each device condenses every array to one number, and only those numbers travel: comparing the arrays
themselves would take as much memory again as the state.
"""

import jax
import jax.numpy as jnp


def unequal_leaves(tree, axis_name: str) -> jax.Array:
  """bool [leaves]: which leaves differ in any bit between the devices of an axis.

  Bits count, not values: 0 and -0 differ, and a NaN equals itself. A single differing word always
  shows; several hide one another with a probability of about 2^-32.
  """
  sums = jnp.stack([_digest(x) for x in jax.tree.leaves(tree)])
  return (jax.lax.all_gather(sums, axis_name) != sums[None]).any(axis=0)


def _digest(x: jax.Array) -> jax.Array:
  """uint32 []: the sum over all words of a bijection of the word that depends on its place."""
  words = _words(x)
  places = jax.lax.iota(jnp.uint32, words.size) * jnp.uint32(0x9E3779B9)
  return _mixed(_mixed(words) + places).sum(dtype=jnp.uint32)


def _words(x: jax.Array) -> jax.Array:
  """uint32 [n]: the bits of an array; a half-precision number has a word of its own."""
  bits = {1: jnp.uint8, 2: jnp.uint16}.get(x.dtype.itemsize, jnp.uint32)
  return jax.lax.bitcast_convert_type(x, bits).astype(jnp.uint32).reshape(-1)


def _mixed(words: jax.Array) -> jax.Array:
  """A bijection of uint32 in which every bit of the result depends on all of the argument's.

  Source: the finalizer of MurmurHash3 (Austin Appleby, public domain).
  """
  words = (words ^ (words >> 16)) * jnp.uint32(0x85EBCA6B)
  words = (words ^ (words >> 13)) * jnp.uint32(0xC2B2AE35)
  return words ^ (words >> 16)
