"""Which phases run in a step, and conversions between steps and kimg."""

import itertools
from collections.abc import Iterator

from stylegan2_jax.settings import MetricSettings, TrainSettings

PHASES = ('generator', 'path_length', 'discriminator', 'r1')  # in the order they run
HELD_OUT_INTERVAL = 4  # D looks at held-out images every so many steps


def phases_at(step: int, train: TrainSettings) -> tuple[str, ...]:
  """The phases of a step. Regularizers run lazily, on step 0 too, and never with weight 0.

  With an interval of 0 they are part of the main phase of their network.
  """
  path_length = train.pl_weight != 0 and not train.path_length_not_lazy
  path_length = path_length and step % train.pl_interval == 0
  r1 = train.penalizes_gradient and not train.penalties_not_lazy
  r1 = r1 and step % train.r1_interval == 0
  due = {'generator': True, 'path_length': path_length, 'discriminator': True, 'r1': r1}
  return tuple(phase for phase in PHASES if due[phase])


def used_phases(train: TrainSettings) -> tuple[str, ...]:
  """The phases that ever run: those of step 0."""
  return phases_at(0, train)


def intervals(train: TrainSettings) -> dict[str, int]:
  """How many steps lie between two runs of each phase in use."""
  return {
    phase: next(step for step in itertools.count(1) if phase in phases_at(step, train))
    for phase in used_phases(train)
  }


def is_snapshot(step: int, train: TrainSettings) -> bool:
  """Whether a grid and a checkpoint are due after so many steps."""
  every = steps_for(train.snapshot_kimg, train.batch_size)
  return step > 0 and (step % every == 0 or step == steps_for(train.total_kimg, train.batch_size))


def snapshot_steps(train: TrainSettings) -> Iterator[int]:
  """The steps of a whole run for which `is_snapshot` holds."""
  every = steps_for(train.snapshot_kimg, train.batch_size)
  total = steps_for(train.total_kimg, train.batch_size)
  yield from range(every, total, every)
  yield total


def stays_for_good(step: int, train: TrainSettings) -> bool:
  """Whether the checkpoint of a step is the first at or after a multiple of train.keep_every."""
  return bool(train.keep_every) and _is_first_after(step, train.keep_every, train)


def is_measured(step: int, train: TrainSettings, metrics: MetricSettings) -> bool:
  """Whether metrics are due after so many steps: then a snapshot is, too."""
  if not metrics.names or not is_snapshot(step, train):
    return False
  last = steps_for(train.total_kimg, train.batch_size)
  return not metrics.kimg or step == last or _is_first_after(step, metrics.kimg, train)


def _is_first_after(step, kimg, train):
  """Whether a step is that of the first regular snapshot at or after a multiple of so many kimg."""
  every = steps_for(kimg, train.batch_size)
  snapshots = steps_for(train.snapshot_kimg, train.batch_size)
  return step > 0 and step % snapshots == 0 and step // every > (step - snapshots) // every


def steps_for(kimg: float, batch_size: int) -> int:
  """The number of steps that show at least `kimg` thousand images."""
  images = round(kimg * 1000, 3)  # 8.028·1000 is not 8028 in floating point
  return -int(-images // batch_size)


def kimg_at(step: int, batch_size: int) -> float:
  """Thousands of images shown in `step` steps."""
  return step * batch_size / 1000
