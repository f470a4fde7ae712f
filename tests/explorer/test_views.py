"""Views as JSON: what is understood, and what is refused in one line."""

import dataclasses
import json

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer.views import (
  Move,
  View,
  default_view,
  move_groups,
  parse_set,
  parse_view,
)
from stylegan2_jax.labels import LabelSpace

PLAIN, CLASSES = LabelSpace(), LabelSpace(2, ('ant', 'bee'))


def test_round_trip():
  moves = (Move('sefa', 'all', 0, -1.5), Move('pca', 'fine', 9, 2.0))
  view = View(5, 'bee', 0.7, 3, 'class', 8, 'ant', (0, 2), 'random', 0.5, 2**32 - 1, moves)
  assert all(
    value != field.default
    for field, value in zip(dataclasses.fields(view), vars(view).values(), strict=True)
  )
  assert parse_view(json.loads(json.dumps(view.to_json())), 8, CLASSES) == view


def test_what_is_left_out():
  assert parse_view({}, 8, PLAIN) == View()
  assert parse_view({'seed': 3}, 8, CLASSES) == View(3, label='ant', mix_label='ant')
  assert default_view(LabelSpace(3)).label == '1,0,0'
  assert default_view(LabelSpace(2, (), ('old', 'smile'))).mix_label == 'old'


def test_layers_are_put_in_order():
  assert parse_view({'mix_layers': [5, 0, 5]}, 8, PLAIN).mix_layers == (0, 5)


def test_groups_of_the_smallest_generator():
  assert move_groups(2) == {'all': (0, 1), 'coarse': (0,), 'fine': (1,)}


MOVE = {'method': 'sefa', 'group': 'all', 'number': 0, 'strength': 1}


@pytest.mark.parametrize(
  ('data', 'named'),
  [
    ([], 'object'),
    (None, 'object'),
    ({'sede': 1}, 'no field sede'),
    ({'seed': -1}, 'seed -1'),
    ({'seed': 2**32}, 'seed 4294967296'),
    ({'seed': 10**400}, 'seed 1000'),
    ({'seed': 1.5}, 'seed 1.5'),
    ({'seed': True}, 'seed True'),
    ({'seed': '1'}, 'seed 1'),
    ({'seed': None}, 'seed None'),
    ({'psi': float('nan')}, 'psi nan'),
    ({'psi': float('inf')}, 'psi inf'),
    ({'psi': -(10**400)}, 'psi -1000'),
    ({'psi': '0.7'}, 'psi 0.7'),
    ({'cutoff': 9}, 'cutoff 9'),
    ({'cutoff': -1}, 'cutoff -1'),
    ({'center': 'class'}, 'center class'),
    ({'center': ['global']}, 'center'),
    ({'noise': '../const'}, 'noise ../const'),
    ({'noise_scale': -0.1}, 'noise_scale -0.1'),
    ({'mix_layers': 3}, 'mix_layers'),
    ({'mix_layers': [8]}, 'layer 8'),
    ({'mix_layers': list(range(9))}, 'mix_layers'),
    ({'label': 'ant'}, 'unconditional'),
    ({'label': 1}, 'label'),
    ({'moves': {}}, 'moves'),
    ({'moves': [MOVE] * 81}, 'at most 80'),
    ({'moves': ['a\nb']}, 'move'),
    ({'moves': [{**MOVE, 'extra': 1}]}, 'move'),
    ({'moves': [{**MOVE, 'method': '__class__'}]}, 'method __class__'),
    ({'moves': [{**MOVE, 'group': '/etc/passwd'}]}, 'group /etc/passwd'),
    ({'moves': [{**MOVE, 'number': 10}]}, 'number 10'),
    ({'moves': [{**MOVE, 'strength': 1e9}]}, 'strength'),
  ],
)
def test_refusals(data, named):
  with pytest.raises(UserError) as refusal:
    parse_view(data, 8, PLAIN)
  assert named in str(refusal.value)
  assert '\n' not in str(refusal.value)
  assert len(str(refusal.value)) < 200


def test_labels():
  for label in ('wasp', '', '2', '0.5', 'nan,1'):
    with pytest.raises(UserError):
      parse_view({'label': label}, 8, CLASSES)
    with pytest.raises(UserError):
      parse_view({'mix_label': label}, 8, CLASSES)
  assert parse_view({'label': '0.5,0.5', 'mix_label': '1'}, 8, CLASSES).label == '0.5,0.5'


def test_sets():
  assert parse_set({'method': 'pca', 'group': 'middle', 'more': 1}, 8) == ('pca', 'middle')
  for data in (None, {}, {'method': 'pca'}, {'method': 'pca', 'group': 3}):
    with pytest.raises(UserError):
      parse_set(data, 8)
