"""`launch.py layers`: how much each resolution's RGB contributes to the image.

Source: StyleGAN2 (arXiv 1912.04958), section 4.2 and figure 8, which asks whether a network uses
its highest resolution: the standard deviation of what each ToRGB gives, over 1024 random w, as a
share of the sum of all.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import (
  Size,
  block_resolutions,
  nominal_resolution,
  size_at,
  size_text,
)
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.contributions import rgb_outputs, upsampled
from stylegan2_jax.sampler import batches, noise_maps
from stylegan2_jax.sheets import check_size
from stylegan2_jax.tools import layers_sheet, sheet_files
from stylegan2_jax.tools.moments import Moments
from stylegan2_jax.tools.sheet_files import labels_in_turn
from stylegan2_jax.tools.tables import aligned

SAMPLES = 1024  # as in the paper


@dataclasses.dataclass(frozen=True)
class Contributions:
  """What the resolutions contribute over many samples, in units of the image's [-1, 1].

  `sizes` (height, width), coarse to fine. `deviations` [R]: standard deviation of each ToRGB's
  output, over samples and pixels, around the mean of each channel (so that a constant colour counts
  for nothing); the root of the mean square over channels. `upsampled` [R]: the same of what arrives
  in the image, after the upsampling filters, which dim a constant colour towards the border (they
  see zeros outside): this counts. `means` [R, channels]: the mean colours of what arrives.
  """

  sizes: tuple[Size, ...]
  samples: int
  deviations: np.ndarray
  upsampled: np.ndarray
  means: np.ndarray

  @property
  def shares(self) -> np.ndarray:
    """[R]: the deviations as parts of their sum, what figure 8 of the paper shows."""
    return self.deviations / max(self.deviations.sum(), 1e-12)

  def table(self) -> list[str]:
    """Lines."""
    rows = [('resolution', 'deviation', 'share', 'upsampled')]
    for size, deviation, share, after in zip(
      self.sizes, self.deviations, self.shares, self.upsampled, strict=True
    ):
      rows.append((size_text(size), f'{deviation:.4f}', f'{100 * share:.1f}%', f'{after:.4f}'))
    return aligned(rows, '>>>>')


@dataclasses.dataclass(frozen=True)
class BuildUp:
  """How the images of some seeds come about.

  `sums` uint8 [N, R, H, W, channels]: the image with the RGB of resolutions up to each, the last
  is the image. `parts` float32 [N, R, H, W, channels]: what each adds, upsampled.
  """

  seeds: tuple[int, ...]
  sums: np.ndarray
  parts: np.ndarray

  def sheet(self, contributions: Contributions) -> Images:
    """One picture: for each seed the sums in one row, and the parts below them.

    Parts are shown on a scale of their own: grey is the mean colour of the resolution over all
    samples, black and white are three standard deviations away, and the captions tell how many
    times that magnifies.
    """
    return Images.of(layers_sheet.draw(self, contributions))


def layer_contributions(
  gan: StyleGAN2,
  samples: int = SAMPLES,
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  label=None,
  batch_size: int | None = None,
) -> Contributions:
  """Measures what each resolution contributes, over the latents of seeds 0, 1, …

  Args:
    gan: the model; its generator has the architecture `skip`.
    samples: how many.
    psi: truncation ψ; `cutoff` and `center` as `StyleGAN2.map`. The paper has no truncation here.
    cutoff: see psi.
    center: see psi.
    noise: 'const', 'random' or 'none'.
    label: for conditional models; None: each class in turn.
    batch_size: images at a time; None: 16, fewer if they are large.

  Raises:
    UserError: another architecture, or labels are missing.
  """
  check_architecture(gan)
  labels = labels_in_turn(gan, label, samples)
  synthesis, params = gan.generator.synthesis, gan.params['generator']['synthesis']
  keys = jax.random.split(jax.random.key(0), samples)
  empty = Moments.empty((1, 1, 1, gan.channels), gan.w_avg.dtype)
  resolutions = block_resolutions(nominal_resolution(gan.size))
  moments = (dict.fromkeys(resolutions, empty),) * 2
  for numbers in batches(samples, gan.size, batch_size):
    chosen = numbers % samples
    of = None if labels is None else labels[chosen]
    ws = gan.map(gan.latents(chosen), of, psi, cutoff, center)
    maps = noise_maps(noise, gan.noise_maps, keys[chosen], gan.size, ws.dtype)
    moments = _add(synthesis, params, ws, maps, numbers < samples, moments)
  raw, after = (
    [np.sqrt(np.mean(np.square(m.deviation()))) for m in kind.values()] for kind in moments
  )
  return Contributions(
    sizes=tuple(size_at(gan.size, r) for r in resolutions),
    samples=samples,
    deviations=np.array(raw),
    upsampled=np.array(after),
    means=np.stack([np.asarray(m.mean).reshape(-1) for m in moments[1].values()]),
  )


def build_up(
  gan: StyleGAN2,
  seeds: Sequence[int],
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  label=None,
) -> BuildUp:
  """The images of seeds, resolution by resolution; arguments as `layer_contributions`.

  Raises:
    UserError: another architecture, or labels are missing.
  """
  check_architecture(gan)
  labels = labels_in_turn(gan, label, len(seeds))
  ws = gan.map(gan.latents(seeds), labels, psi, cutoff, center)
  keys = jax.random.split(jax.random.key(0), len(seeds))
  params, sums, parts = gan.params['generator']['synthesis'], [], []
  for i in range(len(seeds)):  # one at a time: there are as many pictures of each as resolutions
    maps = noise_maps(noise, gan.noise_maps, keys[i : i + 1], gan.size, ws.dtype)
    added, total = _parts(gan.generator.synthesis, params, ws[i : i + 1], maps)
    parts.append(np.asarray(added))
    sums.append(np.asarray(total))
  return BuildUp(tuple(seeds), np.stack(sums), np.stack(parts))


def layers_command(
  model: str | pathlib.Path,
  seeds: Sequence[int],
  samples: int = SAMPLES,
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  out: str | pathlib.Path = 'layers.png',
  label: str | None = None,
  step: int | None = None,
) -> None:
  """Prints what each resolution contributes, and draws it: a bar chart above the sheet of seeds.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    seeds: of the sheet.
    samples: as `layer_contributions`, and so are `psi`, `cutoff`, `center` and `noise`.
    psi: see samples.
    cutoff: see samples.
    center: see samples.
    noise: see samples.
    out: a .png for chart and sheet, else a folder for chart.png and single files.
    label: in the words that `LabelSpace.vector` takes; left out, each class in turn.
    step: see model.

  Raises:
    UserError: the model, label or output path do not fit, or the sheet is enormous.
  """
  out = pathlib.Path(out)
  gan = StyleGAN2.load(model, step, discriminator=False)
  check_architecture(gan)
  check_size(2 * len(seeds), gan.num_ws // 2, gan.size, 'take fewer seeds')
  common = (psi, cutoff, center, noise, label)
  found = layer_contributions(gan, samples, *common)
  print(
    f'standard deviation of what each ToRGB gives, over {samples} samples; the image is -1 to 1'
  )
  print('\n'.join(found.table()))
  built = build_up(gan, seeds, *common)
  if sheet_files.is_sheet(out):
    sheet_files.write_sheet(out, layers_sheet.with_chart(built.sheet(found).pixels(), found))
    return
  sheet_files.write_files(out, layers_sheet.single_files(built, found))


def check_architecture(gan: StyleGAN2) -> None:
  """Raises UserError for a generator without a ToRGB at every resolution."""
  architecture = gan.generator.synthesis.architecture
  if architecture != 'skip':
    raise UserError(
      f'this generator is {architecture}: its one ToRGB, in the last block, gives the whole image; '
      'only skip generators add the RGB of every resolution'
    )


@functools.partial(jax.jit, static_argnums=0)
def _add(synthesis, params, ws, maps, counted, moments):
  """(moments of the ToRGBs' outputs, of those upsampled) with a batch added, by resolution."""
  _, outputs = rgb_outputs(synthesis, params, ws, maps)
  kinds = (outputs, upsampled(outputs))
  return tuple(
    {r: before[r].add(rgb, counted) for r, rgb in kind.items()}
    for before, kind in zip(moments, kinds, strict=True)
  )


@functools.partial(jax.jit, static_argnums=0)
def _parts(synthesis, params, ws, maps):
  """([R, H, W, channels], their sums up to each as uint8) of one w [1, num_ws, w_dim]."""
  img, outputs = rgb_outputs(synthesis, params, ws, maps)
  parts = jnp.concatenate(list(upsampled(outputs).values()))
  sums = parts.cumsum(axis=0).at[-1].set(img[0])  # of the last one, the bits of the image
  return parts, to_uint8(sums)
