"""Thinned curves of stats.jsonl: equal stretches, true means, bounded memory, files cut back."""

import json

import numpy as np
import pytest

from stylegan2_jax.reporting.history import History
from stylegan2_jax.stats import Stats


def write(stats, steps, **numbers):
  """Records of these steps, 8 images and 0.5 s each; numbers are functions of the step."""
  for step in steps:
    record = {'step': step, 'kimg': step * 8 / 1000, **{k: f(step) for k, f in numbers.items()}}
    stats.append({**record, 'seconds': 0.5, 'elapsed_seconds': step * 0.5})


@pytest.fixture
def stats(tmp_path):
  stats = Stats(tmp_path / 'stats.jsonl')
  yield stats
  stats.close()


def test_few_records_are_kept_as_they_are(stats):
  write(stats, range(1, 5), loss_g=lambda step: step / 4)
  history = History(stats, limit=4)
  history.update()
  assert [s.step for s in history.stretches] == [1, 2, 3, 4]
  assert [s.numbers['loss_g'].mean for s in history.stretches] == [0.25, 0.5, 0.75, 1.0]
  assert history.names == ['loss_g', 'seconds']
  assert history.last['step'] == 4


def test_stretches_are_equal_and_their_numbers_true(stats):
  """1000 steps in at most 30 stretches: 32 steps each make 32, so 64 steps make 16."""
  values = np.random.default_rng(0).standard_normal(1001)
  write(stats, range(1, 1001), loss_g=lambda step: values[step])
  history = History(stats, limit=30)
  history.update()
  stretches = history.stretches
  assert [s.step for s in stretches] == [*range(64, 1000, 64), 1000]
  for begin, stretch in zip(range(1, 1000, 64), stretches, strict=True):
    part = values[begin : stretch.step + 1]
    curve = stretch.numbers['loss_g']
    assert curve.count == len(part)
    np.testing.assert_allclose(curve.mean, part.mean(), rtol=1e-9)
    assert (curve.low, curve.high) == (part.min(), part.max())
    assert stretch.kimg == stretch.step * 8 / 1000
  np.testing.assert_allclose(history.total('loss_g'), values[1:].sum(), rtol=1e-9)
  assert history.total('no such number') == 0


def test_reading_on_equals_reading_at_once(stats):
  history = History(stats, limit=7)
  history.update()
  assert (history.stretches, history.last) == ([], None)
  for begin in range(1, 100, 13):
    write(stats, range(begin, begin + 13), a=lambda step: step % 5)
    history.update()
  whole = History(stats, limit=7)
  whole.update()
  assert contents(history) == contents(whole)


def test_numbers_that_are_not_in_every_step(stats):
  """R1 every fourth step: means over the steps that have it; stretches without it have none."""
  for step in range(1, 17):
    r1 = {'r1_penalty': float(step)} if step % 8 == 1 else {}
    stats.append({'step': step, 'kimg': step / 100, 'note': 'text', **r1})
  history = History(stats, limit=4)
  history.update()
  means = [s.numbers['r1_penalty'].mean if s.numbers else None for s in history.stretches]
  assert means == [1.0, None, 9.0, None]


def test_a_file_that_was_cut_back_is_read_anew(stats):
  write(stats, range(1, 21), a=lambda step: 1.0)
  history = History(stats, limit=100)
  history.update()
  stats.cut(10)
  history.update()
  assert history.stretches[-1].step == history.last['step'] == 10
  # Cut, and grown beyond what was read before, in lines of other lengths.
  write(stats, range(11, 41), a=lambda step: 2.125)
  history.update()
  stats.cut(35)
  write(stats, range(36, 61), a=lambda step: 3)
  history.update()
  assert [s.step for s in history.stretches] == list(range(1, 61))
  assert history.total('a') == 10 * 1 + 25 * 2.125 + 25 * 3
  stats.path.unlink()
  history.update()
  assert history.stretches == []


def test_memory_does_not_grow_with_the_run(stats):
  stats.path.write_text(
    ''.join(json.dumps({'step': i, 'kimg': i / 100, 'a': i}) + '\n' for i in range(1, 50_001))
  )
  history = History(stats, limit=100)
  history.update()
  assert 50 <= len(history.stretches) <= 100
  assert history.total('a') == 50_000 * 50_001 / 2


def test_elapsed_time_of_a_grid(stats):
  """Exact where asked for, else in proportion: here a step takes 0.5 s, but the 9th 100 s more."""
  for step in range(1, 17):
    elapsed = step * 0.5 + (100 if step >= 9 else 0)
    stats.append({'step': step, 'kimg': step / 10, 'elapsed_seconds': elapsed})
  history = History(stats, limit=2)
  history.update({0.8, 0.9, 7.0})
  assert [s.step for s in history.stretches] == [8, 16]
  assert history.elapsed_at(0.0) == 0
  assert history.elapsed_at(0.4) == pytest.approx(2.0)
  assert (history.elapsed_at(0.8), history.elapsed_at(0.9)) == (4.0, 104.5)
  assert history.elapsed_at(1.2) == pytest.approx(4.0 + (108.0 - 4.0) / 2)
  assert history.elapsed_at(7.0) is None


def test_elapsed_time_of_older_versions_is_that_of_the_steps(stats):
  for step in (1, 2, 3):
    stats.append({'step': step, 'kimg': step / 10, 'seconds': 2.0})
  history = History(stats)
  history.update()
  assert [s.elapsed for s in history.stretches] == [2.0, 4.0, 6.0]


def test_damage_is_passed_over(stats):
  """Also in the line before the last record, which is where it was when the file is read on."""
  write(stats, range(1, 3), a=lambda step: 1.0)
  stats.close()
  with stats.path.open('a') as file:
    file.write('damaged\n')
  write(stats, range(3, 4), a=lambda step: 1.0)
  history = History(stats)
  history.update()
  write(stats, range(4, 5), a=lambda step: 1.0)
  history.update()
  assert [s.step for s in history.stretches] == [1, 2, 3, 4]
  assert history.total('a') == 4
  assert 'in line 3:' in stats.fault


def test_a_file_that_was_cut_back_is_not_called_damaged(stats):
  """What was the beginning of a line may be the middle of another."""
  write(stats, range(1, 11), a=lambda step: 1.0)
  history = History(stats)
  history.update()
  stats.cut(5)
  write(stats, range(6, 12), a=lambda step: 2.1)
  history.update()
  assert history.last['step'] == 11
  assert stats.fault is None


def contents(history):
  """Everything about the stretches, comparable."""
  return [
    (
      s.step,
      s.kimg,
      s.elapsed,
      {k: (c.count, c.total, c.low, c.high) for k, c in s.numbers.items()},
    )
    for s in history.stretches
  ]
