"""How well a generator has learnt the data set `shapes`, counted in what its pictures show.

Of valid pictures (`shapes_reader`), the share of each kind, and histograms of hue, size, angle,
place and background. Two histograms p and q differ by their total variation, ½·Σ|p − q|: the share
of pictures that would have to change, 0 to 1. Reals are read by the same reader, so that its errors
do not count. Two samples of one distribution do not reach 0 either: n pictures of each in k bins
differ by about √(k / (π·n)), 0.06 for 1000 in 12.
"""

import numpy as np

from stylegan2_jax.data.shapes import KINDS
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features.shapes_reader import Readings
from stylegan2_jax.metrics.features.shapes_templates import PERIODS

# Inner edges of bins; the outer ones are open. The data set fills the range between first and last.
_EDGES = {
  'hue': np.arange(1, 12) / 12,
  'size': np.linspace(0.6, 0.8, 7),
  'angle': np.deg2rad(np.linspace(-12, 12, 7)),
  'x': np.linspace(-0.06, 0.06, 7),
  'y': np.linspace(-0.06, 0.06, 7),
}
_TURNS = np.array([PERIODS[name] is not None for name in KINDS])


def histograms(readings: Readings) -> dict[str, np.ndarray]:
  """Shares of valid pictures by factor, float64 [bins] that add up to 1; all 0 if there are none.

  'kind' in the order of KINDS, 'hue' in twelfths of the circle from red, 'size', 'angle' (of kinds
  that show one), 'x', 'y' of the centre, each with a bin below and one above what the data set has,
  and 'background': dark, pale.
  """
  chosen = Readings(*(field[readings.is_valid] for field in readings))
  values = {
    'hue': chosen.colour[:, 0],
    'size': chosen.size,
    'angle': chosen.angle[_TURNS[chosen.kind]],
    'x': chosen.centre[:, 0],
    'y': chosen.centre[:, 1],
  }
  counts = {'kind': np.bincount(chosen.kind, minlength=len(KINDS))}
  for name, edges in _EDGES.items():
    counts[name] = np.bincount(np.searchsorted(edges, values[name]), minlength=len(edges) + 1)
  counts['background'] = np.bincount(~chosen.is_dark, minlength=2)
  return {name: count / max(count.sum(), 1) for name, count in counts.items()}


def compare(real: Readings, fake: Readings) -> dict[str, float]:
  """What fakes have of the reals.

  Returns:
    'shapes_valid_share', of all fakes; 'shapes_kinds_covered', how many kinds occur among valid
    fakes; and 'shapes_kind_distance', 'shapes_hue_distance', ..., the total variation of each of
    `histograms`, 1 where no fake is valid.

  Raises:
    UserError: there are no fakes, or no real shows a shape.
  """
  if not len(fake.kind):
    raise UserError('there are no pictures to read shapes from: ask for at least one')
  if not real.is_valid.any():
    raise UserError(
      f'none of {len(real.kind)} real pictures shows a shape: leave out this metric, '
      'which is for the data set shapes'
    )
  expected, found = histograms(real), histograms(fake)
  values = {
    'shapes_valid_share': float(fake.is_valid.mean()),
    'shapes_kinds_covered': float(np.count_nonzero(found['kind'])),
  }
  for name in expected:
    values[f'shapes_{name}_distance'] = _total_variation(expected[name], found[name])
  return values


def _total_variation(p, q):
  """½·Σ|p − q|; 1 if one of the two is empty, 0 if both are."""
  if p.any() != q.any():
    return 1.0
  return float(np.abs(p - q).sum() / 2)
