"""The compiled training step: state and phases on the devices, arrays and numbers outside."""

import enum
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.settings import Settings
from stylegan2_jax.training import nonfinite, parallel
from stylegan2_jax.training.chunks import Chunks, chunk_layout
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.replicas import unequal_leaves
from stylegan2_jax.training.schedule import phases_at, used_phases
from stylegan2_jax.training.state import TrainState
from stylegan2_jax.training.steps import PHASE_STEPS, finish_step, held_out_step

# The parameters that a phase has the gradient of.
_TRAINED = {
  'generator': 'g_params',
  'path_length': 'g_params',
  'discriminator': 'd_params',
  'r1': 'd_params',
}


Batch = dict[str, np.ndarray]


class Wish(enum.IntEnum):
  """What a host wants to become of the run; the largest counts."""

  GO_ON = 0
  STOP = 1  # after a checkpoint
  FAIL = 2  # it cannot go on


class Outcome(NamedTuple):
  """What a step came to: the same on all hosts."""

  metrics: dict[str, float]  # of the phases that were due: means over the global batch
  nonfinite: dict[str, dict[str, int]]  # phase -> leaf of its gradient -> values not finite, if any
  bad_params: list[str]  # leaves of the state that are not finite
  bad_steps: int  # the latest steps in a row with gradients that are not finite
  wish: Wish  # the largest that any host had


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
    self._recipe = Recipe(*networks, train, settings.augment, settings.finetune, parallel.AXIS_NAME)
    layout = chunk_layout(train.batch_size, train.chunk_size, parallel.device_count())
    layout = parallel.local_rows(layout)
    self._split = layout.sample.shape  # [local devices, c, m]
    self._layout = parallel.shard(layout)
    self._state = parallel.replicate(state)
    self._labels = None if labels is None else parallel.replicate(labels)
    self._leaves = {
      phase: nonfinite.leaf_names(getattr(state, _TRAINED[phase])) for phase in used_phases(train)
    }
    self._none_bad = {  # what phases that are not due count
      phase: parallel.replicate(np.zeros(len(names), np.int32))
      for phase, names in self._leaves.items()
    }
    devices = self._split[0]
    self._wishes = [parallel.shard(np.full(devices, wish, np.int32)) for wish in Wish]
    self._compiled = {}

  @property
  def compiled(self) -> dict[str, Callable]:
    """What `compile` made, by name.

    The phases, 'average', 'held_out' with held-out images, and 'compare' for several devices.
    """
    return self._compiled

  def compile(self, announce: Callable[[str, float], None]) -> None:
    """Compiles each phase in use; `announce` hears name and seconds."""
    shape = (*self._settings.data.size, self._settings.data.channels)
    n = math.prod(self._split)
    zeros = {'image': np.zeros((n, *shape), np.uint8)}
    if self._labels is not None:  # [devices, num_images] classes or [..., c_dim] vectors
      zeros['label'] = np.zeros((n, *self._labels.shape[2:]), self._labels.dtype)
    chunks = self.put(zeros)
    functions = {
      phase: (
        parallel.parallel(functools.partial(PHASE_STEPS[phase], recipe=self._recipe)),
        (self._state, chunks, self._labels),
      )
      for phase in used_phases(self._settings.train)
    }
    finish = parallel.parallel(functools.partial(finish_step, recipe=self._recipe))
    functions['average'] = (finish, (self._state, self._none_bad, self._wishes[0]))
    if self._settings.data.held_out:
      held_out = parallel.parallel(functools.partial(held_out_step, recipe=self._recipe))
      functions['held_out'] = (held_out, (self._state, chunks, self._labels))
    if parallel.device_count() > 1:
      functions['compare'] = (parallel.parallel(_compare), (self._state,))
    # First what is traced in no time, so that there is something to compile.
    compiled = parallel.compile_all({'average': functions['average'], **functions}, announce)
    self._compiled = {name: compiled[name] for name in functions}

  def put(self, batch: Batch) -> Chunks:
    """Puts a batch on the devices, cut into their chunks: this host's part of the global batch."""
    pieces = {'images': batch['image']}
    if self._labels is not None:
      pieces['labels'] = batch['label']
    pieces = {name: x.reshape(*self._split, *x.shape[1:]) for name, x in pieces.items()}
    return self._layout.replace(**parallel.shard(pieces))

  def step(
    self,
    step: int,
    batch: Batch | Chunks,
    wish: Wish = Wish.GO_ON,
    held_out: Batch | Chunks | None = None,
    meanwhile: Callable[[], None] = lambda: None,
  ) -> Outcome:
    """All that happens in step number `step`.

    Args:
      step: counted from 0.
      batch: this host's part of the global batch: uint8 images and labels, or what `put` makes.
      wish: this host's.
      held_out: a batch of held-out images, if D is to look at them in this step.
      meanwhile: called when the devices have all that they need, so that they do not wait for it.
    """
    chunks, metrics, bad = self._on_devices(batch), {}, dict(self._none_bad)
    if held_out is not None:  # first, with the D that Dmain begins with
      held_out = self._on_devices(held_out)
      self._state, found = self._compiled['held_out'](self._state, held_out, self._labels)
      metrics |= found
    for phase in phases_at(step, self._settings.train):
      self._state, found, bad[phase] = self._compiled[phase](self._state, chunks, self._labels)
      metrics |= found
    self._state, ends = self._compiled['average'](self._state, bad, self._wishes[wish])
    meanwhile()
    metrics, ends = parallel.fetch((metrics, ends))
    if self._settings.augment.kind != 'none':
      metrics |= {'r_t': ends['r_t']}
    if self._settings.augment.kind in ('ada', 'fixed'):
      metrics |= {'augment_p': ends['augment_p']}
    return Outcome(
      metrics={name: float(value) for name, value in metrics.items()},
      nonfinite=self._named(parallel.fetch(bad)) if ends['nonfinite'] else {},
      bad_params=self._bad_leaves() if ends['bad_state'] else [],
      bad_steps=int(ends['bad_steps']),
      wish=Wish(int(ends['wish'])),
    )

  def replica_differences(self) -> list[str]:
    """Names of the leaves of the state whose bits are not the same on all devices."""
    if 'compare' not in self._compiled:
      return []
    self._state, unequal = self._compiled['compare'](self._state)
    names = nonfinite.leaf_names(self._state)
    return [name for name, differs in zip(names, parallel.fetch(unequal), strict=True) if differs]

  def state(self) -> TrainState:
    """The train state without device axis, copied to the host."""
    return jax.tree.map(np.asarray, parallel.unreplicate(self._state))

  def sampling_weights(self):
    """(EMA parameters of G, w_avg, noise maps), without device axis."""
    state = self._state
    return parallel.unreplicate((state.ema_params, state.w_avg, state.noise_maps))

  def _on_devices(self, batch):
    return batch if isinstance(batch, Chunks) else self.put(batch)

  def _named(self, bad):
    """The counts that are not zero: phase -> leaf -> count."""
    found = {}
    for phase, counts in bad.items():
      named = zip(self._leaves[phase], counts.tolist(), strict=True)
      found[phase] = {name: count for name, count in named if count}
    return {phase: counts for phase, counts in found.items() if counts}

  def _bad_leaves(self):
    """Names of the leaves of the state that are not finite. Slow: it looks at all of them."""
    return nonfinite.bad_leaves(self.state()) or ['the state on another device']


def _compare(state):
  """(the state, which of its leaves are not the same on all devices). Runs on each device."""
  return state, unequal_leaves(state, parallel.AXIS_NAME)
