"""`launch.py noise`: what the noise maps do to pictures.

Source: StyleGAN (arXiv 1812.04948), section 3.2 and figures 4 and 5.
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
from stylegan2_jax.geometry import block_resolutions, nominal_resolution, size_at, size_text
from stylegan2_jax.networks.noise import NoiseMaps, noise_layers, random_noise
from stylegan2_jax.sampler import batches
from stylegan2_jax.sheets import check_size
from stylegan2_jax.tools import noise_sheet, sheet_files
from stylegan2_jax.tools.moments import Moments
from stylegan2_jax.tools.tables import aligned

REALIZATIONS = 100  # of the paper's figure 4c
SHOWN = 4  # realizations of each picture that are shown


@dataclasses.dataclass(frozen=True)
class NoiseEffect:
  """What noise does to the pictures of some seeds.

  uint8 [N, H, W, channels]: `images` with the stored maps in all layers, `without` any noise, with
  noise in `fine` layers alone (resolution `fine_from` and above), in `coarse` ones alone.
  `realizations` [N, SHOWN, H, W, channels]: with random maps in all layers. `deviations` float32
  [N, H, W]: as `noise_deviation`.
  """

  seeds: tuple[int, ...]
  fine_from: int
  images: np.ndarray
  realizations: np.ndarray
  deviations: np.ndarray
  without: np.ndarray
  fine: np.ndarray
  coarse: np.ndarray

  def maps(self) -> np.ndarray:
    """The deviations as pictures, uint8 [N, H, W, 1]: black is 0, white the largest of all."""
    return noise_sheet.grey(self.deviations)

  def sheet(self) -> Images:
    """One picture: a row for each seed. The detail is where noise changes most."""
    resolutions = block_resolutions(nominal_resolution(self.images.shape[1:3]))
    below = resolutions[resolutions.index(self.fine_from) - 1]
    names = [size_text(size_at(self.images.shape[1:3], r)) for r in (self.fine_from, below)]
    return Images.of(noise_sheet.draw(self, *names))


def noise_effect(
  gan: StyleGAN2,
  seeds: Sequence[int],
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  realizations: int = REALIZATIONS,
  fine_from: int | None = None,
  label=None,
) -> NoiseEffect:
  """Draws pictures with different noise, and measures how far they differ.

  Args:
    gan: the model.
    seeds: of the latents.
    psi: truncation ψ; `cutoff` and `center` as `StyleGAN2.map`.
    cutoff: see psi.
    center: see psi.
    realizations: of the noise, for the deviations.
    fine_from: the resolution at which fine layers begin (nominal, see geometry.py); None: the upper
      half of the resolutions, of 1024x1024 images those from 64 on, as in the paper.
    label: for conditional models.

  Raises:
    UserError: the model ignores noise, no such resolution, or the label does not fit.
  """
  fine_from = check_noise(gan, fine_from)
  ws = np.asarray(gan.map(gan.latents(seeds), label, psi, cutoff, center))
  shown = random_noise(_keys(SHOWN, 0), gan.size, ws.dtype)
  several = [gan.draw(np.repeat(w[None], SHOWN, axis=0), shown) for w in ws]
  return NoiseEffect(
    seeds=tuple(seeds),
    fine_from=fine_from,
    images=gan.draw(ws, 'const'),
    realizations=np.stack(several),
    deviations=noise_deviation(gan, ws, realizations),
    without=gan.draw(ws, 'none'),
    fine=gan.draw(ws, _only(gan, lambda resolution: resolution >= fine_from)),
    coarse=gan.draw(ws, _only(gan, lambda resolution: resolution < fine_from)),
  )


def noise_deviation(
  gan: StyleGAN2,
  ws: np.ndarray,
  realizations: int = REALIZATIONS,
  seed: int = 0,
  batch_size: int | None = None,
) -> np.ndarray:
  """How far each pixel varies with the noise, at a fixed w: the paper's figure 4c.

  The standard deviation over realizations of all noise maps, in grey levels of 0 to 255, of what
  the image shows (clipped to [-1, 1]); of the channels the root of the mean square. Memory does
  not grow with the number of realizations.

  Args:
    gan: the model.
    ws: [N, num_ws, w_dim].
    realizations: 2 or more, of the keys that `seed` is split into.
    seed: of the noise.
    batch_size: images at a time; None: 16, fewer if they are large.

  Returns:
    float32 [N, H, W].
  """
  if realizations < 2:
    raise UserError(f'{realizations} realizations have no deviation: use 2 or more')
  keys, params = _keys(realizations, seed), gan.params['generator']
  found = []
  for w in jnp.asarray(ws):
    moments = Moments.empty((1, *gan.size, gan.channels), w.dtype)
    for numbers in batches(realizations, gan.size, batch_size):
      chosen = keys[numbers % realizations]
      moments = _add(gan.generator, params, w, chosen, numbers < realizations, moments)
    found.append(np.sqrt(np.mean(np.asarray(moments.deviation())[0] ** 2, axis=-1)))
  return np.stack(found)


def noise_command(
  model: str | pathlib.Path,
  seeds: Sequence[int],
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  realizations: int = REALIZATIONS,
  fine_from: int | None = None,
  out: str | pathlib.Path = 'noise.png',
  label: str | None = None,
  step: int | None = None,
) -> None:
  """Draws what noise does into a file, and prints the layers' noise strengths.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    seeds: as `noise_effect`, and so are `psi`, `cutoff`, `center`, `realizations` and `fine_from`.
    psi: see seeds.
    cutoff: see seeds.
    center: see seeds.
    realizations: see seeds.
    fine_from: see seeds.
    out: a .png for the sheet, else a folder for single files.
    label: in the words that `LabelSpace.vector` takes; left out, the first class.
    step: see model.

  Raises:
    UserError: the model, label, resolution or output path do not fit, or the sheet is enormous.
  """
  out = pathlib.Path(out)
  gan = StyleGAN2.load(model, step, discriminator=False)
  fine_from = check_noise(gan, fine_from)
  check_size(len(seeds), noise_sheet.COLUMNS, gan.size, 'take fewer seeds')
  label = sheet_files.chosen_label(gan, label)
  print('\n'.join(_strength_table(gan)))
  found = noise_effect(gan, seeds, psi, cutoff, center, realizations, fine_from, label)
  for seed, deviation in zip(seeds, found.deviations, strict=True):
    print(
      f'seed {seed}: deviation over {realizations} realizations {deviation.mean():.2f} on average, '
      f'{deviation.max():.2f} at most, of 255 grey levels'
    )
  if sheet_files.is_sheet(out):
    sheet_files.write_sheet(out, found.sheet().pixels())
    return
  sheet_files.write_files(out, _single_files(found))


def check_noise(gan: StyleGAN2, fine_from: int | None) -> int:
  """The resolution at which fine layers begin.

  Raises:
    UserError: the generator ignores noise, or there is no such resolution.
  """
  if not gan.generator.synthesis.use_noise:
    raise UserError('this generator takes no noise (network.noise=False): there is nothing to show')
  resolutions = block_resolutions(nominal_resolution(gan.size))
  if fine_from is None:
    return resolutions[max(len(resolutions) // 2, 1)] if len(resolutions) > 1 else resolutions[0]
  if fine_from not in resolutions[1:]:
    choices = ', '.join(map(str, resolutions[1:]))
    raise UserError(
      f'fine_from={fine_from}: no block of this model begins there, use one of {choices}'
    )
  return fine_from


def _keys(count, seed):
  return jax.random.split(jax.random.key(seed), count)


def _only(gan, holds) -> NoiseMaps:
  """The stored maps, zero in blocks whose resolution does not hold."""
  return {
    block: maps if holds(int(block[1:])) else jax.tree.map(jnp.zeros_like, maps)
    for block, maps in gan.noise_maps.items()
  }


@functools.partial(jax.jit, static_argnums=0)
def _add(generator, params, w, keys, counted, moments):
  """Moments with the images of one w [num_ws, w_dim] and the noise of some keys."""
  maps = random_noise(keys, generator.synthesis.size, w.dtype)
  ws = jnp.broadcast_to(w, (len(keys), *w.shape))
  img = generator.apply({'params': params}, ws, maps, method='synthesize')
  return moments.add(img.clip(-1, 1) * 127.5, counted)


def _strength_table(gan):
  """Lines: what each layer multiplies its noise map by."""
  params = gan.params['generator']['synthesis']
  rows = [('layer', 'map', 'noise strength')]
  for block, layer, size in noise_layers(gan.size):
    strength = float(params[block][layer]['noise_strength'])
    rows.append((f'{block}.{layer}', size_text(size), f'{strength:.4f}'))
  return aligned(rows, '<>>')


def _single_files(found):
  """(name, picture) of everything that was drawn."""
  kinds = {
    'all': found.images,
    'none': found.without,
    'fine': found.fine,
    'coarse': found.coarse,
    'deviation': found.maps(),
  }
  kinds |= {f'random{i}': found.realizations[:, i] for i in range(SHOWN)}
  for i, seed in enumerate(found.seeds):
    yield from ((f'seed{seed:04d}-{kind}', pictures[i]) for kind, pictures in kinds.items())
