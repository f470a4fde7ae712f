"""Layers by number and by word: as the paper's groups, and every layer in exactly one."""

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.tools.style_layers import (
  groups_text,
  layer_groups,
  layers_text,
  parse_layers,
)


@pytest.mark.parametrize('num_ws', range(4, 20, 2))
def test_words_share_out_all_layers(num_ws):
  groups = layer_groups(num_ws)
  assert [i for layers in groups.values() for i in layers] == list(range(num_ws))
  assert all(groups.values())


def test_the_paper():
  """Section 3.1 of StyleGAN, at 1024x1024: coarse 4 and 8, middle 16 and 32, fine 64 to 1024."""
  assert groups_text((1024, 1024)) == (
    'coarse = layers 0-2 (4x4 to 8x8), middle = 3-6 (16x16 to 32x32), '
    'fine = 7-17 (64x64 to 1024x1024)'
  )


def test_rectangles():
  assert groups_text((24, 16)) == (
    'coarse = layers 0 (4x6), middle = 1-2 (8x12), fine = 3-5 (16x24)'
  )


@pytest.mark.parametrize(
  ('text', 'layers'),
  [
    ('0', [0]),
    ('3-5', [3, 4, 5]),
    (' 5 , 0 - 2', [0, 1, 2, 5]),
    ('coarse', [0, 1, 2]),
    ('middle,0-4', [0, 1, 2, 3, 4]),
    ('coarse,middle,fine', list(range(8))),
  ],
)
def test_parse(text, layers):
  assert parse_layers(text, 8) == layers
  assert parse_layers(layers_text(layers), 8) == layers


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('', 'does not parse'),
    ('1,', 'does not parse'),
    ('rough', 'coarse, middle, fine'),
    ('-1', 'does not parse'),
    ('3-1', 'the range 3-1 runs backwards'),
    ('8', 'this model has layers 0 to 7'),
    ('0-99', 'this model has layers 0 to 7'),
    ('x\ny', '--layers=x y does not parse'),
  ],
)
def test_bad_layers(text, words):
  with pytest.raises(UserError) as error:
    parse_layers(text, 8)
  assert words in str(error.value)
  assert '\n' not in str(error.value)
