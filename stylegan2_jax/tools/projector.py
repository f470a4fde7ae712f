"""Projects batches of images, piece by piece, so that somebody may look on, save and go on."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_float
from stylegan2_jax.metrics.features.resizing import shrunk_size
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.tools import projection
from stylegan2_jax.tools.projection import Progress, ProjectionSettings, Task

_RECORDS = 100  # moments of which w is kept, beside the start
_PIECE_SECONDS = (1.0, 4.0)  # how long a piece of steps takes, about


@dataclasses.dataclass(frozen=True)
class Found:
  """What became of one image. `start` is the image of the mean w, with the stored noise maps.

  Distances are of 8-bit images; `rmse` in grey levels, of 255.
  """

  target: np.ndarray  # uint8 [H, W, C]
  start: np.ndarray
  image: np.ndarray
  ws: np.ndarray  # [num_ws, w_dim]
  noise_maps: NoiseMaps  # [h, w] each; empty where the network uses none
  start_distance: float
  distance: float
  start_rmse: float
  rmse: float
  history: np.ndarray  # [steps], the distance before each step, with the noise added to w
  path: np.ndarray  # [moments, 1 or num_ws, w_dim], where w was after 0 and after so many steps


@dataclasses.dataclass
class Snapshot:
  """Where a batch stands: with it the projection goes on, bit for bit."""

  progress: Progress
  path: list[np.ndarray]  # [N, 1 or num_ws, w_dim] of each moment until now


@dataclasses.dataclass
class Batch:
  """Images that are projected together; the last are repeated ones if `count` is less."""

  images: np.ndarray  # uint8 [N, H, W, C]
  count: int
  task: Task
  mean: jax.Array  # [N, w_dim]


class Projector:
  """A generator, a distance, and how to go on; compiled once for all batches."""

  def __init__(self, gan: StyleGAN2, settings: ProjectionSettings, distance: Any, batch_size: int):
    """Checks the settings.

    Args:
      gan: the model.
      settings: the constants.
      distance: metrics.wavelet.Wavelet or metrics.lpips.Lpips.
      batch_size: images at a time.

    Raises:
      UserError: no such space, no steps, or images too small for the distance.
    """
    if settings.space not in projection.SPACES:
      raise UserError(f'there is no space {settings.space}: use {" or ".join(projection.SPACES)}')
    if settings.steps < 1 or batch_size < 1:
      raise UserError('a projection takes at least one step, and one image at a time')
    least = getattr(distance, 'min_side', 1)
    if min(shrunk_size(gan.size)) < least:
      height, width = gan.size
      raise UserError(
        f'the distance {distance.name} takes images of at least {least} pixels, not of '
        f'{width}x{height}: use wavelet'
      )
    self.gan, self.settings, self.distance = gan, settings, distance
    self.batch_size = batch_size
    self._statistics: dict[bytes, tuple] = {}  # by the bytes of a label
    self._measure = jax.jit(_measure)
    self._features = jax.jit(lambda distance, images: distance.features(images))
    self.moments = moments(settings.steps)

  def batch(self, images: np.ndarray, labels: np.ndarray | None) -> Batch:
    """Prepares at most `batch_size` images uint8 [n, H, W, C] with labels [n, c_dim]."""
    count = len(images)
    chosen = np.arange(self.batch_size) % count
    images = images[chosen]
    means, stds = [], []
    for i in chosen:
      mean, std = self._of_label(None if labels is None else labels[i])
      means.append(mean)
      stds.append(std)
    dtype = self.gan.w_avg.dtype
    task = Task(
      self.gan.params['generator']['synthesis'],
      self.distance,
      self._features(self.distance, jnp.asarray(to_float(images), dtype)),
      jnp.stack(stds),
      jnp.asarray(projection.image_keys(images, self.settings.seed)),
    )
    return Batch(images, count, task, jnp.stack(means))

  def begin(self, batch: Batch) -> Snapshot:
    """Before the first step."""
    progress = projection.begin(self._synthesis, self.settings, batch.task, batch.mean)
    return Snapshot(progress, [np.array(progress.w)])

  def compile(self, batch: Batch) -> None:
    """Compiles what `run` needs; another batch then needs nothing."""
    projection.compile_steps(self._synthesis, self.settings, batch.task, self.begin(batch).progress)

  def run(self, batch: Batch, snapshot: Snapshot, after: Callable[[Snapshot], None]) -> Snapshot:
    """Goes on from a snapshot to the last step, and calls `after` every few seconds.

    Raises:
      UserError: the distance is no finite number.
    """
    piece = 1
    while len(snapshot.path) <= len(self.moments):
      begun = time.monotonic()
      step, moment = int(snapshot.progress.step), self.moments[len(snapshot.path) - 1]
      end = min(step + piece, moment)
      progress = projection.advance(
        self._synthesis, self.settings, batch.task, snapshot.progress, end
      )
      snapshot.progress = progress
      if not np.isfinite(np.asarray(progress.distances[end - 1])).all():
        raise UserError(f'the distance is not finite after step {end}: use a lower learning rate')
      if end == moment:
        snapshot.path.append(np.array(progress.w))  # a copy: the next piece takes the memory
      seconds = time.monotonic() - begun
      if seconds < _PIECE_SECONDS[0] and end - step == piece:
        piece *= 2
      elif seconds > _PIECE_SECONDS[1]:
        piece = max(1, piece // 2)
      after(snapshot)
    return snapshot

  def results(self, batch: Batch, snapshot: Snapshot) -> list[Found]:
    """What became of the images of a batch, after the last step."""
    gan, progress = self.gan, snapshot.progress
    ws = np.asarray(projection.layers_of(progress.w, gan.num_ws))
    size = len(ws)
    images = gan.draw(ws, progress.noise_maps or 'none', batch_size=size)
    means = np.asarray(projection.layers_of(batch.mean[:, None], gan.num_ws))
    starts = gan.draw(means, 'const', batch_size=size)
    numbers = [np.asarray(x) for x in self._compared(batch, starts)]
    numbers += [np.asarray(x) for x in self._compared(batch, images)]
    path, maps = np.stack(snapshot.path, axis=1), jax.tree.map(np.asarray, progress.noise_maps)
    history = np.asarray(progress.distances)
    return [
      Found(
        batch.images[i],
        starts[i],
        images[i],
        ws[i],
        jax.tree.map(lambda x: x[i], maps),  # noqa: B023
        *(float(numbers[k][i]) for k in (0, 2, 1, 3)),
        history[:, i],
        path[i],
      )
      for i in range(batch.count)
    ]

  @property
  def _synthesis(self):
    return self.gan.generator.synthesis

  def _of_label(self, label):
    """(mean w, std) of a label [c_dim] or None."""
    key = b'' if label is None else label.tobytes()
    if key not in self._statistics:
      mapping, params = self.gan.generator.mapping, self.gan.params['generator']['mapping']
      label = None if label is None else jnp.asarray(label)
      self._statistics[key] = projection.w_statistics(mapping, params, label)
    return self._statistics[key]

  def _compared(self, batch, images):
    """(distances [N], rmse [N]) of 8-bit images to the targets."""
    targets, images = (to_float(x) for x in (batch.images, images))
    return self._measure(self.distance, jnp.asarray(targets), jnp.asarray(images))


def moments(steps: int) -> list[int]:
  """After how many steps w is kept: evenly spaced, the last is `steps`.

  >>> moments(3), moments(1000)[:3], len(moments(1000))
  ([1, 2, 3], [10, 20, 30], 100)
  """
  return sorted({-(-steps * (i + 1) // _RECORDS) for i in range(_RECORDS)})


def _measure(distance, targets, images):
  rmse = 127.5 * jnp.sqrt(((targets - images) ** 2).mean((1, 2, 3)))
  return distance.between(distance.features(targets), distance.features(images)), rmse
