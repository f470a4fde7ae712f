"""Images: an array of pictures that tiles, saves and shows itself."""

import io

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import images
from stylegan2_jax.drawn_images import Images
from stylegan2_jax.errors import UserError


def pixels(n=6, height=64, width=64, channels=3):
  shape = (n, height, width, channels)
  return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_every_byte_survives():
  every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
  found = Images.of(every)
  assert found.dtype == np.float32
  np.testing.assert_array_equal(found, every / np.float32(127.5) - 1)
  np.testing.assert_array_equal(found.pixels(), every)


@pytest.mark.parametrize(('n', 'shape'), [(24, (4, 6)), (6, (2, 3)), (2, (1, 2))])
def test_grid_is_even(n, shape):
  found = Images.of(pixels(n)).grid()
  np.testing.assert_array_equal(found.pixels(), images.grid(pixels(n), *shape))
  assert isinstance(found, Images)


def test_grid_of_chosen_rows_or_columns():
  drawn = Images.of(pixels())
  np.testing.assert_array_equal(drawn.grid(rows=3), drawn.grid(3, 2))
  np.testing.assert_array_equal(drawn.grid(cols=6), drawn.grid(1, 6))
  assert drawn.grid(rows=3).shape == (192, 128, 3)
  with pytest.raises(ValueError, match='6 images do not fit into 2 x 2'):
    drawn.grid(2, 2)
  with pytest.raises(ValueError, match=r'a grid is made of'):
    drawn[0].grid()


def test_save(tmp_path):
  drawn = Images.of(pixels())
  drawn.save(tmp_path / 'new' / 'all.png')
  drawn[2].save(tmp_path / 'one.png')
  drawn.save(tmp_path / 'singles')
  saved = np.asarray(Image.open(tmp_path / 'new' / 'all.png'))
  np.testing.assert_array_equal(saved, drawn.grid().pixels())
  np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'one.png')), pixels()[2])
  names = sorted(path.name for path in (tmp_path / 'singles').iterdir())
  assert names == [f'000{i}.png' for i in range(6)]
  np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'singles/0005.png')), pixels()[5])
  (tmp_path / 'file').touch()
  with pytest.raises(UserError, match=r'cannot write .*one.png: .*; name another'):
    drawn.save(tmp_path / 'file' / 'one.png')


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_a_notebook_shows_it(channels):
  drawn = Images.of(pixels(4, 64, 64, channels))
  shown = np.asarray(Image.open(io.BytesIO(drawn._repr_png_())))
  np.testing.assert_array_equal(shown.reshape(128, 128, channels), drawn.grid().pixels())
  small = np.asarray(Image.open(io.BytesIO(drawn[0]._repr_png_())))
  magnified = pixels(4, 64, 64, channels)[0].repeat(2, 0).repeat(2, 1)
  np.testing.assert_array_equal(small.reshape(128, 128, channels), magnified)


@pytest.mark.parametrize('other', [np.zeros(3), np.zeros((2, 2, 7)), np.zeros((0, 4, 4, 3))])
def test_what_is_no_image_is_shown_as_numbers(other):
  assert Images.of(other)._repr_png_() is None


def test_arithmetic_stays():
  drawn = Images.of(pixels())
  mean = (drawn[0] + drawn[1]) / 2
  assert isinstance(mean, Images)
  np.testing.assert_array_equal(np.asarray(mean), (np.asarray(drawn)[0] + np.asarray(drawn)[1]) / 2)
