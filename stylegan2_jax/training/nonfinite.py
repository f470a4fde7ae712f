"""Numbers that are not finite: how many a tree holds, where, and what keeps them out of a state."""

import jax
import jax.numpy as jnp
import numpy as np

# Leaves of up to so many numbers are counted together, in rows of this length that no two share.
_SMALL, _ROW = 40_000, 512


def count_each(tree) -> jax.Array:
  """int32 [leaves]: how many values of each leaf are NaN or infinite; of no leaves int32 [0].

  Small leaves are laid end to end: to count each by itself is to compile, and on GPUs to start,
  three kernels for each.
  """
  leaves = jax.tree.leaves(tree)
  small = [i for i, x in enumerate(leaves) if x.size <= _SMALL]
  large = [i for i, x in enumerate(leaves) if x.size > _SMALL]
  counts = [jnp.sum(~jnp.isfinite(leaves[i]), dtype=jnp.int32)[None] for i in large]
  if small:
    counts.append(_count_in_rows([leaves[i] for i in small]))
  if not counts:
    return jnp.zeros(0, jnp.int32)
  return jnp.concatenate(counts)[np.argsort(large + small)]


def _count_in_rows(leaves) -> jax.Array:
  """`count_each` of a list of arrays, each of which is padded to whole rows: int32 [leaves]."""
  lengths = [-(-x.size // _ROW) for x in leaves]
  padded = [
    jnp.pad(x.reshape(-1), (0, rows * _ROW - x.size))
    for x, rows in zip(leaves, lengths, strict=True)
  ]
  table = jnp.concatenate(padded).reshape(-1, _ROW)
  of_rows = jnp.sum(~jnp.isfinite(table), axis=1, dtype=jnp.int32)
  leaf = np.repeat(np.arange(len(leaves)), lengths)  # [rows], which leaf a row is of
  return jnp.zeros(len(leaves), jnp.int32).at[leaf].add(of_rows, indices_are_sorted=True)


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
