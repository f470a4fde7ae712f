"""Which numbers of a run share a chart, and what to look for in it."""

from collections.abc import Sequence
from typing import NamedTuple

from stylegan2_jax.reporting.history import Curve, Stretch


class Chart(NamedTuple):
  """A chart: its title, what it tells, and the numbers in it with their labels."""

  title: str
  note: str
  lines: dict[str, str]
  log: bool = False  # shown on a logarithmic axis at first
  zero: bool = False  # its axis begins at 0
  points: bool = False  # each value is shown by itself, and never smoothed


CHARTS = (
  Chart(
    'Losses',
    'The adversarial losses alone. Where they settle depends on the data; neither should run away.',
    {'loss_g': 'generator', 'loss_d': 'discriminator'},
  ),
  Chart(
    'Logits of the discriminator',
    'What it thinks of real and of generated images. Far apart and drifting: it wins. Held-out '
    'images far below real ones: it knows those by heart.',
    {'logits_real': 'real', 'logits_held_out': 'held out', 'logits_fake': 'generated'},
  ),
  Chart(
    'Sign of the real logits',
    'Mean of −1 and +1. Near 1 throughout: the discriminator knows the data set by heart.',
    {'sign_real': 'real', 'r_t': 'as augmentation sees it'},
  ),
  Chart(
    'Augmentation strength p',
    'Rises while the discriminator is too sure of real images. Above 0.8 it begins to show.',
    {'augment_p': ''},
    zero=True,
  ),
  Chart(
    'R1: squared gradient at real images',
    'How steep the discriminator is. Explodes when train.r1_gamma is far too small.',
    {'r1_penalty': 'real', 'r2_penalty': 'generated'},
    log=True,
  ),
  Chart(
    'Gradient norm between real and generated images',
    'WGAN-GP holds it at 1.',
    {'gradient_norm': ''},
  ),
  Chart(
    'Path length',
    'How far an image moves per step in w, and the running mean that it is held to.',
    {'path_length': 'length', 'pl_mean': 'running mean'},
  ),
  Chart(
    'Path length penalty',
    'The loss that holds path lengths together.',
    {'loss_pl': ''},
    log=True,
  ),
  Chart(
    'Images per second',
    'Of the steps alone; pictures and checkpoints come on top.',
    {'speed': ''},
    zero=True,
  ),
  Chart(
    'Waiting for data, % of the time',
    'More than a few percent: raise data.threads, or put the data on a faster disk.',
    {'wait': ''},
    zero=True,
  ),
  Chart(
    'Memory, GiB',
    'The most that the process (host) and the fullest device have taken. Should become flat.',
    {'memory_gib': 'host', 'device_memory_gib': 'device'},
    zero=True,
  ),
  Chart(
    'Non-finite gradient values per step',
    'NaN and infinities that train.on_nonfinite dealt with. Should be 0.',
    {'nonfinite': ''},
    zero=True,
  ),
)
# Shown in another form: times and speed, and losses of penalties, which are those times a constant.
_USED = {'seconds', 'data_wait_seconds', 'images_per_second', 'loss_r1', 'loss_r2'}


def charts(stretches: Sequence[Stretch], names: Sequence[str], batch_size: int) -> list[dict]:
  """The charts that have something to show, ready for JSON.

  Numbers that no chart knows get one of their own, unless they are the same throughout.

  Args:
    stretches: of a `History`.
    names: of the numbers in them.
    batch_size: images of a step.

  Returns:
    For each chart title, note, log, zero, points, and lines: label, and for each stretch mean, low
    and high, None where it has no such number.
  """
  known = _USED.union(*(chart.lines for chart in CHARTS))
  others = [name for name in names if name not in known and _varies(stretches, name)]
  others = [Chart(name, '', {name: ''}) for name in others]
  result = []
  for chart in (*CHARTS, *others):
    lines = [
      {'label': label, **_values(stretches, name, batch_size)}
      for name, label in chart.lines.items()
    ]
    lines = [line for line in lines if any(value is not None for value in line['mean'])]
    if lines:
      result.append({**chart._asdict(), 'lines': lines})
  return result


def _varies(stretches, name):
  curves = [stretch.numbers[name] for stretch in stretches if name in stretch.numbers]
  return min(curve.low for curve in curves) < max(curve.high for curve in curves)


def _values(stretches, name, batch_size):
  points = [_point(stretch, name, batch_size) for stretch in stretches]
  mean, low, high = zip(*points, strict=True) if points else ((), (), ())
  return {'mean': mean, 'low': low, 'high': high}


def _point(stretch, name, batch_size):
  """(mean, low, high) of a number in a stretch, rounded."""
  numbers = stretch.numbers
  if name in ('speed', 'wait'):
    if 'seconds' not in numbers or not numbers['seconds'].total > 0:
      return None, None, None
    seconds = numbers['seconds']
    if name == 'speed':
      # Not the mean of the steps' speeds: that would count the short ones for too much.
      values = [
        batch_size / s if s > 0 else None for s in (seconds.mean, seconds.high, seconds.low)
      ]
    else:
      waited = numbers.get('data_wait_seconds', Curve(0.0)).total
      values = [100 * waited / seconds.total] * 3
  elif name in numbers:
    values = [numbers[name].mean, numbers[name].low, numbers[name].high]
  else:
    return None, None, None
  return tuple(rounded(value) for value in values)


def rounded(value: float | None, digits: int = 5) -> float | None:
  """With so many significant digits, which is what a plot can show; short in JSON.

  >>> rounded(0.123456789), rounded(3.0), rounded(None)
  (0.12346, 3, None)
  """
  if value is None:
    return None
  short = float(f'{value:.{digits}g}')
  return int(short) if short.is_integer() else short
