"""Names beside the rows of a grid."""

import numpy as np
import pytest

from stylegan2_jax.captions import captioned


def margin(names, height=64, channels=3):
  img = np.full((height * len(names), 100, channels), 7, np.uint8)
  out = captioned(img, names)
  np.testing.assert_array_equal(out[:, -100:], img)
  assert out.dtype == np.uint8
  return out[:, :-100]


def test_each_name_is_in_its_row():
  found = margin(['ant', '', 'ant', 'bee']).reshape(4, 64, -1, 3)
  assert found[0].max() == 255
  assert found[1].max() == 0
  np.testing.assert_array_equal(found[0], found[2])
  assert np.any(found[0] != found[3])
  rows = np.flatnonzero(found[0].any(axis=(1, 2)))
  assert 16 < rows.min() <= 32 <= rows.max() < 48  # in the middle
  columns = np.flatnonzero(found[0].any(axis=(0, 2)))
  assert columns.min() > 0
  assert columns.max() < found.shape[2] - 1


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_channels(channels):
  found = margin(['ant'], channels=channels)
  colours = channels - (channels in (2, 4))
  np.testing.assert_array_equal(found[:, :, :1], margin(['ant'], channels=1))
  assert np.all(found[:, :, :colours] == found[:, :, :1])
  assert np.all(found[:, :, colours:] == 255)


def test_long_and_odd_names():
  assert margin(['W' * 1000]).shape[1] < 260
  odd = margin(['a\nb\x00c\ud800', 'émoji 😀', '\u202e'])
  assert odd[:64].max() == 255
  np.testing.assert_array_equal(odd[:64, -40:], margin(['a b c', 'émoji 😀', ''])[:64, -40:])


def test_rows_of_unequal_height():
  with pytest.raises(ValueError, match='65 pixels are not 2 rows'):
    captioned(np.zeros((65, 9, 3), np.uint8), ['a', 'b'])


def test_letters_that_the_font_lacks():
  cells = np.zeros((4 * 64, 8, 1), np.uint8)
  shown = captioned(cells, ['ünï', '猫', 'uni', '(1)'])
  rows = shown[:, :-8].reshape(4, 64, -1)
  np.testing.assert_array_equal(rows[0], rows[2])
  np.testing.assert_array_equal(rows[1], rows[3])
