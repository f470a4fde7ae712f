"""Favourites on disk."""

import json

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import files
from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer.favourites import Favourites
from stylegan2_jax.explorer.views import View
from tests.helpers import noise_pictures


@pytest.fixture
def favourites(tmp_path):
  return Favourites(tmp_path / 'run' / 'favourites')


def add(favourites, seed=0):
  return favourites.add(View(seed=seed).to_json(), 7, noise_pictures(1, seed=seed)[0])


def test_round_trip(favourites, tmp_path):
  assert favourites.read() == []
  assert not favourites.path.parent.exists()
  add(favourites, 3)
  listed = add(favourites, 5)
  again = Favourites(favourites.path.parent)
  assert again.read() == listed
  assert [(each.number, each.step, each.view['seed']) for each in listed] == [(1, 7, 3), (2, 7, 5)]
  assert json.loads(favourites.text()) == json.loads(favourites.path.read_text())
  for number, seed in ((1, 3), (2, 5)):
    with Image.open(favourites.path.parent / f'{number:04d}.png') as image:
      np.testing.assert_array_equal(np.asarray(image), noise_pictures(1, seed=seed)[0])
  assert again.thumbnail(1) == (favourites.path.parent / '0001.png').read_bytes()
  names = {path.name for path in favourites.path.parent.iterdir()}
  assert names == {'favourites.json', '0001.png', '0002.png'}


def test_removing(favourites):
  for seed in (3, 5, 8):
    add(favourites, seed)
  assert [each.number for each in favourites.remove(2)] == [1, 3]
  assert favourites.thumbnail(2) is None
  assert favourites.thumbnail(3)
  with pytest.raises(UserError, match='no favourite 2'):
    favourites.remove(2)
  assert [each.number for each in add(favourites, 9)] == [1, 3, 4]


def test_two_explorers_keep_each_others(favourites):
  other = Favourites(favourites.path.parent)
  add(favourites, 1)
  add(other, 2)
  assert [each.view['seed'] for each in add(favourites, 3)] == [1, 2, 3]


ENTRY = {'number': 1, 'view': {}, 'step': None, 'saved': ''}


@pytest.mark.parametrize(
  'text',
  [
    b'', b'{', b'[]', b'null', b'\xff\xfe', b'[' * 100_000, b'{"format": 2, "favourites": []}',
    b'{"format": 1}', b'{"format": 1, "favourites": 3}', b'{"format": 1, "favourites": [3]}',
    *(
      json.dumps({'format': 1, 'favourites': [{**ENTRY, **change}]}).encode()
      for change in (
        {'number': '../1'}, {'number': -1}, {'number': True}, {'number': 10**9}, {'view': []},
        {'saved': 1}, {'step': 'x'}, {'more': 1},
      )
    ),
    json.dumps({'format': 1, 'favourites': [ENTRY, ENTRY]}).encode(),
  ],
)  # fmt: skip
def test_damaged_files_are_told_and_kept(favourites, text):
  folder = favourites.path.parent
  for number in (1, 2):
    add(favourites, 1)
    favourites.path.write_bytes(text)
    with pytest.raises(UserError, match=r'favourites\.json is damaged') as refusal:
      favourites.read()
    assert '\n' not in str(refusal.value)
    with pytest.raises(UserError, match='damaged'):
      favourites.remove(1)
    assert favourites.path.read_bytes() == text
    kept = add(favourites, 5)
    assert [each.view['seed'] for each in kept] == [5]
    assert (folder / f'favourites-damaged{number}.json').read_bytes() == text
  assert len(list(folder.glob('*.png'))) == 4  # nobody's pictures are replaced


def test_a_folder_that_cannot_be_written(tmp_path):
  (tmp_path / 'file').touch()
  favourites = Favourites(tmp_path / 'file' / 'favourites')
  with pytest.raises(UserError, match=r'cannot write .*: Not a directory; .*--favourites=DIR'):
    add(favourites)


def test_a_full_disk_leaves_what_was_there(favourites, monkeypatch):
  before = add(favourites, 1)
  replacing = files.replacing

  def full(path):
    if path.suffix == '.json':
      raise OSError(28, 'No space left on device')
    return replacing(path)

  monkeypatch.setattr(files, 'replacing', full)
  with pytest.raises(UserError, match='No space left on device'):
    add(favourites, 2)
  with pytest.raises(UserError, match='No space left on device'):
    favourites.remove(1)
  monkeypatch.undo()
  assert favourites.read() == before
  assert {path.name for path in favourites.path.parent.iterdir()} == {
    'favourites.json', '0001.png',
  }  # fmt: skip


def test_not_more_than_a_strip_can_show(favourites):
  add(favourites)
  data = json.loads(favourites.path.read_text())
  data['favourites'] = [{**data['favourites'][0], 'number': n} for n in range(1000)]
  favourites.path.write_text(json.dumps(data))
  with pytest.raises(UserError, match='has 1000 favourites'):
    add(favourites)
