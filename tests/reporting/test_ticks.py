import math

import pytest

from stylegan2_jax.reporting.ticks import Ticks


def records(kimgs, **numbers):
  return [{'step': i, 'kimg': kimg, **numbers} for i, kimg in enumerate(kimgs, 1)]


def ends(ticks, kimgs):
  """Where stretches end."""
  return [tick['kimg'] for tick in map(ticks.add, records(kimgs)) if tick]


def test_means_sums_and_what_grows():
  ticks = Ticks(1.0)
  first = {'step': 1, 'kimg': 0.5, 'loss_g': 1.0, 'loss_pl': 4.0, 'nonfinite': 3, 'memory_gib': 1.0}
  second = {'step': 2, 'kimg': 1.0, 'loss_g': 2.0, 'nonfinite': 4, 'memory_gib': 3.0}
  assert ticks.add(first) is None
  tick = ticks.add(second)
  assert tick == {**second, 'loss_g': 1.5, 'loss_pl': 4.0, 'nonfinite': 7}
  assert ticks.take() is None


def test_what_is_not_finite_is_left_out():
  ticks = Ticks(1.0)
  for loss in (math.nan, 2.0, math.inf):
    ticks.add({'step': 1, 'kimg': 0.1, 'loss_g': loss, 'loss_d': math.nan})
  assert ticks.take() == {'step': 1, 'kimg': 0.1, 'loss_g': 2.0}


def test_stretches_end_with_the_first_step_that_reaches_a_multiple():
  assert ends(Ticks(1.0), [0.4, 0.8, 1.2, 1.6, 2.0, 2.4]) == [1.2, 2.0]


def test_a_run_that_goes_on_ends_its_stretches_where_it_would_have():
  kimgs = [n * 0.032 for n in range(1, 200)]
  whole = ends(Ticks(1.0), kimgs)
  assert ends(Ticks(1.0, begin=kimgs[99]), kimgs[100:]) == [k for k in whole if k > kimgs[99]]


def test_steps_longer_than_a_stretch():
  assert ends(Ticks(0.1), [0.25, 0.5, 0.75]) == [0.25, 0.5, 0.75]


def test_multiples_that_floating_point_misses():
  kimgs = [n / 10 for n in range(1, 100)]
  assert ends(Ticks(0.1), kimgs) == kimgs


def test_every_record_counts_once_whatever_is_taken_between():
  ticks, total = Ticks(0.7), 0
  for i, record in enumerate(records([n * 0.032 for n in range(1, 500)], nonfinite=1)):
    tick = ticks.add(record)
    total += tick['nonfinite'] if tick else 0
    rest = ticks.take() if i % 37 == 0 else None
    total += rest['nonfinite'] if rest else 0
  assert total + ticks.take()['nonfinite'] == 499
  assert ticks.take() is None


@pytest.mark.parametrize('value', [True, 2, 2.5])
def test_kinds_of_numbers(value):
  assert Ticks(1.0).add({'step': 1, 'kimg': 2.0, 'a': value})['a'] == value
