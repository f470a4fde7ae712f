"""The terminal view of a run, for rich."""

import itertools
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stylegan2_jax.durations import ago, clock
from stylegan2_jax.reporting.status import Snapshot, Status

_CURVES = {
  'loss_g': 'loss of G',
  'loss_d': 'loss of D',
  'logits_real': 'logits of reals',
  'logits_fake': 'logits of fakes',
  'r1_penalty': 'R1',
  'path_length': 'path length',
  'images_per_second': 'images/s',
}
_COLORS = {'running': 'green', 'finished': 'cyan', 'stopped': 'yellow', 'unknown': 'magenta'}
_BLOCKS, _ASCII_BLOCKS = '▁▂▃▄▅▆▇█', '_.-=+*%#'
_LABEL, _VALUE = 16, 10  # columns


class View:
  """A status as something that rich prints, as much of it as there is room for."""

  def __init__(self, name: str, status: Status, height: int | None = None, log_lines: int = 5):
    """`height`: lines of the terminal, of which the log gets the rest; None: no limit."""
    self._name, self._status, self._height, self._log_lines = name, status, height, log_lines

  def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
    """The parts from top to bottom; the log first goes without what there is no room for."""
    ascii_only, width = options.ascii_only, options.max_width
    parts = [self._header(width), *self._warnings()]
    curves = self._curves(width, ascii_only)
    used = sum(len(console.render_lines(part, options)) for part in parts)
    room = None if self._height is None else self._height - used
    if room is None or room >= len(curves) + 2:
      parts.append(_panel(Group(*curves), 'curves'))
      room = None if room is None else room - len(curves) - 2
    lines = self._log_lines if room is None else max(0, room - 2)
    log = self._status.log[-lines:] if lines else []
    if log:
      parts.append(_panel(Group(*(_cut(line, 'dim') for line in log)), 'log'))
    yield _in_ascii(Group(*parts), console, options) if ascii_only else Group(*parts)

  def _header(self, width):
    status = self._status
    total = status.settings.train.total_kimg
    color = _COLORS[status.state]
    place = f'step {status.step:,}   {status.kimg:,.1f} of {total:,g} kimg'
    rows = Table.grid(expand=True)
    bar = Table.grid(expand=True, padding=(0, 1, 0, 0))
    bar.add_column(ratio=1)
    bar.add_column(justify='right')
    done = min(1.0, status.kimg / total)
    style = 'cyan' if done == 1 else color
    bar.add_row(
      ProgressBar(total, min(status.kimg, total), complete_style=style, finished_style='cyan'),
      f'{done:.1%}',
    )
    rows.add_row(bar)
    for texts in ([place, *self._times()], self._speeds(), self._files()):
      for line in _filled(texts, width - 4):
        rows.add_row(_cut(line))
    title = Text.assemble((self._name, 'bold'), '  ', (status.state, f'bold {color}'))
    return Panel(rows, title=title, title_align='left', border_style=color)

  def _times(self):
    status = self._status
    if status.elapsed is not None:
      yield f'{clock(status.elapsed)} trained'
    if status.left is not None:
      yield f'{clock(status.left)} left'

  def _speeds(self):
    status = self._status
    if status.images_per_second is not None:
      yield f'{status.images_per_second:,.3g} images/s'
    if status.data_wait is not None:
      yield f'data wait {status.data_wait:.1%}'
    for name, gib in status.memory.items():
      yield f'{name} memory {gib:.1f} GiB'
    if status.age is not None:
      yield f'last step {ago(status.age)}'

  def _files(self):
    yield f'checkpoint {_written(self._status.checkpoint)}'
    yield f'grid {_written(self._status.grid)}'

  def _curves(self, width, ascii_only):
    room = max(4, width - _LABEL - _VALUE - 6)
    lines = []
    for name, label in _CURVES.items():
      values = self._status.curves.get(name)
      if values:
        line = _cut(f'{label:<{_LABEL}}{values[-1]:>{_VALUE},.4g}  ')
        lines.append(line.append(sparkline(values, room, ascii_only), 'cyan'))
    return lines or [Text('no step yet', 'dim')]

  def _warnings(self):
    return [Text(f'! {text}', 'yellow') for text in self._status.warnings]


def sparkline(values: Sequence[float], width: int, ascii_only: bool = False) -> str:
  """A curve in one line, from its lowest to its highest value.

  >>> sparkline([0, 1, 2, 3, 7], 10), sparkline([1, 1], 10), sparkline([0, 8, 0, 8], 2)
  ('▁▂▃▄█', '▄▄', '▄▄')

  Args:
    values: at least one.
    width: characters at most; of more values neighbours are averaged.
  """
  blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
  if len(values) > width:
    ends = [len(values) * i // width for i in range(width + 1)]
    parts = [values[a:b] for a, b in itertools.pairwise(ends)]
    values = [sum(part) / len(part) for part in parts]
  low, high = min(values), max(values)
  if low == high:
    return blocks[3] * len(values)
  return ''.join(blocks[round(7 * (value - low) / (high - low))] for value in values)


def _filled(texts, width):
  """Lines of as many texts as have room in each, three spaces apart."""
  line = ''
  for text in texts:
    if line and len(line) + 3 + len(text) > width:
      yield line
      line = ''
    line = f'{line}   {text}' if line else text
  yield line


def _written(snapshot: Snapshot | None) -> str:
  return 'none yet' if snapshot is None else f'{snapshot.name}, {ago(snapshot.age)}'


def _cut(text, style=''):
  return Text(text, style, no_wrap=True, overflow='ellipsis')


def _panel(content, title):
  return Panel(content, title=title, title_align='left', border_style='dim')


def _in_ascii(group, console, options):
  """For terminals without Unicode: other signs become question marks."""
  lines = console.render_lines(group, options, pad=False)
  text = Text()
  for line in lines:
    for segment in line:
      if not segment.control:
        text.append(segment.text.encode('ascii', 'replace').decode(), segment.style)
    text.append('\n')
  return text
