"""The compiled training step: state and phases on the devices, arrays and numbers outside."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from stylegan2_jax.config import Settings
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.training import parallel
from stylegan2_jax.training.chunks import Chunks, chunk_layout
from stylegan2_jax.training.schedule import phases_at, used_phases
from stylegan2_jax.training.state import TrainState
from stylegan2_jax.training.steps import PHASE_STEPS, Recipe, finish_step


class Engine:
  """Runs the phases that are due, in order, on all devices. Nothing is compiled twice."""

  def __init__(
    self,
    settings: Settings,
    networks: tuple[Generator, Discriminator],
    state: TrainState,
    labels: np.ndarray | None,
  ):
    """Puts the state and the data set's labels on the devices.

    Args:
      settings: of the run.
      networks: G and D.
      state: without device axis.
      labels: of the whole data set, int32 [num_images] or float32 [num_images, c_dim]; None for
        unconditional networks.
    """
    self._settings, train = settings, settings.train
    self._recipe = Recipe(*networks, train, axis_name=parallel.AXIS_NAME)
    self._layout = chunk_layout(train.batch_size, train.chunk_size, parallel.device_count())
    self._state = parallel.replicate(state)
    self._labels = None if labels is None else parallel.replicate(labels)
    self._compiled = {}

  def compile(self, announce: Callable[[str, float], None]) -> None:
    """Compiles each phase in use, side by side; `announce` hears name and seconds."""
    shape = (*self._settings.data.size, self._settings.data.channels)
    n = self._settings.train.batch_size
    zeros = {'image': np.zeros((n, *shape), np.uint8)}
    if self._labels is not None:  # [devices, num_images] classes or [..., c_dim] vectors
      zeros['label'] = np.zeros((n, *self._labels.shape[2:]), self._labels.dtype)
    chunks = self._chunks(zeros)
    functions = {
      phase: (
        parallel.parallel(functools.partial(PHASE_STEPS[phase], recipe=self._recipe)),
        (self._state, chunks, self._labels),
      )
      for phase in used_phases(self._settings.train)
    }
    finish = parallel.parallel(functools.partial(finish_step, recipe=self._recipe))
    functions['average'] = (finish, (self._state,))
    self._compiled = parallel.compile_all(functions, announce)

  def step(self, step: int, batch: dict[str, np.ndarray]) -> dict[str, float]:
    """All that happens in step number `step`, on a global batch of uint8 images and labels.

    Returns:
      The phases' metrics, means over the global batch; those of phases not due are absent.
    """
    chunks, metrics = self._chunks(batch), {}
    for phase in phases_at(step, self._settings.train):
      self._state, found = self._compiled[phase](self._state, chunks, self._labels)
      metrics |= found
    self._state = self._compiled['average'](self._state)
    return {name: float(value) for name, value in parallel.unreplicate(metrics).items()}

  def state(self) -> TrainState:
    """The train state without device axis, copied to the host."""
    return jax.tree.map(np.asarray, parallel.unreplicate(self._state))

  def sampling_weights(self):
    """(EMA parameters of G, w_avg, noise maps), without device axis."""
    state = self._state
    return parallel.unreplicate((state.ema_params, state.w_avg, state.noise_maps))

  def _chunks(self, batch) -> Chunks:
    """A global batch cut into the devices' chunks and put on them."""
    split = self._layout.sample.shape  # [devices, c, m]
    images = batch['image'].reshape(*split, *batch['image'].shape[1:])
    labels = None
    if self._labels is not None:
      labels = batch['label'].reshape(*split, *batch['label'].shape[1:])
    return parallel.shard(self._layout.replace(images=images, labels=labels))
