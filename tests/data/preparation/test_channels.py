"""Every kind of pixels that a file can hold, against numpy."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, features

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.preparation.channels import to_channels
from stylegan2_jax.data.preparation.conversion import Conversion, convert

_BACKGROUNDS = [(255, 255, 255), (10, 200, 30)]


def _luma(colours):
  weights = np.array([19595, 38470, 7471])  # 0.299, 0.587, 0.114 in 16 bits
  return ((colours.astype(np.int64) @ weights + 2**15) >> 16).astype(np.uint8)[..., None]


def _over(colours, alpha, background):
  """Lays colours over a background, rounded to the nearest."""
  colours, alpha = colours.astype(np.float64), alpha.astype(np.float64)
  return np.floor((colours * alpha + np.array(background) * (255 - alpha)) / 255 + 0.5).astype(int)


@pytest.fixture
def result(pixels):
  """A function (bytes, channels, background) -> uint8 [H, W, channels] as stored."""

  def convert_(content, channels=3, background=(255, 255, 255)):
    width, height = Image.open(io.BytesIO(content)).size
    found = convert(content, Conversion(width, height, channels, background=background))
    assert not isinstance(found, Problem), found.reason
    array = pixels(found.encoded)
    assert array.shape == (height, width, channels)
    assert array.dtype == np.uint8
    return array

  return convert_


@pytest.mark.parametrize('background', _BACKGROUNDS)
@pytest.mark.parametrize('kind', ['png', 'webp', 'tiff'])
def test_rgba(noise, encode, result, kind, background):
  array = noise(0, 32, 32, 4)
  options = {'lossless': True, 'exact': True} if kind == 'webp' else {}
  content = encode(Image.fromarray(array), kind, **options)
  opaque = _over(array[..., :3], array[..., 3:], background)
  np.testing.assert_array_equal(result(content, 3, background), opaque)
  np.testing.assert_array_equal(result(content, 1, background), _luma(opaque))
  np.testing.assert_array_equal(result(content, 4, background), array)
  grey = np.dstack([_luma(array[..., :3]), array[..., 3:]])
  np.testing.assert_array_equal(result(content, 2, background), grey)


def test_compositing_is_exact_for_all_values(result, encode):
  value, alpha = np.meshgrid(np.arange(256), np.arange(256))
  array = np.dstack([value, value, value, alpha]).astype(np.uint8)
  content = encode(Image.fromarray(array))
  for background in (0, 1, 100, 127, 128, 255):
    expected = _over(array[..., :3], array[..., 3:], [background] * 3)
    np.testing.assert_array_equal(result(content, 3, (background,) * 3), expected)


@pytest.mark.parametrize('background', _BACKGROUNDS)
def test_grey_with_alpha(noise, encode, result, background):
  array = noise(1, 9, 7, 2)
  content = encode(Image.fromarray(array))
  opaque = _over(array[..., :1].repeat(3, -1), array[..., 1:], background)
  np.testing.assert_array_equal(result(content, 2, background), array)
  np.testing.assert_array_equal(result(content, 3, background), opaque)
  np.testing.assert_array_equal(result(content, 1, background), _luma(opaque))
  rgba = array[..., [0, 0, 0, 1]]
  np.testing.assert_array_equal(result(content, 4, background), rgba)


def test_opaque_alpha_is_added(noise, encode, result):
  array = noise(2, 9, 7)
  content = encode(Image.fromarray(array))
  np.testing.assert_array_equal(result(content, 4)[..., :3], array)
  np.testing.assert_array_equal(result(content, 4)[..., 3], 255)
  np.testing.assert_array_equal(result(content, 2)[..., 1], 255)
  np.testing.assert_array_equal(result(content, 1), _luma(array))


@pytest.mark.parametrize('bits', [1, 2, 4, 8, 16])
@pytest.mark.parametrize('keyed', [False, True])
def test_grey_png_of_all_depths(make_png, result, bits, keyed):
  top = 2**bits - 1
  values = np.random.default_rng(bits).integers(0, top + 1, (8, 16))
  values[0, :3] = 0, top, top // 2
  key = int(values[5, 5])
  rows = [
    row.astype('>u2').tobytes()
    if bits == 16
    else np.packbits((row[:, None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)).tobytes()
    for row in values
  ]
  chunks = [(b'tRNS', struct.pack('>H', key))] if keyed else []
  content = make_png((16, 8), bits, 0, rows, *chunks)
  grey = np.floor(values * 255 / top + 0.5)
  alpha = np.where(keyed & (values == key), 0, 255)
  np.testing.assert_array_equal(result(content, 2), np.dstack([grey, alpha]))
  expected = np.where(alpha == 0, 100, grey)[..., None]
  np.testing.assert_array_equal(result(content, 1, (100, 100, 100)), expected)
  np.testing.assert_array_equal(result(content, 3, (100, 100, 100)), expected.repeat(3, -1))


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
@pytest.mark.parametrize('transparency', [None, 'one', 'many'])
def test_palette_png(make_png, result, bits, transparency):
  rng = np.random.default_rng(bits)
  count = 2**bits
  palette = rng.integers(0, 256, (count, 3), np.uint8)
  alphas = np.full(count, 255, np.uint8)
  if transparency == 'one':
    alphas[1] = 0
  if transparency == 'many':
    alphas[:] = rng.integers(0, 256, count)
  index = rng.integers(0, count, (8, 16))
  rows = [
    np.packbits((row[:, None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)).tobytes()
    for row in index
  ]
  chunks = [(b'PLTE', palette.tobytes())]
  chunks += [(b'tRNS', alphas.tobytes())] if transparency else []
  content = make_png((16, 8), bits, 3, rows, *chunks)
  rgba = np.dstack([palette[index], alphas[index]])
  np.testing.assert_array_equal(result(content, 4), rgba)
  opaque = _over(rgba[..., :3], rgba[..., 3:], (10, 200, 30))
  np.testing.assert_array_equal(result(content, 3, (10, 200, 30)), opaque)


@pytest.mark.parametrize(('colour_type', 'count'), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colours_give_their_high_bytes(make_png, result, colour_type, count):
  values = np.random.default_rng(0).integers(0, 2**16, (5, 6, count))
  rows = [row.astype('>u2').tobytes() for row in values]
  content = make_png((6, 5), 16, colour_type, rows)
  np.testing.assert_array_equal(result(content, count), values >> 8)


def test_rgb_with_a_transparent_colour(noise, make_png, encode, result):
  array = noise(3, 9, 7)
  array[2:4, 3:5] = 1, 2, 3
  array[0, 0] = 1, 2, 4
  content = encode(Image.fromarray(array), transparency=(1, 2, 3))
  alpha = np.full((7, 9), 255)
  alpha[2:4, 3:5] = 0
  np.testing.assert_array_equal(result(content, 4), np.dstack([array, alpha]))
  expected = np.where(alpha[..., None] == 0, [9, 8, 7], array)
  np.testing.assert_array_equal(result(content, 3, (9, 8, 7)), expected)
  deep = make_png((1, 1), 16, 2, [bytes(6)], (b'tRNS', bytes(6)))
  assert 'transparent 16-bit colour' in convert(deep, Conversion(1, 1)).reason


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('compression', [None, 'tiff_lzw'])
def test_16_bit_tiff(encode, result, order, compression):
  values = np.random.default_rng(1).integers(0, 2**16, (6, 11), np.uint16)
  values[0] = [0, 128, 129, 257, 385, 386, 32767, 32768, 65278, 65407, 65535]
  mode = 'I;16' if order == '<' else 'I;16B'
  image = Image.frombytes(mode, (11, 6), values.astype(f'{order}u2').tobytes())
  content = encode(image, 'tiff', **({'compression': compression} if compression else {}))
  expected = np.floor(values / 257 + 0.5)[..., None]
  np.testing.assert_array_equal(result(content, 1), expected)
  np.testing.assert_array_equal(result(content, 3), expected.repeat(3, -1))


def test_tiff_in_which_white_is_zero(encode, result):
  values = np.random.default_rng(1).integers(0, 2**16, (6, 11), np.uint16)
  content = encode(Image.fromarray(values), 'tiff', tiffinfo={262: 0})
  expected = 255 - np.floor(values / 257 + 0.5)[..., None]
  np.testing.assert_array_equal(result(content, 1), expected)


def test_32_bit_tiff(encode, result):
  values = np.random.default_rng(1).integers(0, 2**16, (6, 11), np.int32)
  content = encode(Image.fromarray(values), 'tiff')
  np.testing.assert_array_equal(result(content, 1), np.floor(values / 257 + 0.5)[..., None])
  values[2, 2] = 2**16
  found = convert(encode(Image.fromarray(values), 'tiff'), Conversion(11, 6))
  assert 'holds numbers from' in found.reason
  assert '65536' in found.reason
  found = convert(encode(Image.new('F', (11, 6)), 'tiff'), Conversion(11, 6))
  assert found.reason == 'holds floating-point numbers, whose range is not known'


def test_12_bit_grey_is_scaled_by_its_own_top():
  image = Image.fromarray(np.array([[0, 1, 8, 9, 2047, 2048, 4095]], np.uint16))
  found = to_channels(image, 12, 1, (0, 0, 0))
  assert list(found.tobytes()) == [0, 0, 0, 1, 127, 128, 255]
  assert 'from 0 to 4095' in to_channels(Image.new('I;16', (1, 1), 4096), 12, 1, (0, 0, 0)).reason


@pytest.mark.parametrize('kind', ['jpeg', 'tiff'])
def test_cmyk_is_converted_as_in_pillow(noise, encode, result, kind):
  content = encode(Image.frombytes('CMYK', (16, 16), noise(4, 16, 16, 4).tobytes()), kind)
  again = Image.open(io.BytesIO(content))
  assert again.mode == 'CMYK'
  np.testing.assert_array_equal(result(content), np.asarray(again.convert('RGB')))
  white = encode(Image.new('CMYK', (8, 8)), kind)  # inverted in JPEG; Pillow knows
  np.testing.assert_array_equal(result(white), 255)


def test_ycbcr_is_converted_as_in_pillow(noise):
  image = Image.fromarray(noise(4, 16, 16)).convert('YCbCr')
  found = to_channels(image, 8, 3, (0, 0, 0))
  np.testing.assert_array_equal(np.asarray(found), np.asarray(image.convert('RGB')))


def test_lab(encode, result):
  image = Image.merge('LAB', [Image.new('L', (4, 4), value) for value in (255, 128, 128)])
  content = encode(image, 'tiff')
  if features.check('littlecms2'):
    assert result(content).min() >= 250  # white
  else:  # a Pillow that was built without colour management
    assert isinstance(convert(content, Conversion(4, 4)), Problem)


@pytest.mark.parametrize('mode', ['La', 'RGBa', 'PA'])
def test_rarer_modes_with_transparency(noise, mode):
  source = Image.fromarray(noise(5, 8, 8, 4))
  image = source.convert('LA').convert(mode) if mode == 'La' else source.convert('RGBa')
  if mode == 'PA':
    image = Image.new('PA', (2, 2), (1, 99))
    image.putpalette([0, 0, 0, 10, 20, 30])
  found = to_channels(image, 8, 4, (0, 0, 0))
  assert found.mode == 'RGBA'
  if mode == 'PA':
    assert found.getpixel((0, 0)) == (10, 20, 30, 99)
  else:
    np.testing.assert_array_equal(np.asarray(found)[..., 3], np.asarray(source)[..., 3])
