"""Numbers to images, grids and PNG files."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import images


@pytest.mark.parametrize('xp', [np, jnp])
def test_bytes_survive_the_way_there_and_back(xp):
  values = xp.arange(256, dtype=xp.uint8)
  floats = images.to_float(values)
  assert floats.dtype == np.float32
  np.testing.assert_allclose(floats, np.arange(256) / 127.5 - 1, atol=1e-7)
  np.testing.assert_array_equal(images.to_uint8(floats), values)


def test_to_uint8_clips_and_truncates():
  got = images.to_uint8(np.array([-9, -1.0, -0.004, 0, 0.0039, 0.0040, 0.995, 9], np.float32))
  assert got.tolist() == [0, 0, 127, 128, 128, 128, 254, 255]
  assert got.dtype == np.uint8


@pytest.mark.parametrize('n', range(1, 65))
def test_grid_shape_holds_n_and_is_wide(n):
  rows, cols = images.grid_shape(n)
  assert rows * cols >= n > rows * cols - cols
  assert rows <= cols <= max(2 * rows, 2)


def test_grid_places_images_row_by_row():
  pictures = np.random.default_rng(0).integers(0, 256, (5, 2, 3, 3), np.uint8)
  got = images.grid(pictures, rows=2, cols=3, min_cell=1)
  assert got.shape == (4, 9, 3)
  np.testing.assert_array_equal(got[:2, 3:6], pictures[1])
  np.testing.assert_array_equal(got[2:, :3], pictures[3])
  np.testing.assert_array_equal(got[2:, 6:], 0)


def test_grid_magnifies_small_images():
  pictures = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1), np.uint8)
  got = images.grid(pictures, rows=1, cols=2, min_cell=10)
  assert got.shape == (12, 24, 1)
  np.testing.assert_array_equal(got[1::3, 1:12:3], pictures[0])
  assert images.grid(pictures, rows=1, cols=2, min_cell=4).shape == (4, 8, 1)


def test_grid_refuses_what_does_not_fit():
  with pytest.raises(ValueError, match='7 images do not fit into 2 x 3'):
    images.grid(np.zeros((7, 2, 2, 3), np.uint8), 2, 3)
  with pytest.raises(ValueError, match='uint8'):
    images.grid(np.zeros((6, 2, 2, 3)), 2, 3)


@pytest.mark.parametrize(('channels', 'mode'), [(1, 'L'), (2, 'LA'), (3, 'RGB'), (4, 'RGBA')])
def test_png_holds_the_pixels(tmp_path, channels, mode):
  img = np.random.default_rng(1).integers(0, 256, (5, 7, channels), np.uint8)
  images.save_png(tmp_path / 'a.png', img)
  with Image.open(tmp_path / 'a.png') as picture:
    assert picture.mode == mode
    got = np.asarray(picture).reshape(5, 7, channels)
  np.testing.assert_array_equal(got, img)


def test_png_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
  path = tmp_path / 'a.png'
  images.save_png(path, np.zeros((2, 2, 3), np.uint8))
  before = path.read_bytes()

  def fails_half_way(self, file, **unused):
    file.write(b'half')
    raise OSError('disk full')

  monkeypatch.setattr(Image.Image, 'save', fails_half_way)
  with pytest.raises(OSError, match='disk full'):
    images.save_png(path, np.ones((2, 2, 3), np.uint8))
  assert path.read_bytes() == before
  assert list(tmp_path.iterdir()) == [path]
