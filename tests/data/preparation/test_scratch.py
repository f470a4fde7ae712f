"""The scratch folder: what is not this command's is left alone, what is damaged is done again."""

import json

import numpy as np
import pytest

from stylegan2_jax.data.preparation import journal as journal_lib
from stylegan2_jax.data.preparation import shard
from stylegan2_jax.data.preparation.journal import Journal
from stylegan2_jax.data.preparation.prepare import prepare
from stylegan2_jax.data.preparation.scratch import Scratch
from stylegan2_jax.data.preparation.shard import Position, ShardWriter
from stylegan2_jax.errors import UserError


class Stopped(BaseException):
  """Ends a preparation where a test wants it to."""


@pytest.fixture
def half_done(request_, monkeypatch):
  """Stops just before the set is moved to its place; the scratch folder."""
  monkeypatch.setattr(shard, 'INPUTS', (5, 5))

  def stop(*unused):
    raise Stopped

  with monkeypatch.context() as patch:
    patch.setattr(Scratch, 'publish', stop)
    with pytest.raises(Stopped):
      prepare(request_)
  with Scratch(request_.out) as scratch:
    scratch._take_apart()
  return scratch.path


@pytest.mark.parametrize('name', ['letter.txt', 'shard-00000.json', 'photos', 'shard-x.json'])
def test_what_others_made_is_refused_and_kept(request_, name):
  folder = request_.out.parent / '.preparing-photos'
  folder.mkdir(parents=True)
  (folder / name).write_text('dear')
  with pytest.raises(UserError, match='is not of this command'):
    prepare(request_)
  assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, 'dear')]


def test_links_are_not_followed(request_, tmp_path, half_done):
  precious = tmp_path / 'precious'
  precious.mkdir()
  (precious / 'letter.txt').write_text('dear')
  (half_done / 'shard-00009.array_record').symlink_to(precious / 'letter.txt')
  with pytest.raises(UserError, match='is not of this command'):
    prepare(request_)
  half_done.rename(tmp_path / 'elsewhere')
  half_done.symlink_to(precious)
  with pytest.raises(UserError, match='is not of this command'):
    prepare(request_)
  half_done.unlink()
  request_.out.symlink_to(precious)
  with pytest.raises(UserError, match='a link'):
    prepare(request_)
  assert [(path.name, path.read_text()) for path in precious.iterdir()] == [('letter.txt', 'dear')]


@pytest.mark.parametrize(
  'change',
  [
    {'stop': None},
    {'length': '3'},
    {'digests': 'zz'},
    {'digests': '00'},
    {'labels': None, 'skipped': [1]},
    {'labels': {'dtype': '<i4', 'shape': [2], 'data': ''}},
    {'labels': {'dtype': 'object', 'shape': [5], 'data': ''}},
    {'num_bytes': -1},
    {'start': 4},
    {'more': 1},
  ],
  ids=str,
)
def test_damaged_journals_are_done_again(request_, half_done, files, tmp_path, change, capsys):
  path = half_done / 'shard-00002.json'
  path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
  folder = prepare(request_)
  assert 'going on at image 10 of 23' in capsys.readouterr().err
  again = request_.out.parent / 'again' / 'photos'
  expected = files(prepare(request_.__class__(**{**vars(request_), 'out': again})))
  assert files(folder) == expected


@pytest.mark.parametrize('content', [None, b'', b'x' * 100])
def test_missing_or_damaged_shards_are_done_again(request_, half_done, content, capsys):
  path = half_done / 'shard-00001.array_record'
  path.unlink() if content is None else path.write_bytes(content)
  folder = prepare(request_)
  assert 'going on at image 5 of 23' in capsys.readouterr().err
  assert json.loads((folder / 'preparation.json').read_text())['counts']['out'] == 19


def test_nothing_is_lost_of_a_beginning_without_shards(request_, half_done):
  for path in half_done.glob('shard-*'):
    path.unlink()
  changed = request_.__class__(**{**vars(request_), 'transform': 'pad'})
  assert prepare(changed) == request_.out / '1.0.0'


def test_journals_come_back_as_they_were(tmp_path):
  for labels in (None, np.int32([4, 2]), np.float32([[0.1, -2.5], [1e-30, 3e30]])):
    journal = Journal(7, 10, 2, 99, bytes(range(32)), labels, [['a"\n', 'is empty']])
    journal.save(tmp_path / 'journal.json')
    found = journal_lib.load(tmp_path / 'journal.json')
    np.testing.assert_equal(vars(found), vars(journal))
    assert found.digest(1) == bytes(range(16, 32))
    assert found.label(1) == (None if labels is None else labels[1].tolist())


def test_shards_grow_with_what_is_done(tmp_path):
  """No more than a fifth of the work, or the first small shard, is lost by an interruption."""
  position, lengths = Position(), []
  while position.inputs < 100_000:
    writer = ShardWriter(tmp_path / 'shard', position)
    while not writer.full:
      writer.skip('a', 'is empty')
    journal = writer.close()
    lengths.append(journal.stop - journal.start)
    assert lengths[-1] <= max(512, position.inputs // 4)
    position = position.after(journal)
  assert lengths[:5] == [512, 512, 512, 512, 512]
  assert len(lengths) < 30
