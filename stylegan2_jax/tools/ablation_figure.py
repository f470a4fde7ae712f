"""The figure of an ablation: each scalar over kimg, a line with a band for each variant."""

import math
import pathlib
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stylegan2_jax import files
from stylegan2_jax.reporting.charts import CHARTS
from stylegan2_jax.tools.ablation_table import Numbers

_COLUMNS, _WIDTH, _HEIGHT, _LEGEND = 3, 4.4, 3.0, 0.24  # panels in a row; inches
DPI = 100
_LOG = {name for chart in CHARTS if chart.log for name in chart.lines}


def mean_curve(runs: Sequence[Numbers], name: str) -> tuple[list[float], list[float], list[float]]:
  """(kimg, mean, sample standard deviation) of a scalar over runs, at each point that any has.

  The deviation at a point of one run is 0.
  """
  points: dict[float, list[float]] = {}
  for numbers in runs:
    for kimg, value in numbers.curves.get(name, ()):
      points.setdefault(kimg, []).append(value)
  kimg = sorted(points)
  values = [points[k] for k in kimg]
  deviations = [statistics.stdev(v) if len(v) > 1 else 0.0 for v in values]
  return kimg, [statistics.fmean(v) for v in values], deviations


def size(panels: int, variants: int) -> tuple[int, int]:
  """(width, height) of the figure in pixels."""
  columns, rows = min(panels, _COLUMNS), math.ceil(panels / _COLUMNS)
  height = rows * _HEIGHT + _LEGEND * (variants + 1)
  return round(columns * _WIDTH * DPI), round(height * DPI)


def draw(variants: Mapping[str, Sequence[Numbers]], names: Sequence[str]) -> Figure:
  """A panel for each scalar.

  Args:
    variants: for each its label and its runs, finished or not.
    names: of the scalars, at least one.
  """
  width, height = size(len(names), len(variants))
  figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout='constrained')
  columns = min(len(names), _COLUMNS)
  for i, name in enumerate(names):
    axes = figure.add_subplot(math.ceil(len(names) / _COLUMNS), columns, i + 1)
    _panel(axes, variants, name)
  handles = figure.axes[0].get_lines()
  legend = figure.legend(handles, list(variants), loc='outside lower center', fontsize='small')
  for text in legend.get_texts():
    text.set_parse_math(False)  # a $ in a value is a $
  return figure


def _panel(axes: Axes, variants: Mapping[str, Sequence[Numbers]], name: str) -> None:
  found = [mean_curve(runs, name) for runs in variants.values()]
  lowest = min((value for _, mean, _ in found for value in mean), default=0.0)
  log = name in _LOG and lowest > 0
  floor = lowest / 2 if log else -math.inf  # a band that reaches 0 has no end on a log axis
  for number, (kimg, mean, deviation) in enumerate(found):
    color = f'C{number % 10}'
    axes.plot(kimg, mean, color=color, linewidth=1.2, linestyle=_style(number))
    below = [max(m - d, floor) for m, d in zip(mean, deviation, strict=True)]
    above = [m + d for m, d in zip(mean, deviation, strict=True)]
    axes.fill_between(kimg, below, above, color=color, alpha=0.2, linewidth=0)
  if log:
    axes.set_yscale('log')
  axes.set_title(name, fontsize='medium', parse_math=False)
  axes.set_xlabel('kimg', fontsize='small')
  axes.tick_params(which='both', labelsize='small')
  axes.grid(alpha=0.3)


def _style(number: int) -> str:
  """Of lines: the ten colours come again after the tenth."""
  return ('-', '--', ':', '-.')[number // 10 % 4]


def write(figure: Figure, path: pathlib.Path) -> None:
  """As a PNG.

  Raises:
    OSError: it cannot be written.
  """
  FigureCanvasAgg(figure)
  with files.replacing(path) as file:
    figure.savefig(file, format='png', dpi=DPI)
