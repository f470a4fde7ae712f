"""Runs of the real command that stop and go on equal a run that never stopped, to the bit."""

import dataclasses

import pytest

from stylegan2_jax.checkpoints import Checkpoints
from tests.helpers import assert_trees_equal
from tests.training.workplace import BATCH, Workplace, contents


@dataclasses.dataclass
class Runs:
  """What the tests look at."""

  place: Workplace
  stopped_at: int  # where `interrupted` was, at first
  steps: int  # of `straight` and, at last, of `interrupted`
  status: int
  said: str


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """`interrupted`, gone on with to some step; `straight`, as long without a stop."""
  place = Workplace(tmp_path_factory.mktemp('resume'))
  status, said = place.train_and_stop('interrupted')
  stopped_at = place.numbers('interrupted')[-1]['step']
  steps = max(stopped_at + 2, 4)
  for name, options in (('interrupted', {}), ('straight', {'every': 2, 'keep': 100_000})):
    done = place.train(name, steps, **options)
    assert done.returncode == 0, done.stderr
    assert f'finished at step {steps} ' in done.stdout
  return Runs(place, stopped_at, steps, status, said)


@pytest.fixture(scope='module')
def halves(runs):
  """Two steps, a stop, two steps."""
  for steps, message in ((2, 'finished at step 2 '), (4, 'going on from step 2 ')):
    done = runs.place.train('halves', steps)
    assert done.returncode == 0, done.stderr
    assert message in done.stdout
  return 'halves'


def test_4_steps_are_2_and_2(runs, halves):
  assert_trees_equal(runs.place.state(halves, 4), runs.place.state('straight', 4))


def test_no_step_is_missing_or_doubled(runs, halves):
  expected = runs.place.numbers('straight')
  assert [record['step'] for record in expected] == list(range(1, runs.steps + 1))
  assert runs.place.numbers(halves) == expected[:4]
  assert runs.place.numbers('interrupted') == expected


def test_the_numbers_are_there(runs):
  """Those of each phase, in the steps in which it runs (1 and 3 hold step 0 and 2)."""
  records = runs.place.numbers('straight')
  for record in records:
    assert {'loss_g', 'loss_d', 'logits_real', 'logits_fake', 'learning_rate'} <= set(record)
    assert ('pl_mean' in record) == ((record['step'] - 1) % 2 == 0)
    assert ('r1_penalty' in record) == ((record['step'] - 1) % 3 == 0)
    assert record['kimg'] == record['step'] * BATCH / 1000


def test_an_interrupt_saves_and_leaves_cleanly(runs):
  assert runs.status == 75
  assert f'stopped and saved at step {runs.stopped_at} ' in runs.said
  assert runs.stopped_at in Checkpoints(runs.place.path / 'interrupted' / 'checkpoints').steps()


def test_an_interrupted_run_ends_like_any_other(runs):
  straight, interrupted = (runs.place.state(n, runs.steps) for n in ('straight', 'interrupted'))
  assert_trees_equal(interrupted, straight)
  pictures = [
    sorted((runs.place.path / name).glob('fakes-*.png'))[-1] for name in ('straight', 'interrupted')
  ]
  assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_finished_run_is_left_alone(runs, halves):
  before = contents(runs.place.path / halves)
  done = runs.place.train(halves, 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert 'nothing to do' in done.stdout
  assert contents(runs.place.path / halves) == before


def test_a_damaged_checkpoint(runs, halves):
  """It is passed over for the one before, said, kept, and made again."""
  path = runs.place.copy(halves, 'damaged')
  (path / 'checkpoints' / '4' / 'training' / 'manifest.ocdbt').unlink()
  done = runs.place.train('damaged', 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert f'passed over: checkpoint {path / "checkpoints" / "4"} is damaged (' in done.stdout
  assert 'going on from step 2 ' in done.stdout
  assert (path / 'damaged' / '4' / 'info').is_dir()
  assert_trees_equal(runs.place.state('damaged', 4), runs.place.state('straight', 4))
  assert runs.place.numbers('damaged') == runs.place.numbers('straight')[:4]


def test_all_checkpoints_are_damaged(runs, halves):
  """Beginning anew would lose the run: one line, nothing touched."""
  path = runs.place.copy(halves, 'all_damaged')
  for file in path.glob('checkpoints/*/training/manifest.ocdbt'):
    file.unlink()
  before = contents(path)
  done = runs.place.train('all_damaged', 4)
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr
  assert done.stderr.startswith(f'error: checkpoint {path / "checkpoints" / "4"} is damaged (')
  assert ', and so are all others: put a copy back' in done.stderr
  assert contents(path) == before
