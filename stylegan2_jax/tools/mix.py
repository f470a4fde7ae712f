"""`launch.py mix`: pictures of two seeds, some layers with the w of the one, some of the other.

Source: StyleGAN (arXiv 1812.04948), section 3.1 and figure 3.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from stylegan2_jax import sheets
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.tools import sheet_files
from stylegan2_jax.tools.style_layers import chosen_layers, groups_text, layers_text

_BLOCK = 64  # pictures drawn between two writes


@dataclasses.dataclass(frozen=True)
class Mixing:
  """A style-mixing table.

  `images` uint8 [rows, cols, H, W, channels]: everything as in `row_images` [rows, ...], but the
  `layers` with the w of `col_images` [cols, ...].
  """

  rows: tuple[int, ...]
  cols: tuple[int, ...]
  layers: tuple[int, ...]
  row_images: np.ndarray
  col_images: np.ndarray
  images: np.ndarray

  def sheet(self) -> Images:
    """One picture, with the sources in the first row and column and the seeds beside them."""
    cells = [[None, *self.col_images]]
    cells += [[source, *mixed] for source, mixed in zip(self.row_images, self.images, strict=True)]
    rows, cols = (['', *(f'seed {seed}' for seed in seeds)] for seeds in (self.rows, self.cols))
    return Images.of(sheets.sheet(cells, rows, cols, apart=(1, 1)))


def style_mixing(
  gan: StyleGAN2,
  rows: Sequence[int],
  cols: Sequence[int],
  layers: str | Sequence[int] = 'coarse,middle',
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  label=None,
  col_label=None,
) -> Mixing:
  """Draws a table of mixed styles.

  Args:
    gan: the model.
    rows: seeds that most of a picture is from.
    cols: seeds that the chosen layers are from.
    layers: those with the w of the column, as numbers or in the words of `parse_layers`.
    psi: truncation ψ, before mixing; `cutoff` and `center` as `StyleGAN2.map`.
    cutoff: see psi.
    center: see psi.
    noise: 'const', 'none', or 'random': new for each picture.
    label: of all, for conditional models.
    col_label: of the columns, where it is another.

  Raises:
    UserError: no such layers, or the labels do not fit.
  """
  layers = list(chosen_layers(layers, gan.num_ws))
  ws = _source_ws(gan, rows, cols, psi, cutoff, center, label, col_label)
  pictures = np.stack(list(_pictures(gan, *ws, layers, noise)))
  row_images, col_images, images = np.split(pictures, [len(rows), len(rows) + len(cols)])
  images = images.reshape(len(rows), len(cols), *images.shape[1:])
  return Mixing(tuple(rows), tuple(cols), tuple(layers), row_images, col_images, images)


def mix_command(
  model: str | pathlib.Path,
  rows: Sequence[int],
  cols: Sequence[int],
  layers: str = 'coarse,middle',
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  out: str | pathlib.Path = 'mixing.png',
  label: str | None = None,
  col_label: str | None = None,
  step: int | None = None,
) -> None:
  """Draws a table of mixed styles into a file.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    rows: as `style_mixing`, and so are `cols`, `layers`, `psi`, `cutoff`, `center` and `noise`.
    cols: see rows.
    layers: see rows.
    psi: see rows.
    cutoff: see rows.
    center: see rows.
    noise: see rows.
    out: a .png for the sheet, else a folder for ROW-COL.png, and rowROW.png and colCOL.png, the
      sources.
    label: in the words that `LabelSpace.vector` takes; left out, the first class.
    col_label: of the columns, where it is another.
    step: see model.

  Raises:
    UserError: the model, labels, layers or output path do not fit, or the sheet is enormous.
  """
  out = pathlib.Path(out)
  gan = StyleGAN2.load(model, step, discriminator=False)
  chosen = list(chosen_layers(layers, gan.num_ws))
  if sheet_files.is_sheet(out):
    sheets.check_size(len(rows) + 1, len(cols) + 1, gan.size, sheet_files.FEWER)
  sheet_files.check_files(len(rows) * len(cols))
  label = sheet_files.chosen_label(gan, label)
  print(
    f'layers {layers_text(chosen)} of the columns, the others of 0-{gan.num_ws - 1} of the rows'
  )
  print(groups_text(gan.size))
  common = {'psi': psi, 'cutoff': cutoff, 'center': center, 'label': label, 'col_label': col_label}
  if sheet_files.is_sheet(out):
    mixing = style_mixing(gan, rows, cols, chosen, noise=noise, **common)
    sheet_files.write_sheet(out, mixing.sheet().pixels())
    return
  names = [f'row{row}' for row in rows] + [f'col{col}' for col in cols]
  names += [f'{row}-{col}' for row in rows for col in cols]
  pictures = _pictures(gan, *_source_ws(gan, rows, cols, **common), chosen, noise)
  sheet_files.write_files(out, zip(names, pictures, strict=True))


def _source_ws(gan, rows, cols, psi, cutoff, center, label, col_label):
  """(ws of the rows, ws of the columns), [N, num_ws, w_dim] each."""
  labels = (label, label if col_label is None else col_label)
  return [
    np.asarray(gan.map(gan.latents(seeds), of, psi, cutoff, center))
    for seeds, of in zip((rows, cols), labels, strict=True)
  ]


def _pictures(gan, row_ws, col_ws, layers, noise) -> Iterator[np.ndarray]:
  """The rows' sources, the columns', and the mixed ones row by row."""
  count, sources = len(row_ws) * len(col_ws), np.concatenate([row_ws, col_ws])
  for start in range(0, len(sources) + count, _BLOCK):
    block = []
    for number in range(start, min(start + _BLOCK, len(sources) + count)):
      if number < len(sources):
        block.append(sources[number])
        continue
      row, col = divmod(number - len(sources), len(col_ws))
      block.append(row_ws[row].copy())
      block[-1][layers] = col_ws[col][layers]
    yield from gan.draw(np.stack(block), noise, seed=start)
