"""`launch.py directions`: what directions of W do to images, strip by strip."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from stylegan2_jax import sheets
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.errors import UserError
from stylegan2_jax.tools import directions as found_by
from stylegan2_jax.tools import sheet_files
from stylegan2_jax.tools.directions import Directions, move
from stylegan2_jax.tools.output import writing
from stylegan2_jax.tools.style_layers import layers_text, parse_layers
from stylegan2_jax.tools.tables import aligned


@dataclasses.dataclass(frozen=True)
class Strips:
  """Images along directions: `images` uint8 [K, len(seeds), len(strengths), H, W, channels]."""

  found: Directions
  seeds: tuple[int, ...]
  strengths: tuple[float, ...]
  images: np.ndarray

  def sheet(self) -> Images:
    """One picture: a column for each strength, a row for each direction and seed."""
    cells = [list(strip) for of_direction in self.images for strip in of_direction]
    rows = []
    for k, sigma in enumerate(self.found.sigmas):
      of_seeds = [f'seed {seed}' for seed in self.seeds]
      head = f'direction {k}\nsd {sigma:.2f}'
      rows += [f'{head}\n{of_seeds[0]}' if of_seeds[1:] else head, *of_seeds[1:]]
    columns = [f'{strength:+.3g} sd' if strength else '0' for strength in self.strengths]
    return Images.of(sheets.sheet(cells, rows, columns))


def strips(
  gan: StyleGAN2,
  found: Directions,
  seeds: Sequence[int],
  strengths: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  label=None,
) -> Strips:
  """Moves the w of some seeds along each direction, in the layers that the directions are for.

  Args:
    gan: the model.
    found: of `sefa` or `pca`.
    seeds: of the latents.
    strengths: in standard deviations of w (untruncated) along the direction.
    psi: truncation ψ, before moving; `cutoff` and `center` as `StyleGAN2.map`.
    cutoff: see psi.
    center: see psi.
    noise: 'const', 'none', or 'random': new for each picture.
    label: for conditional models, one or one for each seed.

  Raises:
    UserError: the label does not fit, or the directions are another model's.
  """
  ws = np.asarray(gan.map(gan.latents(seeds), label, psi, cutoff, center))
  ws = ws.repeat(len(strengths), axis=0)
  each = np.tile(np.asarray(strengths, ws.dtype), len(seeds))
  images = np.stack([gan.draw(move(ws, found, k, each), noise, seed=k) for k in range(len(found))])
  images = images.reshape(len(found), len(seeds), len(strengths), *images.shape[2:])
  return Strips(found, tuple(seeds), tuple(strengths), images)


def directions_command(
  model: str | pathlib.Path,
  method: str = 'pca',
  count: int = 8,
  layers: str | None = None,
  samples: int = found_by.SAMPLES,
  seeds: Sequence[int] = (0,),
  reach: float = 3.0,
  steps: int = 7,
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  out: str | pathlib.Path = 'directions.npz',
  label: str | None = None,
  step: int | None = None,
) -> None:
  """Finds directions, writes them into a file and a sheet of strips beside it.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    method: 'pca' or 'sefa'.
    count: how many directions.
    layers: those that are moved (and of SeFa, whose weights count), as `parse_layers` reads them;
      None: all.
    samples: number of w.
    seeds: of the strips.
    reach: the strips go from minus to plus so many standard deviations.
    steps: images of a strip.
    psi: as `strips`, as are `cutoff`, `center` and `noise`.
    cutoff: see psi.
    center: see psi.
    noise: see psi.
    out: a .npz, which `Directions.load` reads; the sheet has its name with .png.
    label: in the words that `LabelSpace.vector` takes; left out, the first class.
    step: see model.

  Raises:
    UserError: the model, label, layers, numbers or output path do not fit.
  """
  out = pathlib.Path(out)
  if out.suffix.lower() != '.npz':
    raise UserError(f'--out={out} must end in .npz; the sheet gets the same name with .png')
  gan = StyleGAN2.load(model, step, discriminator=False)
  sheets.check_size(
    count * len(seeds), steps, gan.size, 'take fewer --seeds, --steps or a smaller --count'
  )
  chosen = None if layers is None else parse_layers(layers, gan.num_ws)
  label = sheet_files.chosen_label(gan, label)
  options = {'layers': chosen, 'k': count, 'samples': samples, 'label': label}
  found = {'pca': found_by.pca, 'sefa': found_by.sefa}[method](gan, **options)
  found = dataclasses.replace(found, source=str(model))
  print(f'directions of layers {layers_text(list(found.layers))} of 0-{gan.num_ws - 1}')
  rows = zip(found.sigmas, found.eigenvalues, strict=True)
  rows = [(str(k), f'{sigma:.3f}', f'{value:.4g}') for k, (sigma, value) in enumerate(rows)]
  print('\n'.join(aligned([('direction', 'sd of w', 'eigenvalue'), *rows], '>>>')))
  strengths = np.linspace(-reach, reach, steps)
  truncation = {'psi': psi, 'cutoff': cutoff, 'center': center}
  drawn = strips(gan, found, seeds, strengths, noise=noise, label=label, **truncation)
  with writing(out):
    out.parent.mkdir(parents=True, exist_ok=True)
    found.save(out)
  print(f'wrote {out}: {len(found)} directions')
  sheet_files.write_sheet(out.with_suffix('.png'), drawn.sheet().pixels())
