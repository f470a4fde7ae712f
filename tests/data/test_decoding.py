import dataclasses
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data import decoding
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.settings import DataSettings


def _png_16_bit(side):
  """A 16-bit RGB picture, which Pillow can read but not write."""

  def chunk(kind, content):
    crc = zlib.crc32(kind + content)
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', crc)

  header = chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 16, 2, 0, 0, 0))
  rows = zlib.compress((b'\0' + bytes(6 * side)) * side)
  return b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


def _bad_images(make_image, encode):
  rgb = make_image(0, 8)
  big = encode(make_image(0, 64))
  palette = rgb.quantize(16)
  return {
    'no image': (b'hello', ['not a readable image', 'remove it']),
    'empty': (b'', ['not a readable image']),
    'truncated': (big[: len(big) // 2], ['truncated', 'remove it']),
    'truncated jpeg': (encode(make_image(0, 64), 'jpeg')[:900], ['truncated', 'remove it']),
    'not square': (
      encode(rgb.resize((8, 16))),
      ['not square (8x16)', 'prepare --resolution=8x8', 'set data.aspect=1:2'],
    ),
    'no aspect': (encode(rgb.resize((17, 16))), ['not square (17x16)', 'center-crop` does']),
    'small': (encode(make_image(0, 4)), ['4x4', 'smaller than 8x8', 'set', 'data.resolution']),
    'grey': (encode(make_image(0, 8, 'L')), ['greyscale (mode L)', 'convert', 'data.channels=1']),
    'rgba': (encode(make_image(0, 8, 'RGBA')), ['RGBA (mode RGBA)', 'data.channels=4']),
    'la': (
      encode(make_image(0, 8, 'LA')),
      ['greyscale with transparency (mode LA)', 'launch.py prepare --channels=3', 'channels=2'],
    ),
    'cmyk': (encode(make_image(0, 8, 'CMYK'), 'jpeg'), ['CMYK', 'convert']),
    'transparent': (
      encode(palette, transparency=0),
      ['palette with transparency (mode P)', 'convert'],
    ),
    'keyed': (encode(rgb, transparency=(1, 2, 3)), ['RGB with transparency', 'convert']),
    '16 bit grey': (encode(Image.new('I;16', (8, 8))), ['16 bits', 'convert']),
    '16 bit': (_png_16_bit(8), ['16 bits per channel', 'convert']),
    'bomb': (encode(Image.new('L', (8200, 8200))), ['larger than 8192x8192', 'make it smaller']),
    'big bomb': (_huge_png(), ['larger than 8192x8192']),
  }


def _huge_png():
  """The header of a picture with 10 gigapixels."""
  content = bytearray(_png_16_bit(8))

  content[16:26] = struct.pack('>IIBB', 100_000, 100_000, 8, 2)
  content[29:33] = struct.pack('>I', zlib.crc32(content[12:29]))
  return bytes(content)


_BAD = [
  'no image',
  'empty',
  'truncated',
  'truncated jpeg',
  'not square',
  'no aspect',
  'small',
  'grey',
  'rgba',
  'la',
  'cmyk',
  'transparent',
  'keyed',
  '16 bit grey',
  '16 bit',
  'bomb',
  'big bomb',
]


@pytest.mark.parametrize('kind', _BAD)
def test_bad_image_among_good_ones(
  kind, both, folder, tmp_path, make_image, encode, zipped, refused
):
  content, words = _bad_images(make_image, encode)[kind]
  (folder / 'b' / 'bad.png').write_bytes(content)
  if both.source.endswith('zip'):
    zipped(folder, tmp_path / 'pictures.zip')
  refused(both, f'{both.source}/b/bad.png', *words)


@pytest.mark.parametrize(('channels', 'mode'), [(1, 'L'), (2, 'LA'), (4, 'RGBA')])
def test_other_channels(tmp_path, make_image, encode, channels, mode, refused):
  image = make_image(0, 8, mode)
  (tmp_path / 'a.png').write_bytes(encode(image))
  data = DataSettings(source=str(tmp_path), resolution=8, channels=channels)
  example = open_source(data).read(0)
  decoded = decoding.decode(data, example.image, example.name)
  assert decoded.shape == (8, 8, channels)
  np.testing.assert_array_equal(decoded.squeeze(), np.asarray(image))
  refused(dataclasses.replace(data, channels=3), 'a.png', f'set data.channels={channels}')


@pytest.mark.parametrize('aspect', ['4:3', '3:4'])
@pytest.mark.parametrize(('factor', 'words'), [(1, ''), (2, 'box'), (2.5, 'lanczos')])
def test_rectangles(tmp_path, make_image, encode, aspect, factor, words, refused):
  data = DataSettings(source=str(tmp_path), resolution=8, aspect=aspect)
  size = (8, 6) if aspect == '4:3' else (6, 8)  # width, height
  large = tuple(int(factor * side) for side in size)
  image = make_image(0, 40).crop((0, 0, *large))
  (tmp_path / 'a.png').write_bytes(encode(image))
  source = open_source(data)
  filter_ = Image.BOX if words == 'box' else Image.LANCZOS
  expected = np.asarray(image.resize(size, filter_))  # the same bytes where the size is right
  decoded = decoding.decode(data, source.read(0).image, 'a')
  np.testing.assert_array_equal(decoded, expected)
  assert decoded.shape == (*data.size, 3)
  text = f'{large[0]}x{large[1]}'
  scaled = f', downsampled to {size[0]}x{size[1]} ({words} filter)' if words else ''
  assert source.describe() == f'{tmp_path}: 1 images of {text}{scaled}'
  square = dataclasses.replace(data, aspect='1:1')
  refused(square, f'a.png is not square ({text})', f'or set data.aspect={aspect}')
  turned = dataclasses.replace(data, aspect=aspect[::-1])
  refused(turned, f'a.png is not {aspect[::-1]}, as data.aspect says ({text}): crop or pad')
  if factor == 1:
    refused(dataclasses.replace(data, resolution=16), 'smaller than', 'set data.resolution=8')
  fingerprints = {source.fingerprint()}
  fingerprints |= {type(source).fingerprint(_With(source, other)) for other in (square, turned)}
  assert len(fingerprints) == 3


class _With:
  """A source as if it had been opened with other settings."""

  def __init__(self, source, data):
    self.data, self._identity = data, source._identity


def test_opaque_palette_is_rgb(tmp_path, make_image, encode):
  image = make_image(0).quantize(16)
  (tmp_path / 'a.png').write_bytes(encode(image))
  data = DataSettings(source=str(tmp_path), resolution=8)
  example = open_source(data).read(0)
  decoded = decoding.decode(data, example.image, example.name)
  np.testing.assert_array_equal(decoded, np.asarray(image.convert('RGB')))


@pytest.mark.parametrize(('side', 'words'), [(16, 'box'), (24, 'box'), (20, 'lanczos')])
def test_larger_images_are_downsampled(tmp_path, make_image, encode, side, words):
  image = make_image(0, side)
  (tmp_path / 'a.png').write_bytes(encode(image))
  data = DataSettings(source=str(tmp_path), resolution=8)
  source = open_source(data)
  decoded = decoding.decode(data, source.read(0).image, 'a')
  if words == 'box':
    np.testing.assert_array_equal(decoded, np.asarray(image.resize((8, 8), Image.BOX)))
    means = np.asarray(image, float).reshape(8, side // 8, 8, side // 8, 3).mean((1, 3))
    assert np.abs(decoded - means).max() <= 1  # Pillow rounds rows and columns one after the other
  else:
    np.testing.assert_array_equal(decoded, np.asarray(image.resize((8, 8), Image.LANCZOS)))
  assert f'{side}x{side}, downsampled to 8x8 ({words} filter)' in source.describe()
