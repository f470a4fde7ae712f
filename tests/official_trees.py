"""Trees of this project from arrays of the official implementation, by name alone."""

from collections.abc import Mapping

import numpy as np
from flax import traverse_util

from stylegan2_jax.importers.official_names import BUFFERS, to_ours


def to_tree(arrays: Mapping[str, np.ndarray], dtype=np.float32) -> dict:
  """Parameters from official arrays: {'b4.conv.weight': OIHW, ...} -> {'b4': {'conv': ...}}.

  Buffers (noise maps, w_avg, filter taps) are left out; see `buffers`.
  """
  flat = {}
  for name, value in arrays.items():
    parts = tuple(name.split('.'))
    if parts[-1] not in BUFFERS:
      flat[parts] = to_ours(parts[-1], np.asarray(value, dtype))
  return traverse_util.unflatten_dict(flat)


def buffers(arrays: Mapping[str, np.ndarray], dtype=np.float32) -> tuple[dict, np.ndarray]:
  """(noise maps as in networks/noise.py, w_avg [w_dim]) from a generator's official arrays."""
  maps = {}
  for name, value in arrays.items():
    parts = name.split('.')
    if parts[-1] == 'noise_const':
      maps.setdefault(parts[-3], {})[parts[-2]] = np.asarray(value, dtype)
  return maps, np.asarray(arrays['mapping.w_avg'], dtype)
