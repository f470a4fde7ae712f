"""Runs of the real command that end and go on equal a run that went on at once, to the bit."""

import json
import shutil

import pytest

from stylegan2_jax import manifest
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training.resume import check_not_lost
from tests.helpers import assert_trees_equal, changed
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


def test_augmentation_goes_on(place):
  """Its strength, the signs seen since it moved, and the held-out images' position."""
  ada = {'augment__kind': 'ada', 'augment__ada_kimg': 0.1, 'augment__interval': 3}
  ada |= {'augment__p': 0.5, 'data__held_out': 0.2}
  for name, steps in (('ada', 8), ('ada_halves', 4), ('ada_halves', 8)):
    done = place.train(name, steps, **ada)
    assert (done.returncode, done.stderr) == (0, '')
  assert_trees_equal(place.state('ada_halves', 8), place.state('ada', 8))
  numbers = place.numbers('ada')
  assert place.numbers('ada_halves') == numbers
  strengths = [record['augment_p'] for record in numbers]
  assert strengths[:2] == [0.5, 0.5]
  assert strengths[2] == strengths[4] == pytest.approx(0.5 - 0.24) or strengths[2] == pytest.approx(
    0.74
  )
  assert strengths[5] != strengths[4]
  assert strengths[6] == strengths[7] == strengths[5]
  assert ['logits_held_out' in record for record in numbers] == [*[True, False, False, False] * 2]


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


def test_a_renamed_checkpoint(place):
  """It would be later than any that comes: it is moved aside, and saving goes on."""
  path = place.copy('halves', 'renamed')
  folder = path / 'checkpoints' / '50'
  (path / 'checkpoints' / '4').rename(folder)
  done = place.train('renamed', 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert f'passed over: checkpoint {folder} is damaged (info: it is of step 4, its' in done.stdout
  assert 'going on from step 2 ' in done.stdout
  assert (path / 'damaged' / '50' / 'info').is_dir()
  assert_trees_equal(place.state('renamed', 4), place.state('straight', 4))


def test_a_lost_folder_of_checkpoints(place):
  """As where its disk is not mounted: one line, nothing touched."""
  path = place.copy('halves', 'lost')
  shutil.rmtree(path / 'checkpoints')
  before = contents(path)
  done = place.train('lost', 4)
  line = f'{path / "checkpoints"} is not there, but {path / "stats.jsonl"} has 4 steps: bring that'
  assert (done.returncode, done.stderr.count('\n')) == (2, 1), done.stderr
  assert done.stderr.startswith(f'error: {line} folder back, or remove stats.jsonl or name another')
  assert contents(path) == before
  assert not (path / 'checkpoints').exists()
  (path / 'stats.jsonl').unlink()
  done = place.train('lost', 4)
  assert (done.returncode, done.stderr) == (0, '')
  assert place.numbers('lost') == place.numbers('straight')


def test_an_empty_folder_of_checkpoints(run_dir):
  """Snapshots are at steps 10, 20, ...: while the second is begun, the first may be half written.

  Which settings count are those that the numbers were written with.
  """
  settings = changed(train__batch_size=100, train__snapshot_kimg=1.0, train__total_kimg=9.0)
  with RunDirectory(run_dir).open(settings) as run:
    check_not_lost(run)
    for step in range(1, 21):
      run.stats.append({'step': step, 'kimg': step / 10})
      check_not_lost(run)
    run.stats.append({'step': 21, 'kimg': 2.1})
    with pytest.raises(UserError, match=r'checkpoints has no checkpoint, but .* has 21 steps: '):
      check_not_lost(run)
    run.write_settings(changed(train__batch_size=100, train__snapshot_kimg=2.0))
    check_not_lost(run)


def test_an_older_version_did_not_save_the_elapsed_time(place):
  """It is the sum of the steps' until the checkpoint: here 1000 s each."""
  path = place.copy('halves', 'older')
  shutil.rmtree(path / 'checkpoints' / '4')
  file = path / 'checkpoints' / '2' / 'info' / 'metadata'
  info = json.loads(file.read_text())
  del info['elapsed_seconds']
  file.write_text(json.dumps(info))
  manifest.write(path / 'checkpoints' / '2')
  records = [json.loads(line) for line in (path / 'stats.jsonl').read_text().splitlines()]
  for record in records:
    del record['elapsed_seconds']
    record['seconds'] = 1000.0
  (path / 'stats.jsonl').write_text(''.join(f'{json.dumps(record)}\n' for record in records))
  done = place.train('older', 4)
  assert (done.returncode, done.stderr) == (0, '')
  lines = (path / 'stats.jsonl').read_text().splitlines()
  elapsed = [json.loads(line).get('elapsed_seconds') for line in lines]
  assert elapsed[:2] == [None, None]
  assert 2000 < elapsed[2] < elapsed[3] < 2999


def test_a_damaged_line_among_the_numbers(place):
  """It costs neither the run nor its report, and is said once."""
  path = place.copy('halves', 'damaged_numbers')
  shutil.rmtree(path / 'checkpoints' / '4')
  numbers = path / 'stats.jsonl'
  numbers.write_text(numbers.read_text().replace('{"step": 1,', '{"st'))
  done = place.train('damaged_numbers', 4, every=1)
  assert (done.returncode, done.stderr) == (0, '')
  words = f'warning: {numbers} is damaged in line 1: passed over, remove that line\n'
  assert done.stdout.count(words) == 1
  assert 'report.html failed' not in done.stdout
  assert_trees_equal(place.state('damaged_numbers', 4), place.state('straight', 4))
