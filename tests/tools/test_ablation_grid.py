import pathlib

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.tools.ablation_grid import (
  Variant,
  folder_name,
  parse_vary,
  short_names,
  variants,
)
from tests.helpers import changed

TINY = str(pathlib.Path(__file__).parents[2] / 'configs' / 'tiny.py')


def grid(*vary, **overrides):
  fields = {name.replace('__', '.'): text for name, text in overrides.items()}
  return variants(TINY, fields, vary)


def test_all_combinations():
  base, found = grid('train.r1_gamma=0.1,1,10', 'train.pl_weight=0,2', train__batch_size='16')
  assert [(v.settings.train.r1_gamma, v.settings.train.pl_weight) for v in found] == [
    *((0.1, 0.0), (0.1, 2.0)),
    *((1.0, 0.0), (1.0, 2.0)),
    *((10.0, 0.0), (10.0, 2.0)),
  ]
  assert {v.settings.train.batch_size for v in found} == {16} == {base.train.batch_size}
  assert base.train.pl_weight == 2.0
  assert found[0].name == 'train.r1_gamma=0.1+train.pl_weight=0'
  assert found[0].label == 'r1_gamma=0.1, pl_weight=0'


def test_what_a_preset_derives_follows_the_variant():
  """As if each had been named on the command line: a start makes two other fields what it needs."""
  _, (fresh, started) = grid('finetune.start="",runs/a')
  assert (fresh.settings.augment.ada_kimg, fresh.settings.train.ema_rampup) == (500, 0.05)
  assert (started.settings.augment.ada_kimg, started.settings.train.ema_rampup) == (100, None)
  _, (given,) = grid('finetune.start=runs/a', augment__ada_kimg='300')
  assert given.settings.augment.ada_kimg == 300


def test_values_are_read_by_the_type_of_their_field():
  _, found = grid('network.clamp=none,256', 'data.mirror=no,yes', 'train.r1_gamma= 1e-3')
  assert [v.values for v in found] == [
    {'network.clamp': clamp, 'data.mirror': mirror, 'train.r1_gamma': 0.001}
    for clamp in (None, 256.0)
    for mirror in (False, True)
  ]


@pytest.mark.parametrize(
  ('text', 'values'),
  [
    ('a=1', ['1']),
    ('a=1, 2 ,3', ['1', '2 ', '3']),
    ('a="1,2",3', ['1,2', '3']),
    ('a=x=y,z', ['x=y', 'z']),
    ('a="say ""no"""', ['say "no"']),
    ('a=', ['']),
    ('a=,b', ['', 'b']),
  ],
)
def test_values_in_a_text(text, values):
  assert parse_vary([text]) == {'a': values}


@pytest.mark.parametrize('text', ['', 'a', '=1', 'a="1', 'a="1"2', 'a=1\n2'])
def test_texts_that_do_not_parse(text):
  with pytest.raises(UserError, match=r'^--vary=.* does not parse: write FIELD=VALUE,VALUE'):
    parse_vary([text])


@pytest.mark.parametrize(
  ('vary', 'overrides', 'message'),
  [
    (['train.r1_gama=1'], {}, r'unknown config field train.r1_gama .*did you mean train.r1_gamma'),
    (['train.r1_gamma=1,x'], {}, 'train.r1_gamma=x: the value must be a number'),
    (['train.r1_gamma=1,-1'], {}, r'variant train.r1_gamma=-1: .* must be 0 or greater'),
    (['train.batch_size=8,7'], {}, 'variant train.batch_size=7: .*must divide the micro-batch'),
    (['train.r1_gamma=1,1.0'], {}, '--vary gives the variant r1_gamma=1 twice'),
    (['data.source=a,A'], {}, '--vary gives the variant source=A twice'),
    (['train.r1_gamma=1', 'train.r1_gamma=2'], {}, 'names train.r1_gamma twice'),
    (['seed=1,2'], {}, '--seeds=N trains with seeds 0 to N-1'),
    (['train.r1_gamma=1'], {'seed': '4'}, '--seeds=N trains with seeds 0 to N-1'),
    (['train.r1_gamma=1'], {'train__r1_gamma': '4'}, 'set by .* and varied by --vary'),
  ],
)
def test_grids_that_are_refused(vary, overrides, message):
  with pytest.raises(UserError, match=message) as error:
    grid(*vary, **overrides)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  'value', ['..', '../..', '/etc', 'a/b', 'a\\b', 'a b', 'ü', '%', '"', "'; rm", 'a+b=c', '\n', '']
)
def test_folder_names_are_one_safe_word(value):
  name = folder_name({'data.source': value})
  assert set(name) <= set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~%=+')
  assert name.startswith('data.source=')
  assert pathlib.Path('root', name).resolve().parent == pathlib.Path('root').resolve()


def test_folder_names_tell_values_apart():
  values = ['a', 'b', 'a+data.dir=b', 'a%20', 'a ', *('x' * n for n in range(150, 400, 7))]
  names = {folder_name({'data.source': value}) for value in values}
  names.add(folder_name({'data.source': 'a', 'data.dir': 'b'}))
  assert len(names) == len(values) + 1
  assert max(map(len, names)) <= 180
  assert folder_name({'a.x': 1.0}) == folder_name({'a.x': 1}) == 'a.x=1'
  assert folder_name({'a.x': 1e-05}) == 'a.x=1e-05'


def test_labels_keep_the_group_where_names_are_the_same():
  assert short_names(['a.x', 'b.x']) == {'a.x': 'a.x', 'b.x': 'b.x'}
  assert Variant({'a.x': 'q\nr', 'b.y': None}, changed()).label == 'x=q r, y=none'
