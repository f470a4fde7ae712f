"""The pictures of `launch.py layers`: the images built up resolution by resolution, and a chart."""

from collections.abc import Iterator

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stylegan2_jax import sheets
from stylegan2_jax.geometry import size_text
from stylegan2_jax.images import to_uint8

_RANGE = 3.0  # standard deviations from grey to black and to white
_MIN_CHART = 560  # pixels of its width


def part_pictures(parts: np.ndarray, contributions) -> np.ndarray:
  """float [N, R, H, W, channels] as uint8: grey is the mean colour, black and white 3 σ from it.

  Alpha, which adds up like a colour, is left out: the last channel of 2 or 4.
  """
  scales = _scales(contributions)[:, None, None, None]
  shown = (parts - contributions.means[:, None, None, :]) * scales
  if parts.shape[-1] in (2, 4):
    shown = shown[..., :-1]
  return to_uint8(shown)


def draw(built, contributions) -> np.ndarray:
  """uint8 [height, width, C]: of each seed of a `layers.BuildUp` the sums, and below the parts."""
  texts = [size_text(size) for size in contributions.sizes]
  columns = [
    f'{text}\nalone x {scale:.3g}'
    for text, scale in zip(texts, _scales(contributions), strict=True)
  ]
  shown = part_pictures(built.parts, contributions)
  cells, rows = [], []
  for seed, sums, parts in zip(built.seeds, built.sums, shown, strict=True):
    cells += [list(sums), list(parts)]
    rows += [f'seed {seed}\nsum up to', 'this one\nalone']
  return sheets.sheet(cells, rows, columns)


def single_files(built, contributions) -> Iterator[tuple[str, np.ndarray]]:
  """(name, picture) of the chart and of everything on the sheet."""
  yield 'chart', chart(contributions, 800)
  shown = part_pictures(built.parts, contributions)
  for seed, sums, parts in zip(built.seeds, built.sums, shown, strict=True):
    for size, total, part in zip(contributions.sizes, sums, parts, strict=True):
      yield f'seed{seed:04d}-upto{size_text(size)}', total
      yield f'seed{seed:04d}-only{size_text(size)}', part


def with_chart(sheet: np.ndarray, contributions) -> np.ndarray:
  """The chart above a sheet, as wide as it; narrow sheets get a margin."""
  sheet = sheets.as_channels(sheet, {1: 3, 2: 4}.get(sheet.shape[2], sheet.shape[2]))
  missing = max(0, _MIN_CHART - sheet.shape[1])
  margin = np.full((sheet.shape[0], missing, 1), sheets.BACKGROUND, np.uint8)
  sheet = np.concatenate([sheet, sheets.as_channels(margin, sheet.shape[2])], axis=1)
  drawn = chart(contributions, sheet.shape[1])
  return np.concatenate([sheets.as_channels(drawn, sheet.shape[2]), sheet])


def chart(contributions, width: int) -> np.ndarray:
  """A bar for each resolution, uint8 [height, width, 3]."""
  inches = 8.0  # letters grow with the width
  dpi = width / inches
  figure = Figure(figsize=(inches, 3.2), dpi=dpi, layout='constrained')
  background, ink = (
    f'#{level:02x}{level:02x}{level:02x}' for level in (sheets.BACKGROUND, sheets.INK)
  )
  figure.set_facecolor(background)
  axes = figure.add_subplot(facecolor=background)
  texts = [size_text(size) for size in contributions.sizes]
  bars = axes.bar(texts, 100 * contributions.shares, width=0.7, color='#5b9bd5')
  axes.bar_label(bars, fmt='%.1f%%', color=ink, padding=2)
  axes.set_ylim(0, 115 * max(contributions.shares.max(), 0.01))
  axes.set_title(
    f'Contribution of each resolution: standard deviation of its RGB over {contributions.samples} '
    'samples', color=ink, fontsize='medium',
  )  # fmt: skip
  axes.set_ylabel('share of the sum, %', color=ink)
  axes.tick_params(colors=ink)
  axes.spines[['top', 'right']].set_visible(False)
  axes.spines[['left', 'bottom']].set_color(ink)
  canvas = FigureCanvasAgg(figure)
  canvas.draw()
  drawn = np.asarray(canvas.buffer_rgba())[:, :, :3]
  fitted = np.full((drawn.shape[0], width, 3), sheets.BACKGROUND, np.uint8)  # to the pixel
  fitted[:, : drawn.shape[1]] = drawn[:, :width]
  return fitted


def _scales(contributions):
  """[R]: what parts are multiplied by to be shown."""
  return 1 / (_RANGE * np.maximum(contributions.upsampled, 1e-6))
