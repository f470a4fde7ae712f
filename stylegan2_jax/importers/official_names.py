"""Names and layouts of the official PyTorch implementation, both ways.

Official tensors are keyed by dotted names and laid out OIHW (convolutions) and [out, in] (dense);
here they are nested trees, HWIO and [in, out]. The two sets of names are the same otherwise, so
the layout follows from the number of axes alone.
"""

from collections.abc import Mapping

import jax
import numpy as np
from flax import traverse_util

BUFFERS = ('noise_const', 'w_avg', 'resample_filter')


def from_tree(tree: Mapping) -> dict[str, np.ndarray]:
  """Official names and layouts: {'b4': {'conv': ...}} -> {'b4.conv.weight': OIHW, ...}."""
  flat = traverse_util.flatten_dict(jax.tree.map(np.asarray, dict(tree)))
  return {'.'.join(parts): _to_official(parts[-1], value) for parts, value in flat.items()}


def to_ours(leaf: str, value: np.ndarray) -> np.ndarray:
  """An official array in the layout it has here; `leaf` is the last part of its name."""
  if leaf == 'const':
    return value.transpose(1, 2, 0)  # [C, 4, 4] -> [4, 4, C]
  axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(value.ndim)
  return value.transpose(axes) if axes else value


def _to_official(leaf: str, value: np.ndarray) -> np.ndarray:
  if leaf == 'const':
    return value.transpose(2, 0, 1)
  axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(value.ndim)
  return value.transpose(axes) if axes else value
