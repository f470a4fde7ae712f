import io

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.preparation.encoding import encode

_MODES = {1: 'L', 2: 'LA', 3: 'RGB', 4: 'RGBA'}


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_png_gives_back_what_went_in(noise, pixels, channels):
  array = noise(0, 13, 7, channels)
  image = Image.fromarray(array.squeeze())
  encoded = encode(image, 'png')
  np.testing.assert_array_equal(pixels(encoded), array)
  assert Image.open(io.BytesIO(encoded)).mode == _MODES[channels]
  assert encoded == encode(image.copy(), 'png')


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_jpeg_is_close(mode):
  image = Image.linear_gradient('L').resize((48, 40)).convert(mode)
  encoded = encode(image, 'jpeg')
  found = Image.open(io.BytesIO(encoded))
  assert found.format == 'JPEG'
  assert found.mode == mode
  error = np.asarray(found).astype(int) - np.asarray(image).astype(int)
  assert np.abs(error).max() <= 4
  assert encoded == encode(image.copy(), 'jpeg')


def test_jpeg_keeps_colour_at_full_resolution(noise):
  encoded = encode(Image.fromarray(noise(0, 16, 16)), 'jpeg')
  at = encoded.index(b'\xff\xc0')  # the frame header: 8 bits, size, 3 components
  samplings = [encoded[at + 11 + 3 * number] for number in range(3)]
  assert samplings == [0x11, 0x11, 0x11]


@pytest.mark.parametrize('format', ['png', 'jpeg'])
def test_metadata_are_left_out(noise, format):
  bare = Image.fromarray(noise(0, 8, 8))
  image = bare.copy()
  image.info = {
    'icc_profile': b'profile',
    'exif': b'Exif\0\0II*\0',
    'comment': b'hello',
    'dpi': (300, 300),
    'transparency': (1, 2, 3),
  }
  before = dict(image.info)
  assert encode(image, format) == encode(bare, format)
  assert image.info == before
