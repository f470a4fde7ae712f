"""Readings of shapes as rows, so that a pass collects them as it does any features."""

import numpy as np

from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.features.shapes_reader import Readings, read_shapes

# What a row holds, as often as numbers belong to one picture.
_WIDTHS = dict.fromkeys(Readings._fields, 1) | {'colour': 3, 'centre': 2}


def shapes_network() -> FeatureNetwork:
  """The reader of shapes; its rows 'readings' [N, 12] are for `readings_of`."""
  recipe = {'network': 'reader of the built-in shapes', 'weights': 'none'}
  return FeatureNetwork('shapes', _rows, (), recipe, on_host=True)


def readings_of(rows: np.ndarray) -> Readings:
  """Back from rows [N, 12]."""
  ends = np.cumsum(list(_WIDTHS.values()))
  parts = dict(zip(_WIDTHS, np.split(np.asarray(rows, np.float64), ends[:-1], axis=1), strict=True))
  values = {name: x if _WIDTHS[name] > 1 else x[:, 0] for name, x in parts.items()}
  values['kind'] = values['kind'].astype(np.int32)
  values['is_dark'] = values['is_dark'] > 0.5
  return Readings(**values)


def _rows(weights, images, numbers):
  readings = read_shapes(images)._asdict()
  columns = [np.reshape(readings[name], (len(images), width)) for name, width in _WIDTHS.items()]
  return {'readings': np.concatenate(columns, axis=1)}
