"""Numbers that are not finite: how many a tree holds, where, and what keeps them out of a state."""

import jax
import jax.numpy as jnp
import numpy as np


def count_each(tree) -> jax.Array:
  """int32 [leaves]: how many values of each leaf are NaN or infinite; of no leaves int32 [0]."""
  counts = [jnp.sum(~jnp.isfinite(x), dtype=jnp.int32) for x in jax.tree.leaves(tree)]
  return jnp.stack(counts) if counts else jnp.zeros(0, jnp.int32)


def keep_where(bad: jax.Array, before, after):
  """`before` where the scalar `bad` is true, else `after`: trees of the same form, leaf by leaf."""
  return jax.tree.map(lambda b, a: a if a is b else jnp.where(bad, b, a), before, after)


def leaf_names(tree) -> list[str]:
  """Dotted names of the leaves, in the order of `count_each`.

  >>> leaf_names({'b8': {'conv0': {'weight': 1.0, 'bias': 0.0}}})
  ['b8.conv0.bias', 'b8.conv0.weight']
  """
  paths = (path for path, _ in jax.tree.leaves_with_path(tree))
  return [jax.tree_util.keystr(path, simple=True, separator='.') for path in paths]


def bad_leaves(tree) -> list[str]:
  """Names of the leaves of a tree of numpy arrays that hold a NaN or an infinity."""
  leaves = zip(leaf_names(tree), jax.tree.leaves(tree), strict=True)
  return [name for name, x in leaves if not np.isfinite(np.asarray(x, np.float64)).all()]
