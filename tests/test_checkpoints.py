"""Checkpoints: what is saved comes back to the bit, and damage is named and makes none."""

import shutil

import jax
import numpy as np
import pytest

from stylegan2_jax.checkpoints import PARTS, Checkpoints
from stylegan2_jax.errors import UserError
from stylegan2_jax.saving import CheckpointWriter
from tests.helpers import assert_trees_equal, names, networks, random_state, settings, state_shapes

TRAIN = settings().train
MODULES = networks(8)
INFO = {'kimg': 0.5, 'data': {'step': 3}, 'class_names': ['a', 'ü']}
DAMAGES = {
  'deleted': lambda path: path.unlink(),
  'truncated': lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
  'overwritten': lambda path: path.write_bytes(b'\x93garbage' * (path.stat().st_size // 8 + 1)),
  'one bit': lambda path: path.write_bytes(one_bit_flipped(path.read_bytes())),
}


def one_bit_flipped(content):
  """Other bytes, of which one differs in one bit."""
  middle = len(content) // 2
  return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.fixture(scope='module')
def state():
  """A train state of random values."""
  return random_state(*MODULES, TRAIN)


@pytest.fixture(scope='module')
def saved(state, tmp_path_factory):
  """A folder with the steps 3 and 7; of 3 the key differs. Not to be changed: see `copy`."""
  path = tmp_path_factory.mktemp('run') / 'checkpoints'
  checkpoints = CheckpointWriter(path, keep=2)
  for step in (3, 7):
    key = np.array([step, step], np.uint32)
    checkpoints.save(state.replace(step=np.int32(step), key=key), INFO)
  checkpoints.wait()
  checkpoints.close()
  return path


@pytest.fixture
def copy(saved, tmp_path):
  """A folder of checkpoints to spoil."""
  return shutil.copytree(saved, tmp_path / 'checkpoints')


def contents(path):
  """Every file below a folder, and its bytes."""
  return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob('*') if p.is_file()}


def refusal(fn):
  """The one line of the UserError that fn raises."""
  with pytest.raises(UserError) as caught:
    fn()
  line = str(caught.value)
  assert '\n' not in line
  assert len(line) < 500
  return line


def test_the_whole_state_comes_back_to_the_bit(saved, state):
  checkpoints = Checkpoints(saved)
  assert checkpoints.steps() == [3, 7]
  restored = checkpoints.restore_state(3, state_shapes(*MODULES, TRAIN))
  expected = state.replace(step=np.int32(3), key=np.array([3, 3], np.uint32))
  assert_trees_equal(restored, expected)
  assert jax.tree.structure(restored) == jax.tree.structure(expected)
  assert checkpoints.info(3) == INFO


def test_a_part_comes_alone(saved, state, tmp_path):
  """Sampling needs the generator only: the other parts may be gone."""
  lean = tmp_path / 'lean'
  for part in ('generator', 'info'):
    shutil.copytree(saved / '7' / part, lean / '7' / part)
  shutil.copy(saved / '7' / '_CHECKPOINT_METADATA', lean / '7')
  like = {field: getattr(state, field) for field in PARTS['generator']}
  restored = Checkpoints(lean).restore(7, 'generator', like)
  assert_trees_equal(restored, like)
  assert 'damaged' in refusal(
    lambda: Checkpoints(lean).restore(7, 'training', {'step': state.step})
  )


def test_the_parts_are_the_state(state):
  fields = [field for part in PARTS.values() for field in part]
  assert sorted(fields) == sorted(state.__dataclass_fields__)


def test_precision_is_kept(tmp_path, x64):
  state = random_state(*networks(4, dtype='float64'), TRAIN)
  checkpoints = CheckpointWriter(tmp_path / 'checkpoints', keep=1)
  checkpoints.save(state, {})
  checkpoints.wait()
  assert_trees_equal(checkpoints.restore_state(0, state), state)
  checkpoints.close()


def test_the_newest_are_kept(tmp_path, state):
  path = tmp_path / 'checkpoints'
  checkpoints = CheckpointWriter(path, keep=2)
  for step in (1, 2, 5, 9):
    checkpoints.save(state.replace(step=np.int32(step)), INFO)
  checkpoints.wait()
  checkpoints.close()
  assert Checkpoints(path).steps() == [5, 9]
  assert sorted(p.name for p in path.iterdir()) == ['5', '9']


def test_reading_leaves_no_trace(copy, state):
  before = contents(copy)
  checkpoints = Checkpoints(copy)
  checkpoints.restore_state(7, state)
  checkpoints.close()
  assert contents(copy) == before


def test_half_written_checkpoints_do_not_count(copy):
  """Orbax writes under a temporary name until all is there."""
  shutil.copytree(copy / '7', copy / '9.orbax-checkpoint-tmp-123')
  assert Checkpoints(copy).steps() == [3, 7]


def test_choosing_a_step(saved, tmp_path):
  checkpoints = Checkpoints(saved)
  assert checkpoints.choose(None) == 7
  assert checkpoints.choose(3) == 3
  line = refusal(lambda: checkpoints.choose(4))
  assert 'no checkpoint of step 4' in line
  assert 'there are 3, 7' in line
  assert 'train first' in refusal(lambda: Checkpoints(tmp_path).choose(None))


def files_of_value(path):
  """Of each part the index and the largest data, and what says which parts there are."""
  files = [path / '_CHECKPOINT_METADATA', path / 'info' / 'metadata']
  for part in PARTS:
    files += [path / part / 'manifest.ocdbt', path / part / '_METADATA']
    files += (path / part / 'd').iterdir()
    files.append(max((path / part).rglob('d/*'), key=lambda file: file.stat().st_size))
  return files


@pytest.mark.parametrize('damage', DAMAGES)
def test_a_damaged_file_is_named_or_not_needed(damage, copy, state):
  """File by file: its part comes back whole, or one line says which checkpoint is damaged."""
  refused = set()
  for file in files_of_value(copy / '7'):
    content, name = file.read_bytes(), str(file.relative_to(copy / '7'))
    DAMAGES[damage](file)
    before = contents(copy)
    try:
      check_part(Checkpoints(copy), name.split('/')[0], state)
    except UserError as error:
      refused.add(name)
      line = str(error)
      assert '\n' not in line
      assert len(line) < 500
      assert f'checkpoint {copy / "7"} is damaged (' in line
      assert 'remove that folder to use step 3' in line
    assert contents(copy) == before
    file.write_bytes(content)
  assert {f'{part}/manifest.ocdbt' for part in PARTS} <= refused
  assert sum('/d/' in name for name in refused) >= len(PARTS)


def check_part(checkpoints, part, state):
  """Reads one part, and compares it with what was saved."""
  if part in PARTS:
    saved = state.replace(step=np.int32(7), key=np.array([7, 7], np.uint32))
    like = {field: getattr(saved, field) for field in PARTS[part]}
    assert_trees_equal(checkpoints.restore(7, part, like), like)
  else:
    assert checkpoints.info(7) == INFO


def test_the_last_checkpoint_of_all(copy, state):
  """There is no other to fall back on, and the line says so."""
  shutil.rmtree(copy / '3')
  (copy / '7' / 'training' / 'manifest.ocdbt').unlink()
  line = refusal(lambda: Checkpoints(copy).restore_state(7, state))
  assert '(training: ' in line
  assert 'there is no other' in line


def test_a_part_is_missing(copy, state):
  shutil.rmtree(copy / '7' / 'discriminator')
  assert '(discriminator: ' in refusal(lambda: Checkpoints(copy).restore_state(7, state))


@pytest.mark.parametrize(
  ('resolution', 'changes', 'array', 'found', 'wanted'),
  [
    (8, {'channel_max': 6}, '.const', [4, 4, 8], [4, 4, 6]),
    (8, {'w_dim': 4}, '', 8, 4),
    (16, {}, 'b16.', 'nothing', 8),
    (8, {'g_architecture': 'resnet'}, 'b8.skip.weight', 'nothing', 8),
  ],
)
def test_another_network(resolution, changes, array, found, wanted, saved):
  other = state_shapes(*networks(resolution, **changes), TRAIN)
  before = contents(saved)
  line = refusal(lambda: Checkpoints(saved).restore_state(7, other))
  assert f'checkpoint {saved / "7"} is of another network (ema_params.' in line
  for word in (array, str(found), f'not {wanted}' if isinstance(wanted, list) else str(wanted)):
    assert word in line, line
  assert contents(saved) == before


def test_a_smaller_network_is_another_network(saved, state):
  """All its arrays are there, in these shapes; but so are more."""
  smaller = random_state(*networks(4), TRAIN)
  like, larger = (
    {field: getattr(s, field) for field in PARTS['generator']} for s in (smaller, state)
  )
  shapes, others = ({n: x.shape for n, x in names(tree).items()} for tree in (like, larger))
  assert shapes.items() < others.items()
  line = refusal(lambda: Checkpoints(saved).restore(7, 'generator', like))
  assert 'is of another network (ema_params.synthesis.b8' in line


def test_a_damaged_part_does_not_hinder_the_others(copy, state):
  """Sampling from a run whose optimizer state is lost."""
  (copy / '7' / 'training' / 'manifest.ocdbt').unlink()
  check_part(Checkpoints(copy), 'generator', state)
