"""`launch.py project`: the w, or ws, of given images. The method is in projection.py."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_uint8
from stylegan2_jax.metrics.features.lpips import Lpips
from stylegan2_jax.metrics.features.lpips_files import load_lpips
from stylegan2_jax.metrics.features.wavelet import Wavelet
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.sampler import usual_batch_size
from stylegan2_jax.tools.projection import ProjectionSettings
from stylegan2_jax.tools.projection_pictures import stacked
from stylegan2_jax.tools.projection_run import ProjectionRun
from stylegan2_jax.tools.projection_targets import Targets, file_names, read_targets
from stylegan2_jax.tools.projector import Projector

_MOST = 8  # images at a time; backward, each takes far more memory than a drawn one
DISTANCES = ('auto', 'lpips', 'wavelet')


@dataclasses.dataclass(frozen=True)
class Projection:
  """What was found for N images: `gan.synthesize(ws, noise_maps)` draws them, as `images`.

  Distances are of 8-bit images, `start` is where w began: the mean.
  """

  ws: np.ndarray  # [N, num_ws, w_dim]
  noise_maps: NoiseMaps  # [N, h, w] each; empty where the network uses none
  images: Images  # [N, H, W, C]
  distances: np.ndarray  # [N]
  start_images: Images  # [N, H, W, C]
  start_distances: np.ndarray  # [N]
  history: np.ndarray  # [N, steps], the distance before each step, with the noise added to w


def project(
  gan: StyleGAN2,
  images: np.ndarray,
  space: str = 'w',
  steps: int = 1000,
  distance: str | Wavelet | Lpips = 'wavelet',
  label=None,
  seed: int = 0,
  batch_size: int | None = None,
  **constants: float,
) -> Projection:
  """Finds the latents with which a generator comes closest to images.

  Args:
    gan: the model.
    images: [N, H, W, C] or one [H, W, C] of the size of the model's: uint8, or floats in [-1, 1],
      which are taken to 8 bits.
    space: 'w', one w for all layers, or 'w+', one for each.
    steps: of Adam.
    distance: 'wavelet', or what `choose_distance` gives: LPIPS needs files.
    label: as `StyleGAN2.map` takes it, for conditional models.
    seed: of the noise. Images do not depend on the others, nor on their order.
    batch_size: images at a time (default: 8; on a CPU fewer if they are large).
    **constants: other fields of `ProjectionSettings`: learning_rate, w_noise, regularize_noise.

  Raises:
    UserError: the images have another form, or there is no such space, distance or label.
  """
  pixels = _pixels(gan, images)
  if isinstance(distance, str):
    distance = choose_distance(distance)
  settings = ProjectionSettings(space, steps, seed, **constants)
  size = min(batch_size or usual_batch_size(gan.size, _MOST), len(pixels))
  projector = Projector(gan, settings, distance, size)
  labels = gan.labels.vectors(label, len(pixels))
  found = []
  for start in range(0, len(pixels), size):
    part = slice(start, start + size)
    batch = projector.batch(pixels[part], None if labels is None else labels[part])
    snapshot = projector.run(batch, projector.begin(batch), lambda snapshot: None)
    found += projector.results(batch, snapshot)
  return Projection(
    np.stack([f.ws for f in found]),
    stacked([f.noise_maps for f in found]),
    Images.of(np.stack([f.image for f in found])),
    np.array([f.distance for f in found]),
    Images.of(np.stack([f.start for f in found])),
    np.array([f.start_distance for f in found]),
    np.stack([f.history for f in found]),
  )


def choose_distance(
  name: str = 'auto', vgg: str | None = None, lpips: str | None = None
) -> Wavelet | Lpips:
  """A distance by name.

  Args:
    name: 'lpips', 'wavelet', or 'auto': LPIPS where a file is given.
    vgg: file with the weights of VGG16, see metrics/features/lpips_files.py.
    lpips: file with the linear weights of LPIPS, where they are not in the other.

  Raises:
    UserError: there is no such distance, or its files are not right.
  """
  if name not in DISTANCES:
    raise UserError(f'there is no distance {name}: use one of {", ".join(DISTANCES)}')
  if name == 'wavelet' and (vgg or lpips):
    raise UserError('the wavelet distance takes no weights: leave --vgg and --lpips out')
  if not vgg and (name == 'lpips' or lpips):
    raise UserError('LPIPS needs the weights of VGG16: give --vgg=FILE, or use --distance=wavelet')
  return Lpips(load_lpips(vgg, lpips)) if vgg else Wavelet()


def project_command(
  model: str | pathlib.Path,
  targets: Sequence[str] = (),
  seeds: Sequence[int] = (),
  out: str | pathlib.Path = 'projected',
  space: str = 'w',
  steps: int = 1000,
  distance: str = 'auto',
  vgg: str | None = None,
  lpips: str | None = None,
  transform: str = 'center-crop',
  label: str | None = None,
  step: int | None = None,
  seed: int = 0,
  batch_size: int | None = None,
  learning_rate: float = 0.1,
  video: bool = False,
  save_seconds: float = 30.0,
) -> None:
  """Projects images into a folder, or goes on where the same command was interrupted.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    targets: as `read_targets`, with `transform`.
    seeds: of images of the model itself, to be projected instead.
    out: the folder, see projection_files.py.
    space: as `project`, and so are `steps`, `seed`, `batch_size` and `learning_rate`.
    steps: see space.
    distance: as `choose_distance`, and so are `vgg` and `lpips`.
    vgg: see distance.
    lpips: see distance.
    transform: see targets.
    label: in the words that `LabelSpace.vector` takes, for conditional models.
    step: see model.
    seed: see space.
    batch_size: see space.
    learning_rate: see space.
    video: whether to write a film.
    save_seconds: between two saves.

  Raises:
    UserError: something of this does not fit, or the folder holds another projection.
    Preempted: a signal asked it to stop; it has saved.
  """
  if bool(targets) == bool(seeds):
    raise UserError('give either --target, images, or --seeds, of images of the model')
  measure = choose_distance(distance, vgg, lpips)
  gan = StyleGAN2.load(model, step, discriminator=False)
  if gan.c_dim and label is None:
    raise UserError(f'this model is conditional: use --class to {gan.labels.choices()}')
  chosen = None if label is None else gan.labels.vector(label)
  if seeds:
    names = file_names([f'seed{s:04d}' for s in seeds])
    found = Targets(names, gan.sample_seeds(seeds, label=chosen))
  else:
    found, lines = read_targets(targets, gan.size, gan.channels, transform)
    print('\n'.join(lines))
  size = min(batch_size or usual_batch_size(gan.size, _MOST), len(found.names))
  settings = ProjectionSettings(space, steps, seed, learning_rate)
  projector = Projector(gan, settings, measure, size)
  ProjectionRun(projector, found, chosen, out, save_seconds).run(video)


def _pixels(gan, images):
  """uint8 [N, H, W, C] of the model's size."""
  images = np.asarray(images)
  images = images[None] if images.ndim == 3 else images
  wanted = (*gan.size, gan.channels)
  if images.ndim != 4 or images.shape[1:] != wanted or not len(images):
    raise UserError(f'images must be [N, {", ".join(map(str, wanted))}], not {list(images.shape)}')
  if images.dtype == np.uint8:
    return images
  if images.dtype.kind != 'f' or not np.isfinite(images).all():
    raise UserError(f'images must be uint8, or finite floats in [-1, 1], not {images.dtype}')
  return to_uint8(images)
