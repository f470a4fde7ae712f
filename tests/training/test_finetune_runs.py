"""Fine-tuning by the real command: what it says, what it begins with, and what it refuses."""

import pytest

from tests.helpers import assert_trees_equal
from tests.training.test_cluster import Pair
from tests.training.workplace import Workplace

FIELDS = {'finetune__start': 'first', 'finetune__freeze_d': 1, 'finetune__freeze_mapping': True}


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """With `first`, a run of two steps."""
  place = Workplace(tmp_path_factory.mktemp('finetune'))
  done = place.train('first', 2)
  assert (done.returncode, done.stderr) == (0, '')
  return place


def test_a_run_that_begins_with_another_ones_weights(place):
  """What is frozen shows them to the bit; going on needs the other run no more."""
  done = place.train('second', 1, **FIELDS)
  assert (done.returncode, done.stderr) == (0, '')
  lines = [line.partition('] ')[2] or line for line in done.stdout.splitlines()]
  said = [line for line in lines if 'carried over' in line or 'fresh: ' in line]
  assert len(said) == 2
  assert 'fine-tuning from first/checkpoints/2, carried over: of G ' in said[0]
  assert 'fresh: optimizers, path-length mean' in said[1]
  first, second = place.state('first', 2), place.state('second', 1)
  for params in (second.g_params, second.ema_params):  # that which draws, in both
    assert_trees_equal(params['mapping'], first.ema_params['mapping'])
  assert_trees_equal(second.d_params['b4']['fromrgb'], first.d_params['b4']['fromrgb'])
  assert_trees_equal(second.noise_maps, first.noise_maps)
  assert (second.step, second.g_opt[0].count) == (1, 2)  # its own: two phases of G in one step
  assert [record['step'] for record in place.numbers('second')] == [1]
  moved = place.path / 'first'
  moved = moved.rename(place.path / 'moved')
  try:
    done = place.train('second', 2, **FIELDS)
  finally:
    moved.rename(place.path / 'first')
  assert (done.returncode, done.stderr) == (0, '')
  assert 'going on from step 1' in done.stdout
  assert 'carried over' not in done.stdout
  later = place.state('second', 2)
  for params in (later.g_params, later.ema_params):
    assert_trees_equal(params['mapping'], first.ema_params['mapping'])


def test_two_hosts_begin_with_what_the_first_one_reads(place):
  for status, said in Pair(place, 'pair', 1, **FIELDS).wait():
    assert status == 0, said
  first, pair = place.state('first', 2), place.state('pair', 1)
  assert_trees_equal(pair.g_params['mapping'], first.ema_params['mapping'])
  assert_trees_equal(pair.noise_maps, first.noise_maps)


def test_a_start_that_does_not_fit(place):
  """One line, and no folder, so that the command can be mended and started again."""
  for fields, words in (
    ({**FIELDS, 'finetune__start': 'nowhere'}, 'finetune.start = nowhere does not exist'),
    ({**FIELDS, 'network__w_dim': 16}, 'first/checkpoints/2 has network.w_dim=8, not 16'),
  ):
    done = place.train('third', 1, **fields)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1, done.stderr
    assert words in done.stderr
    assert not (place.path / 'third').exists()
