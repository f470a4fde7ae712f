"""Passes: what is kept, and that neither batches nor interruptions change a bit of it."""

import errno
import hashlib
import json

import numpy as np
import pytest

from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.metrics import collection
from stylegan2_jax.metrics.collection import GAUSSIAN, ROWS, Batch, Collection

COUNT, WIDTH = 2345, 5
STARTS = [at for b in (0, 1000, 2000) for at in range(b, min(b + 1000, COUNT), 64)]  # of batches
KEEP = {'net.a': GAUSSIAN, 'net.b': ROWS}


def all_rows():
  rng = np.random.default_rng(0)
  return {
    'net.a': rng.normal(3, 2, (COUNT, WIDTH)).astype(np.float32),
    'net.b': rng.normal(0, 1, (COUNT, 3)).astype(np.float32),
  }


def producer(rows, batch=64, seen=None):
  """Batches of the rows, with their numbers as pixels; `seen` hears which were made."""

  def produce(start, stop):
    for first in range(start, stop, batch):
      chosen = slice(first, min(first + batch, stop))
      if seen is not None:
        seen.append(first)
      yield Batch({name: x[chosen] for name, x in rows.items()}, digests()[chosen])

  return produce


def digests():
  """A hash for each number."""
  return np.random.default_rng(1).integers(0, 256, (COUNT, 32), np.uint8)


def silent(done, count):
  pass


def run(folder, rows, batch=64, keep=None, **more):
  return Collection(folder, {'of': 'test'}, keep or KEEP).run(
    COUNT, producer(rows, batch), silent, **more
  )


def bits(found):
  """All that a pass has kept, as bytes."""
  gaussian, rows = found.gaussian('net.a'), found.kept['net.b']
  return [*(np.asarray(x).tobytes() for x in gaussian.arrays().values()), rows.tobytes()]


def test_what_is_kept(tmp_path):
  rows = all_rows()
  found = run(tmp_path / 'pass', rows)
  assert found.count == COUNT
  gaussian = found.gaussian('net.a')
  np.testing.assert_allclose(gaussian.mean, rows['net.a'].mean(0, dtype=float), rtol=1e-12)
  covariance = np.cov(rows['net.a'].astype(float), rowvar=False)
  np.testing.assert_allclose(gaussian.covariance, covariance, rtol=1e-10)
  np.testing.assert_array_equal(found.kept['net.b'], rows['net.b'])
  assert isinstance(found.kept['net.b'], np.memmap)


@pytest.mark.parametrize('batch', [1, 7, 999, 1000, 4000])
def test_batches_do_not_matter(tmp_path, batch):
  rows = all_rows()
  one, other = run(tmp_path / 'a', rows), run(tmp_path / 'b', rows, batch)
  assert bits(one) == bits(other)
  assert one.sha256 == other.sha256


def test_rows_give_the_same_gaussian_to_the_bit(tmp_path):
  rows = all_rows()
  streamed = run(tmp_path / 'a', rows).gaussian('net.a')
  kept = run(tmp_path / 'b', rows, keep=dict.fromkeys(KEEP, ROWS)).gaussian('net.a')
  for name, value in streamed.arrays().items():
    assert np.asarray(value).tobytes() == np.asarray(kept.arrays()[name]).tobytes(), name


@pytest.mark.parametrize('stop_after', [1, 15, 16, 17, 31, 32, 37])
def test_interrupted_equals_uninterrupted(tmp_path, stop_after):
  rows, asked = all_rows(), []

  def stop():
    asked.append(True)
    return len(asked) == stop_after

  with pytest.raises(Preempted, match=r'^stopped at '):
    run(tmp_path / 'a', rows, stop=stop)
  seen = []
  again = Collection(tmp_path / 'a', {'of': 'test'}, KEEP).run(
    COUNT, producer(rows, seen=seen), silent
  )
  whole = run(tmp_path / 'b', rows)
  assert bits(again) == bits(whole)
  assert again.sha256 == whole.sha256
  assert seen[0] == STARTS[stop_after]


@pytest.mark.parametrize('saves', [1, 16, 17, 33])
def test_a_kill_while_rows_are_written(tmp_path, monkeypatch, saves):
  """Of a process that was killed the state is older than the rows, the last of them torn."""
  rows = all_rows()
  saved = []

  def save_at_first(self):
    if len(saved) < saves:
      saved.append(True)
      saving(self)

  saving = Collection._save
  monkeypatch.setattr(Collection, '_save', save_at_first)
  monkeypatch.setattr(collection, '_SAVE_SECONDS', 0.0)
  run(tmp_path / 'a', rows)
  with (tmp_path / 'a' / 'net.b.rows').open('ab') as file:
    file.write(b'torn')
  monkeypatch.setattr(Collection, '_save', saving)
  seen = []
  again = Collection(tmp_path / 'a', {'of': 'test'}, KEEP).run(
    COUNT, producer(rows, seen=seen), silent
  )
  assert seen[0] == STARTS[saves]
  assert bits(again) == bits(run(tmp_path / 'b', rows))


def test_finished_passes_are_found_again(tmp_path):
  rows, folder = all_rows(), tmp_path / 'pass'
  assert Collection(folder, {'of': 'test'}, KEEP).finished(COUNT) is None
  whole = run(folder, rows)
  assert bits(Collection(folder, {'of': 'test'}, KEEP).finished(COUNT)) == bits(whole)
  assert Collection(folder, {'of': 'test'}, KEEP).finished(COUNT + 1) is None
  assert Collection(folder, {'of': 'other'}, KEEP).finished(COUNT) is None
  assert Collection(folder, {'of': 'test'}, {'net.a': GAUSSIAN}).finished(COUNT) is None


def test_a_pass_over_something_else_begins_anew(tmp_path):
  rows = all_rows()
  run(tmp_path / 'a', rows)
  other = {name: x + 1 for name, x in rows.items()}
  found = Collection(tmp_path / 'a', {'of': 'other'}, KEEP).run(COUNT, producer(other), silent)
  np.testing.assert_array_equal(found.kept['net.b'], other['net.b'])
  assert json.loads((tmp_path / 'a' / 'asked.json').read_text())['asked'] == {'of': 'other'}


DAMAGES = ['state', 'state empty', 'method', 'rows', 'asked', 'state gone']


@pytest.mark.parametrize('damage', DAMAGES)
def test_damaged_passes_begin_anew(tmp_path, damage):
  rows, folder = all_rows(), tmp_path / 'a'
  run(folder, rows)
  state, content = folder / 'state.npz', (folder / 'state.npz').read_bytes()
  if damage == 'state':
    state.write_bytes(content[: len(content) // 2])
  elif damage == 'state empty':
    state.write_bytes(b'')
  elif damage == 'method':  # of compression, in the zip's directory
    entry = content.index(b'PK\x01\x02') + 10
    state.write_bytes(content[:entry] + b'\x63' + content[entry + 1 :])
  elif damage == 'rows':
    with (folder / 'net.b.rows').open('r+b') as file:
      file.truncate(100)
  elif damage == 'asked':
    (folder / 'asked.json').write_text('{')
  else:
    state.unlink()
  assert Collection(folder, {'of': 'test'}, KEEP).finished(COUNT) is None
  assert bits(run(folder, rows)) == bits(run(tmp_path / 'b', rows))


def test_the_hash_is_of_every_image_and_their_order(tmp_path):
  rows = all_rows()
  found = run(tmp_path / 'a', rows).sha256
  expected = b''
  for start in range(0, COUNT, 1000):
    expected = hashlib.sha256(expected + digests()[start : start + 1000].tobytes()).digest()
  assert found == expected.hex()


def test_rows_that_are_not_finite(tmp_path):
  rows = all_rows()
  rows['net.a'][1234, 2] = np.nan
  with pytest.raises(UserError, match=r'net\.a of number 1234 is not finite \(1 of 64\)'):
    run(tmp_path / 'a', rows)


def test_a_full_disk(tmp_path, monkeypatch):
  def full(self, arrays):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(Collection, '_write_state', full)
  with pytest.raises(UserError, match=r'cannot write into .*No space left'):
    run(tmp_path / 'a', all_rows())


def test_progress_is_told(tmp_path):
  told = []
  rows = all_rows()
  Collection(tmp_path / 'a', {}, KEEP).run(
    COUNT, producer(rows, 500), lambda *done: told.append(done)
  )
  assert told == [(n, COUNT) for n in (500, 1000, 1500, 2000, 2345)]
