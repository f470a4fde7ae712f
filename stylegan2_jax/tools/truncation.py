"""`launch.py truncation`: the same seeds at several ψ.

Source: StyleGAN (arXiv 1812.04948), appendix B and figure 8.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from stylegan2_jax import sheets
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.tools import sheet_files

PSIS = (-1.0, -0.5, 0.0, 0.5, 0.7, 1.0)
_BLOCK = 16  # seeds drawn between two writes


@dataclasses.dataclass(frozen=True)
class Sweep:
  """`images` uint8 [len(seeds), len(psis), H, W, channels]."""

  seeds: tuple[int, ...]
  psis: tuple[float, ...]
  images: np.ndarray

  def sheet(self) -> Images:
    """One picture: a row for each seed, a column for each ψ."""
    rows, columns = [f'seed {seed}' for seed in self.seeds], [f'psi {psi:g}' for psi in self.psis]
    return Images.of(sheets.sheet([list(row) for row in self.images], rows, columns))


def truncation_sweep(
  gan: StyleGAN2,
  seeds: Sequence[int],
  psis: Sequence[float] = PSIS,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  label=None,
) -> Sweep:
  """Draws each seed at each ψ.

  Args:
    gan: the model.
    seeds: of the latents.
    psis: 1 is the picture itself, 0 the average picture, below 0 the opposite one.
    cutoff: how many layers are truncated, from the coarsest; None is all.
    center: what truncation goes towards, see `StyleGAN2.map`.
    noise: 'const', 'none', or 'random': new for each picture.
    label: for conditional models, one or one for each seed.

  Raises:
    UserError: the label does not fit.
  """
  images = np.stack(list(_rows(gan, seeds, psis, cutoff, center, noise, label)))
  return Sweep(tuple(seeds), tuple(psis), images)


def truncation_command(
  model: str | pathlib.Path,
  seeds: Sequence[int],
  psis: Sequence[float] = PSIS,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  out: str | pathlib.Path = 'truncation.png',
  label: str | None = None,
  step: int | None = None,
) -> None:
  """Draws a ψ sweep into a file.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    seeds: as `truncation_sweep`, and so are `psis`, `cutoff`, `center` and `noise`.
    psis: see seeds.
    cutoff: see seeds.
    center: see seeds.
    noise: see seeds.
    out: a .png for the sheet, else a folder for single files seedNNNN-psiX.png.
    label: in the words that `LabelSpace.vector` takes; left out, the first class.
    step: see model.

  Raises:
    UserError: the model, label or output path do not fit, or the sheet is enormous.
  """
  out = pathlib.Path(out)
  gan = StyleGAN2.load(model, step, discriminator=False)
  if sheet_files.is_sheet(out):
    sheets.check_size(len(seeds), len(psis), gan.size, sheet_files.FEWER)
  sheet_files.check_files(len(seeds) * len(psis))
  common = (cutoff, center, noise, sheet_files.chosen_label(gan, label))
  if sheet_files.is_sheet(out):
    sweep = truncation_sweep(gan, seeds, psis, *common)
    sheet_files.write_sheet(out, sweep.sheet().pixels())
    return
  names = [f'seed{seed:04d}-psi{psi:g}' for seed in seeds for psi in psis]
  pictures = (img for row in _rows(gan, seeds, psis, *common) for img in row)
  sheet_files.write_files(out, zip(names, pictures, strict=True))


def _rows(gan, seeds, psis, cutoff, center, noise, label) -> Iterator[np.ndarray]:
  """For each seed [len(psis), H, W, channels]."""
  labels = gan.labels.vectors(label, len(seeds))
  for start in range(0, len(seeds), _BLOCK):
    z = gan.latents(seeds[start : start + _BLOCK])
    of = None if labels is None else labels[start : start + _BLOCK]
    ws = [np.asarray(gan.map(z, of, psi, cutoff, center)) for psi in psis]
    ws = np.stack(ws, axis=1)  # [seeds, psis, num_ws, w_dim]
    pictures = gan.draw(ws.reshape(-1, *ws.shape[2:]), noise, seed=start)
    yield from pictures.reshape(*ws.shape[:2], *pictures.shape[1:])
