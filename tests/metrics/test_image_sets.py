"""Sets of images: which they are, in what order, and as what networks see them."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.image_sets import SourceImages, rgb
from stylegan2_jax.settings import DataSettings
from tests.helpers import noise_pictures, png


@pytest.fixture
def pictures():
  return noise_pictures(50, 16, 16)


@pytest.fixture
def folder(tmp_path, pictures):
  path = tmp_path / 'set'
  path.mkdir()
  for i, picture in enumerate(pictures):
    (path / f'{i:03d}.png').write_bytes(png(picture))
  return path


def source(path, **fields):
  return open_source(DataSettings(source=str(path), resolution=16, **fields))


def everything(images, start=0, stop=None, batch=7):
  found = list(images.batches(start, images.count if stop is None else stop, batch))
  assert all(len(part) == batch for part in found[:-1])
  return np.concatenate(found)


def test_all_of_a_folder_in_order(folder, pictures):
  images = SourceImages(source(folder))
  assert images.count == 50
  np.testing.assert_array_equal(everything(images), pictures)
  np.testing.assert_array_equal(everything(images, 5, 24, 4), pictures[5:24])


def test_mirroring_of_a_run_is_left_out(folder, pictures):
  np.testing.assert_array_equal(everything(SourceImages(source(folder, mirror=True))), pictures)


def test_some_of_them_spread_over_all_and_always_the_same(folder, pictures):
  found = everything(SourceImages(source(folder), 20))
  places = [next(i for i, p in enumerate(pictures) if np.array_equal(p, x)) for x in found]
  assert places == sorted(set(places))
  assert len(places) == 20
  assert places[0] < 12 < 38 < places[-1]
  np.testing.assert_array_equal(found, everything(SourceImages(source(folder)).taking(20)))


def test_more_than_there_are(folder):
  with pytest.raises(UserError, match=r'set has 50 images, not 51: ask for at most'):
    SourceImages(source(folder)).taking(51)


def test_identity_changes_with_the_images(folder, pictures):
  first = SourceImages(source(folder)).identity(50)
  assert SourceImages(source(folder)).identity(50) == first
  assert SourceImages(source(folder), 20).identity(20) != first
  file = folder / '003.png'
  status = file.stat()
  Image.fromarray(pictures[0]).save(file)  # perhaps of the same size
  os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
  assert SourceImages(source(folder)).identity(50) != first


def test_a_picture_that_cannot_be_read(folder):
  images = SourceImages(source(folder))
  (folder / '030.png').write_bytes(b'no picture')
  before = threading.active_count()
  with pytest.raises(UserError, match=r'030\.png'):
    everything(images)
  assert threading.active_count() == before


def test_leaving_early_ends_the_threads(folder):
  before = threading.active_count()
  batches = SourceImages(source(folder)).batches(0, 50, 4)
  next(batches)
  batches.close()
  assert threading.active_count() == before


def test_grey_and_transparent_images():
  grey = np.array([[[[7], [200]]]], np.uint8)
  assert rgb(grey).tolist() == [[[[7, 7, 7], [200, 200, 200]]]]
  color = np.array([[[[10, 20, 30]]]], np.uint8)
  assert rgb(color) is color
  clear = np.array([[[[10, 20, 30, 0], [10, 20, 30, 255], [0, 255, 128, 128]]]], np.uint8)
  half = [round((v * 128 + 128 * 127) / 255) for v in (0, 255, 128)]
  assert rgb(clear).tolist() == [[[[128, 128, 128], [10, 20, 30], half]]]
  assert rgb(np.array([[[[90, 255], [90, 0]]]], np.uint8)).tolist() == [[[[90] * 3, [128] * 3]]]
