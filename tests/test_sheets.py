"""Sheets: each picture is where it belongs, whole, and the words can be read."""

import numpy as np
import pytest

from stylegan2_jax import sheets
from stylegan2_jax.errors import UserError
from tests.helpers import noise_pictures


def found(sheet, picture):
  """(top, left) of a picture in a sheet, which holds it once."""
  height, width, channels = picture.shape
  places = [
    (int(y), int(x))
    for y, x in np.argwhere((sheet == picture[0, 0]).all(axis=2))
    if np.array_equal(sheet[y : y + height, x : x + width, :channels], picture)
  ]
  assert len(places) == 1
  return places[0]


def test_rows_and_columns():
  """Side by side and below each other, of the same distance; a wide gap after what is apart."""
  a, b, c, d, e = noise_pictures(5, 96, 100)
  sheet = sheets.sheet([[None, a, b], [c, d, e]], ['', 'seed 1'], ['', 'x', 'y'], apart=(1, 1))
  places = [found(sheet, picture) for picture in (a, b, c, d, e)]
  assert places[0][0] == places[1][0] < places[2][0] == places[3][0] == places[4][0]
  assert places[2][1] < places[0][1] == places[3][1] < places[1][1] == places[4][1]
  assert places[4][1] - places[3][1] == 100 + 3  # the gap of 96 pixels: 96 // 32
  assert places[3][1] - places[2][1] == 100 + 4 * 3
  assert places[3][0] - places[0][0] == 96 + 4 * 3
  assert sheet.shape == (places[4][0] + 96 + 3, places[4][1] + 100 + 3, 3)
  corner = sheet[: places[3][0], : places[0][1]]
  assert np.all(corner == sheets.BACKGROUND)


def test_nothing_but_pictures():
  a, b = noise_pictures(2, 96, 96)
  sheet = sheets.sheet([[a], [b]])
  assert (found(sheet, a), found(sheet, b)) == ((3, 3), (102, 3))
  assert np.all(sheet[:3] == sheets.BACKGROUND)


@pytest.mark.parametrize('size', [(16, 16), (64, 64), (16, 32), (256, 256), (1024, 1024)])
def test_words_can_be_read(size):
  """None is cut off; letters grow with the pictures and are never tiny, of long names either."""
  black = np.zeros((*size, 1), np.uint8)
  sheet = sheets.sheet([[black] * 2] * 2, ['seed 1', 'seed 9'], ['psi -0.5', 'seed 4294967295'])
  rows, columns = np.nonzero(sheet[..., 0] > 128)
  assert rows.min() > 0
  assert columns.min() > 0
  height, width = (n * -(-96 // min(size)) if min(size) < 96 else n for n in size)
  top = sheet.shape[0] - 2 * (height + max(2, min(height, width) // 32))
  heading = rows[rows < top - max(2, min(height, width) // 32)]
  letters = heading.max() - heading.min() + 1
  assert letters >= max(9, min(height, width) // 17)
  assert heading.max() < top  # and not over the picture


def test_captions_of_two_lines():
  black = np.zeros((96, 96, 1), np.uint8)
  one, two = (
    sheets.sheet([[black]], columns=[text]).shape[0] for text in ('deviation', 'deviation\nwhite')
  )
  assert two - one >= 13


@pytest.mark.parametrize(
  ('channels', 'wanted', 'expected'),
  [
    (1, 3, [5, 5, 5]),
    (1, 2, [5, 255]),
    (1, 4, [5, 5, 5, 255]),
    (2, 4, [5, 5, 5, 6]),
    (3, 4, [5, 6, 7, 255]),
    (4, 4, [5, 6, 7, 8]),
  ],
)
def test_channels(channels, wanted, expected):
  img = np.array([5, 6, 7, 8], np.uint8)[None, None, :channels]
  assert sheets.as_channels(img, wanted).tolist() == [[expected]]


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_alpha_is_kept_and_margins_are_opaque(channels):
  picture = noise_pictures(1, 96, 96, channels)[0]
  sheet = sheets.sheet([[picture, picture[:, :, :1]]], columns=['a', 'b'])
  assert sheet.shape[2] == channels
  top, left = sheet.shape[0] - 99, 3
  np.testing.assert_array_equal(sheet[top : top + 96, left : left + 96], picture)
  if channels != 1:
    assert np.all(sheet[:top, :, -1] == 255)
    assert np.all(sheet[top : top + 96, left + 99 : left + 195, -1] == 255)


def test_what_does_not_fit():
  a, b = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)
  with pytest.raises(ValueError, match='of one size'):
    sheets.sheet([[a, b]])
  with pytest.raises(ValueError, match='3 and 0 captions for 1 x 1'):
    sheets.sheet([[a]], rows=['x', 'y', 'z'])


def test_sane_sizes():
  sheets.check_size(8, 9, (1024, 1024), 'take fewer')
  with pytest.raises(UserError) as error:
    sheets.check_size(9, 9, (1024, 1024), 'take fewer')
  assert str(error.value) == (
    'a sheet of 9 x 9 images of 1024x1024 would have 85 million pixels, more than 80: take fewer'
  )
  with pytest.raises(UserError):  # small ones are magnified
    sheets.check_size(100, 100, (8, 8), 'take fewer')
