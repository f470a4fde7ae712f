"""Each transform against plain Pillow operations, written out."""

import math

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.preparation import transform
from stylegan2_jax.data.preparation.conversion import Conversion
from stylegan2_jax.data.preparation.options import FILTERS, TRANSFORMS

_PILLOW = {
  'box': Image.Resampling.BOX,
  'lanczos': Image.Resampling.LANCZOS,
  'bicubic': Image.Resampling.BICUBIC,
}
_SIZES = [(40, 40), (41, 40), (40, 67), (91, 35), (32, 33), (32, 32), (33, 32), (64, 64)]


def _same(found, expected):
  assert found.mode == expected.mode
  np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def _half_up(number):
  return math.floor(number + 0.5)


def test_options_are_those_of_the_code():
  assert tuple(transform._TRANSFORMS) == TRANSFORMS
  assert tuple(transform._FILTERS) == FILTERS == tuple(_PILLOW)


@pytest.mark.parametrize('filter', FILTERS)
@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_none_resizes(noise, filter, channels):
  image = Image.fromarray(noise(0, 60, 36, channels).squeeze())
  found = transform.apply(image, Conversion(20, 12, channels, filter=filter))
  _same(found, image.resize((20, 12), _PILLOW[filter]))


@pytest.mark.parametrize('name', ['none', 'center-crop', 'pad'])
def test_nothing_to_do_is_nothing_done(noise, name):
  image = Image.fromarray(noise(0, 20, 12))
  assert transform.apply(image, Conversion(20, 12, transform=name)) is image


@pytest.mark.parametrize('size', [(20, 30), (32, 33), (33, 32), (64, 32)])
def test_none_wants_the_shape(noise, size):
  found = transform.apply(Image.fromarray(noise(0, *size)), Conversion(16, 16))
  assert found == Problem(
    f'is {size[0]}x{size[1]}, not of the shape 1:1 (--transform=center-crop or pad makes it so)'
  )
  found = transform.apply(Image.fromarray(noise(0, *size)), Conversion(12, 8))
  assert 'not of the shape 3:2' in found.reason


@pytest.mark.parametrize('filter', FILTERS)
@pytest.mark.parametrize('size', _SIZES)
def test_center_crop_to_a_square(noise, filter, size):
  width, height = size
  image = Image.fromarray(noise(1, width, height))
  side = min(size)
  left, top = (width - side) // 2, (height - side) // 2
  expected = image.crop((left, top, left + side, top + side)).resize((32, 32), _PILLOW[filter])
  conversion = Conversion(32, 32, transform='center-crop', filter=filter)
  _same(transform.apply(image, conversion), expected)


@pytest.mark.parametrize('size', [(31, 20), (32, 20), (45, 31), (30, 29), (100, 21), (24, 100)])
def test_center_crop_to_a_rectangle(noise, size):
  width, height = size
  image = Image.fromarray(noise(2, width, height))
  cut = min(width, _half_up(height * 24 / 16)), min(height, _half_up(width * 16 / 24))
  left, top = (width - cut[0]) // 2, (height - cut[1]) // 2
  expected = image.crop((left, top, left + cut[0], top + cut[1])).resize((24, 16), _PILLOW['box'])
  conversion = Conversion(24, 16, transform='center-crop', filter='box')
  _same(transform.apply(image, conversion), expected)


@pytest.mark.parametrize('filter', FILTERS)
@pytest.mark.parametrize('size', [(40, 30), (40, 31), (41, 31), (32, 24), (32, 100), (37, 28)])
def test_center_crop_wide(noise, filter, size):
  width, height = size
  image = Image.fromarray(noise(3, width, height))
  cut = _half_up(width * 24 / 32)
  top = (height - cut) // 2
  wide = image.crop((0, top, width, top + cut)).resize((32, 24), _PILLOW[filter])
  expected = Image.new('RGB', (32, 32))
  expected.paste(wide, (0, 4))
  conversion = Conversion(32, 24, transform='center-crop-wide', filter=filter)
  assert conversion.stored_size == (32, 32)
  _same(transform.apply(image, conversion), expected)


def test_center_crop_wide_bars(noise):
  """With an odd rest the lower bar is thicker; bars are black, and opaque."""
  array = noise(3, 8, 5, 4)
  conversion = Conversion(8, 5, 4, transform='center-crop-wide', background=(9, 9, 9))
  found = np.asarray(transform.apply(Image.fromarray(array), conversion))
  np.testing.assert_array_equal(found[1:6], array)
  np.testing.assert_array_equal(found[[0, 6, 7]], np.tile(np.uint8([0, 0, 0, 255]), (3, 8, 1)))


def test_center_crop_wide_wants_height(noise):
  conversion = Conversion(32, 24, transform='center-crop-wide')
  found = transform.apply(Image.fromarray(noise(0, 40, 29)), conversion)
  assert found.reason.startswith('is 40x29, wider than 4:3 (')
  found = transform.apply(Image.fromarray(noise(0, 31, 90)), conversion)
  assert found.reason == 'is 31x90, smaller than 32x24 (--upscale enlarges)'


@pytest.mark.parametrize('filter', FILTERS)
@pytest.mark.parametrize('size', [*_SIZES, (10, 90), (300, 1), (1, 300)])
def test_pad(noise, filter, size):
  width, height = size
  image = Image.fromarray(noise(4, width, height))
  scale = min(32 / width, 32 / height)
  fitting = max(1, _half_up(width * scale)), max(1, _half_up(height * scale))
  expected = Image.new('RGB', (32, 32), (10, 200, 30))
  expected.paste(
    image.resize(fitting, _PILLOW[filter]), ((32 - fitting[0]) // 2, (32 - fitting[1]) // 2)
  )
  conversion = Conversion(32, 32, transform='pad', filter=filter, background=(10, 200, 30))
  _same(transform.apply(image, conversion), expected)


@pytest.mark.parametrize(
  ('channels', 'fill'),
  [(1, [124]), (2, [124, 0]), (3, [10, 200, 30]), (4, [10, 200, 30, 0])],
)
def test_pad_fills_with_the_background(noise, channels, fill):
  """Grey is its luma, 0.299 * 10 + 0.587 * 200 + 0.114 * 30 = 123.8; alpha is 0."""
  array = noise(4, 8, 5, channels)
  conversion = Conversion(8, 8, channels, transform='pad', background=(10, 200, 30))
  found = np.asarray(transform.apply(Image.fromarray(array.squeeze()), conversion))
  found = found.reshape(8, 8, channels)
  np.testing.assert_array_equal(found[1:6], array)
  np.testing.assert_array_equal(found[[0, 6, 7]], np.tile(np.uint8(fill), (3, 8, 1)))


@pytest.mark.parametrize(
  ('name', 'size'),
  [
    ('none', (16, 16)),
    ('center-crop', (31, 90)),
    ('center-crop', (90, 31)),
    ('center-crop-wide', (31, 31)),
    ('pad', (20, 31)),
  ],
)
def test_enlarging_has_to_be_asked_for(noise, name, size):
  image = Image.fromarray(noise(5, *size))
  height = 24 if name == 'center-crop-wide' else 32
  found = transform.apply(image, Conversion(32, height, transform=name))
  wanted = f'is {size[0]}x{size[1]}, smaller than 32x{height} (--upscale enlarges)'
  assert found == Problem(wanted)
  found = transform.apply(image, Conversion(32, height, transform=name, upscale=True))
  assert found.size == (32, 32)


def test_upscaling_is_pillows(noise):
  image = Image.fromarray(noise(5, 7, 7))
  found = transform.apply(image, Conversion(16, 16, filter='bicubic', upscale=True))
  _same(found, image.resize((16, 16), Image.Resampling.BICUBIC))


def test_hidden_colours_do_not_bleed():
  """Resizing weighs by alpha: transparent red beside opaque blue gives blue, half transparent."""
  array = np.zeros((2, 2, 4), np.uint8)
  array[:, 0] = 255, 0, 0, 0
  array[:, 1] = 0, 0, 255, 255
  found = transform.apply(Image.fromarray(array), Conversion(1, 1, 4, filter='box'))
  assert found.getpixel((0, 0)) == (0, 0, 255, 128)
