"""Subsets and held-out pictures."""

import pytest

from stylegan2_jax.data.choosing import choose
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from tests.helpers import noise_pictures, png, prepared_set


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  path = tmp_path_factory.mktemp('pictures')
  for i, picture in enumerate(noise_pictures(40)):
    (path / f'{i:02}.png').write_bytes(png(picture))
  return path


def chosen(folder, **data):
  """(source of the pictures to train on, of the held-out ones, names in each)."""
  trained, held_out = choose(open_source(DataSettings(source=str(folder), resolution=8, **data)))
  return trained, held_out, names(trained), names(held_out)


def names(source):
  return [] if source is None else [source.read(i).name for i in range(len(source))]


def test_all_of_them(folder):
  source = open_source(DataSettings(source=str(folder), resolution=8))
  assert choose(source) == (source, None)


def test_held_out(folder):
  """Disjoint, all there, in the order of the source."""
  trained, held_out, names_trained, names_held_out = chosen(folder, held_out=0.1)
  assert (len(trained), len(held_out)) == (36, 4)
  assert set(names_trained) & set(names_held_out) == set()
  assert len({*names_trained, *names_held_out}) == 40
  assert names_trained == sorted(names_trained)
  assert trained.describe().endswith('; 36 of them to train on, 4 held out')


def test_subsets(folder):
  """Smaller ones lie in larger ones, and the held-out pictures are those of the whole set."""
  _, _, small, out = chosen(folder, held_out=0.1, subset=5)
  _, _, large, same_out = chosen(folder, held_out=0.1, subset=20)
  _, _, everything, _ = chosen(folder, held_out=0.1)
  assert (len(small), len(large)) == (5, 20)
  assert set(small) < set(large) < set(everything)
  assert out == same_out
  assert small != sorted(everything)[:5]
  assert len(chosen(folder, subset=40)[2]) == 40


def test_the_choice_is_part_of_what_a_run_is(folder):
  prints = {
    chosen(folder, **data)[0].fingerprint()
    for data in ({}, {'subset': 5}, {'subset': 6}, {'held_out': 0.1}, {'held_out': 0.2})
  }
  assert len(prints) == 5
  assert chosen(folder, subset=5)[0].fingerprint() in prints


@pytest.mark.parametrize(
  ('data', 'message'),
  [
    ({'subset': 41}, 'data.subset = 41 must be at most 40, all there are'),
    ({'subset': 37, 'held_out': 0.1}, 'data.subset = 37 must be at most 36'),
    ({'held_out': 0.001}, 'data.held_out = 0.001 takes 0 of 40 pictures'),
    ({'held_out': 0.999}, 'data.held_out = 0.999 takes 40 of 40 pictures'),
  ],
)
def test_refuses(folder, data, message):
  with pytest.raises(UserError, match=message):
    chosen(folder, **data)


def test_labels_go_along(tmp_path):
  """Each picture keeps its own."""
  classes = [i % 3 for i in range(12)]
  path = prepared_set(tmp_path / 'set' / '1.0.0', noise_pictures(12), classes, ['a', 'b', 'c'])
  source = open_source(DataSettings(source=str(path), resolution=8))
  trained, held_out = choose(
    open_source(DataSettings(source=str(path), resolution=8, held_out=0.25, subset=6))
  )
  label_of = {source.read(i).image: source.read(i).label for i in range(12)}
  for part, count in ((trained, 6), (held_out, 3)):
    assert (len(part), part.class_names, part.label_dim) == (count, ('a', 'b', 'c'), 3)
    assert list(part.labels()) == [label_of[part.read(i).image] for i in range(count)]
