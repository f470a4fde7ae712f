"""Writing checkpoints: which stay, what a kill leaves, and a disk that is full."""

import contextlib
import shutil
import time

import jax
import numpy as np
import pytest

from stylegan2_jax import saving
from stylegan2_jax.checkpoints import ADDED, PARTS, Checkpoints
from stylegan2_jax.errors import TrainingFailed
from stylegan2_jax.saving import CheckpointWriter
from tests.helpers import assert_trees_equal, networks, random_state, settings, state_shapes

TRAIN = settings().train
MODULES = networks(4)


@pytest.fixture(scope='module')
def state():
  return random_state(*MODULES, TRAIN)


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'checkpoints'


def at(state, step):
  return state.replace(step=np.int32(step))


@contextlib.contextmanager
def writing(path, keep=2):
  """A writer that is closed at the end."""
  with contextlib.closing(CheckpointWriter(path, keep)) as writer:
    yield writer


def test_some_stay_for_good(path, state):
  with writing(path) as writer:
    for step in range(1, 8):
      writer.save(at(state, step), {}, for_good=step in (2, 3))
    writer.wait()
  assert Checkpoints(path).steps() == [2, 3, 6, 7]
  with writing(path, keep=1) as writer:
    writer.save(at(state, 9), {})
    writer.wait()
  assert Checkpoints(path).steps() == [2, 3, 9]
  assert sorted(p.name for p in path.iterdir()) == ['2', '3', '9']


def test_some_are_spared_for_now(path, state):
  """Beside the newest, as long as they are."""
  best = set()
  with contextlib.closing(CheckpointWriter(path, 2, lambda steps: best & {*steps})) as writer:
    for step in range(1, 8):
      best = {3} if step < 6 else {6}
      writer.save(at(state, step), {})
      if step == 5:
        writer.wait()
        assert writer.steps() == [3, 4, 5]
    writer.wait()
    assert writer.steps() == [6, 7]
    writer.save(at(state, 8), {})
    writer.wait()
    writer.save(at(state, 9), {})
    writer.wait()
  assert Checkpoints(path).steps() == [6, 8, 9]


def test_saving_goes_on_beside_training(path, state, monkeypatch):
  """`save` comes back while the checksums, the last thing to be written, are waited for."""
  write, waiting = saving.manifest.write, []

  def slowly(folder):
    waiting.append(folder)
    time.sleep(1)
    write(folder)

  monkeypatch.setattr(saving.manifest, 'write', slowly)
  with writing(path) as writer:
    writer.save(at(state, 1), {})
    assert writer.steps() == []
    writer.check()
    writer.wait()
    assert (writer.steps(), len(waiting)) == ([1], 1)


def test_what_is_saved_is_what_was_given(path, state):
  """Whatever becomes of the arrays while they are written."""
  mine = jax.tree.map(np.array, at(state, 1))
  expected = jax.tree.map(np.array, mine)
  with writing(path) as writer:
    writer.save(mine, {})
    for array in jax.tree.leaves(mine):
      array[...] = 77
    writer.wait()
  restored = Checkpoints(path).restore_state(1, state_shapes(*MODULES, TRAIN))
  assert_trees_equal(restored, expected)


def test_remains_of_a_kill_go(path, state):
  with writing(path) as writer:
    writer.save(at(state, 1), {})
    writer.wait()
  half = path / '2.orbax-checkpoint-tmp'
  for remains in (half, path / '.removed-0'):
    shutil.copytree(path / '1', remains)
  assert Checkpoints(path).steps() == [1]
  assert half.exists()  # reading removes nothing: another process may be writing
  with writing(path):
    assert sorted(p.name for p in path.iterdir()) == ['1']


def test_one_that_was_half_removed_does_not_count(path, state, monkeypatch):
  """The process dies while it removes an old checkpoint."""

  def dies(*unused, **also_unused):
    raise KeyboardInterrupt

  with writing(path, keep=1) as writer:
    writer.save(at(state, 1), {})
    writer.save(at(state, 2), {})
    monkeypatch.setattr(saving.shutil, 'rmtree', dies)
    with pytest.raises(KeyboardInterrupt):
      writer.wait()
  monkeypatch.undo()
  assert Checkpoints(path).steps() == [2]


def test_set_aside(path, state, tmp_path):
  with writing(path) as writer:
    for _ in range(2):  # the same step is saved again after it was set aside
      writer.save(at(state, 1), {})
      writer.wait()
      assert writer.set_aside(1, tmp_path / 'damaged').exists()
      assert writer.steps() == []
  assert sorted(p.name for p in (tmp_path / 'damaged').iterdir()) == ['1', '1-2']


def test_no_room(path, state, monkeypatch):
  """Said before anything is written; what is there stays."""
  with writing(path) as writer:
    writer.save(at(state, 1), {})
    writer.wait()
    usage = shutil.disk_usage(path)
    monkeypatch.setattr(saving.shutil, 'disk_usage', lambda p: usage._replace(free=1000))
    with pytest.raises(TrainingFailed, match=r'checkpoints \(1 MiB are needed, 0 are free\): make'):
      writer.save(at(state, 2), {})
  assert sorted(p.name for p in path.iterdir()) == ['1']


def test_a_failure_while_writing(path, state, monkeypatch):
  """It comes up at a later step, as one line, and once."""

  def fails(folder):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(saving.manifest, 'write', fails)
  with writing(path) as writer:
    writer.save(at(state, 1), {})
    with pytest.raises(TrainingFailed, match=r'cannot write a checkpoint .*\(No space left on dev'):
      writer.wait()
  assert Checkpoints(path).steps() == []


def test_checkpoints_of_older_versions(path, state, monkeypatch):
  """Fields that they lack are those of a fresh state."""
  older = {part: tuple(f for f in fields if f not in ADDED) for part, fields in PARTS.items()}
  monkeypatch.setattr(saving, 'PARTS', older)
  with writing(path) as writer:
    writer.save(at(state, 1), {})
    writer.wait()
  monkeypatch.undo()
  fresh = random_state(*MODULES, TRAIN, seed=9)
  fresh = fresh.replace(bad_steps=np.int32(7))
  restored = Checkpoints(path).restore_state(1, fresh)
  assert_trees_equal(restored, at(state, 1).replace(bad_steps=np.int32(7)))
