"""Which phases run when, and steps against kimg."""

import pytest

from stylegan2_jax.settings import MetricSettings, TrainSettings
from stylegan2_jax.training import schedule
from stylegan2_jax.training.schedule import PHASES, kimg_at, phases_at, steps_for, used_phases


def test_regularizers_are_lazy_and_run_on_step_0():
  train = TrainSettings(pl_interval=4, r1_interval=16)
  assert phases_at(0, train) == ('generator', 'path_length', 'discriminator', 'r1') == PHASES
  assert phases_at(1, train) == ('generator', 'discriminator')
  for step in range(40):
    phases = phases_at(step, train)
    assert ('path_length' in phases) == (step % 4 == 0)
    assert ('r1' in phases) == (step % 16 == 0)
    assert phases == tuple(p for p in PHASES if p in phases)  # in this order


def test_a_weight_of_0_skips_the_phase():
  without_pl, without_r1 = TrainSettings(pl_weight=0.0), TrainSettings(r1_gamma=0.0)
  neither = TrainSettings(pl_weight=0.0, r1_gamma=0.0)
  assert used_phases(TrainSettings()) == PHASES
  for step in (0, 4, 16, 32):
    assert 'path_length' not in phases_at(step, without_pl)
    assert 'r1' not in phases_at(step, without_r1)
    assert phases_at(step, neither) == used_phases(neither) == ('generator', 'discriminator')


@pytest.mark.parametrize(
  ('kimg', 'batch_size', 'steps'),
  [(0.008, 8, 1), (0.032, 8, 4), (0.033, 8, 5), (0.001, 8, 1), (25_000, 32, 781_250), (0, 8, 0)],
)
def test_steps(kimg, batch_size, steps):
  assert steps_for(kimg, batch_size) == steps
  assert kimg_at(steps, batch_size) >= kimg > kimg_at(steps - 1, batch_size)


@pytest.mark.parametrize('batch_size', [1, 7, 8, 12, 32, 48])
def test_steps_and_kimg_are_inverse(batch_size):
  """Whatever the decimals: 0.024 kimg are 3 steps of 8, not 4."""
  for step in range(2000):
    assert steps_for(kimg_at(step, batch_size), batch_size) == step


@pytest.mark.parametrize(
  ('changes', 'expected'),
  [
    ({}, {'generator': 1, 'path_length': 4, 'discriminator': 1, 'r1': 16}),
    ({'pl_interval': 1, 'r1_gamma': 0.0}, {'generator': 1, 'path_length': 1, 'discriminator': 1}),
  ],
)
def test_intervals(changes, expected):
  assert schedule.intervals(TrainSettings(**changes)) == expected


@pytest.mark.parametrize(
  ('keep_every', 'expected'),
  [(0, []), (5, [6, 10, 16, 20]), (2, [*range(2, 21, 2)]), (7, [8, 14]), (21, [])],
)
def test_checkpoints_that_stay(keep_every, expected):
  """Batch 10, a snapshot every 2 steps, the end after 21; given in steps."""
  train = TrainSettings(
    batch_size=10, total_kimg=0.21, snapshot_kimg=0.02, keep_every=keep_every / 100
  )
  steps = list(schedule.snapshot_steps(train))
  assert steps == [*range(2, 21, 2), 21]
  assert steps == [step for step in range(22) if schedule.is_snapshot(step, train)]
  assert [step for step in range(22) if schedule.stays_for_good(step, train)] == expected


@pytest.mark.parametrize(
  ('kimg', 'expected'),
  [
    (0.0, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21]),
    (0.016, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21]),
    (0.04, [6, 10, 16, 20, 21]),
    (9.0, [21]),
  ],
)
def test_when_metrics_are_due(kimg, expected):
  """At the first snapshot at or after each multiple, and at the end; without names never."""
  train = TrainSettings(batch_size=8, total_kimg=21 * 0.008, snapshot_kimg=0.016)
  due = MetricSettings('swd', kimg)
  assert [step for step in range(22) if schedule.is_measured(step, train, due)] == expected
  assert not any(schedule.is_measured(s, train, MetricSettings(kimg=kimg)) for s in range(22))
