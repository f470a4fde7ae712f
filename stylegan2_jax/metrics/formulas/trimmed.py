"""The mean of path length distances without the extremes (the official perceptual path length)."""

import numpy as np

from stylegan2_jax.metrics.formulas.checks import enough, finite

_LOWEST, _HIGHEST = 1, 99  # percentiles


def trimmed_mean(distances: np.ndarray) -> float:
  """The mean of the distances [n] from the 1st percentile to the 99th, both inclusive.

  A percentile that lies between two distances is the lower of them for the 1st, the higher for the
  99th, so that up to 100 distances all count.

  Raises:
    UserError: there are none, or one is not finite.
    ValueError: another form.
  """
  values = np.asarray(distances, np.float64)
  if values.ndim != 1:
    raise ValueError(f'distances are [n], not {list(values.shape)}')
  enough(len(values), 1, 'distances', 'the path length')
  finite(values[:, None], what='distances')
  low = np.percentile(values, _LOWEST, method='lower')
  high = np.percentile(values, _HIGHEST, method='higher')
  return float(values[(values >= low) & (values <= high)].mean())
