"""Runs of the real command that end and go on equal a run that went on at once, to the bit."""

import pytest

from tests.helpers import assert_trees_equal
from tests.training.workplace import BATCH, Workplace, contents


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """With `straight`, four steps, and `halves`: two, an end, two more."""
  place = Workplace(tmp_path_factory.mktemp('resume'))
  for name, steps, said in (
    ('straight', 4, 'finished at step 4 '),
    ('halves', 2, 'finished at step 2 '),
    ('halves', 4, 'going on from step 2 '),
  ):
    done = place.train(name, steps)
    assert (done.returncode, done.stderr) == (0, '')
    assert said in done.stdout
  return place


def test_4_steps_are_2_and_2(place):
  assert_trees_equal(place.state('halves', 4), place.state('straight', 4))


def test_no_step_is_missing_or_doubled(place):
  expected = place.numbers('straight')
  assert [record['step'] for record in expected] == [1, 2, 3, 4]
  assert place.numbers('halves') == expected


def test_the_numbers_are_there(place):
  """Those of each phase, in the steps in which it runs (1 and 3 hold step 0 and 2)."""
  for record in place.numbers('straight'):
    assert {'loss_g', 'loss_d', 'logits_real', 'logits_fake', 'learning_rate'} <= set(record)
    assert ('pl_mean' in record) == ((record['step'] - 1) % 2 == 0)
    assert ('r1_penalty' in record) == ((record['step'] - 1) % 3 == 0)
    assert record['kimg'] == record['step'] * BATCH / 1000


def test_a_finished_run_is_left_alone(place):
  before = contents(place.path / 'halves')
  done = place.train('halves', 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert 'nothing to do' in done.stdout
  assert contents(place.path / 'halves') == before


def test_a_damaged_checkpoint(place):
  """It is passed over for the one before, said, kept, and made again."""
  path = place.copy('halves', 'damaged')
  (path / 'checkpoints' / '4' / 'training' / 'manifest.ocdbt').unlink()
  done = place.train('damaged', 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert f'passed over: checkpoint {path / "checkpoints" / "4"} is damaged (' in done.stdout
  assert 'going on from step 2 ' in done.stdout
  assert (path / 'damaged' / '4' / 'info').is_dir()
  assert_trees_equal(place.state('damaged', 4), place.state('straight', 4))
  assert place.numbers('damaged') == place.numbers('straight')


def test_all_checkpoints_are_damaged(place):
  """Beginning anew would lose the run: one line, nothing touched."""
  path = place.copy('halves', 'all_damaged')
  for file in path.glob('checkpoints/*/training/manifest.ocdbt'):
    file.unlink()
  before = contents(path)
  done = place.train('all_damaged', 4)
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr
  assert done.stderr.startswith(f'error: checkpoint {path / "checkpoints" / "4"} is damaged (')
  assert ', and so are all others: put a copy back' in done.stderr
  assert contents(path) == before
