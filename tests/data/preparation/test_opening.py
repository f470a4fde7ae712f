"""What files are opened, which way is up, and that no file does harm."""

import io
import random
import struct
import time
import zlib

import numpy as np
import PIL
import pytest
from PIL import Image

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.preparation import opening
from stylegan2_jax.data.preparation.conversion import Conversion, Converted, convert

_UPRIGHT = {  # what has to be done to what is stored, by the EXIF standard
  1: lambda a: a,
  2: lambda a: a[:, ::-1],
  3: lambda a: a[::-1, ::-1],
  4: lambda a: a[::-1],
  5: lambda a: a.transpose(1, 0, 2),
  6: lambda a: np.rot90(a, -1),
  7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
  8: lambda a: np.rot90(a),
}
_WRITES_MPO = tuple(map(int, PIL.__version__.split('.')[:2])) >= (11, 3)
_LOSSLESS = {'webp': {'lossless': True, 'exact': True}}


@pytest.mark.parametrize('kind', ['png', 'tiff', 'webp', 'jpeg'])
@pytest.mark.parametrize('orientation', _UPRIGHT)
def test_orientation(noise, encode, pixels, kind, orientation):
  exif = Image.Exif()
  exif[274] = orientation
  stored = Image.fromarray(noise(0, 24, 16))
  content = encode(stored, kind, exif=exif, **_LOSSLESS.get(kind, {}))
  plain = pixels(encode(stored, kind, **_LOSSLESS.get(kind, {})))
  expected = _UPRIGHT[orientation](plain)
  found = convert(content, Conversion(expected.shape[1], expected.shape[0]))
  np.testing.assert_array_equal(pixels(found.encoded), expected)
  assert (found.encoded == content) == (orientation == 1 and kind == 'png')


@pytest.mark.parametrize('kind', ['png', 'jpeg', 'webp'])
@pytest.mark.parametrize(
  'exif',
  [
    b'Exif\0\0',
    b'Exif\0\0II*\0\xff\xff\xff\xff',
    b'Exif\0\0MM\0*\0\0\0\x08\xff\xff' + bytes(range(256)),
    b'Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0',
    b'Exif\0\0' + bytes(99),
  ],
)
def test_broken_exif_is_ignored(noise, encode, pixels, kind, exif):
  stored = Image.fromarray(noise(0, 8, 8))
  content = encode(stored, kind, exif=exif)
  found = convert(content, Conversion(8, 8))
  np.testing.assert_array_equal(pixels(found.encoded), pixels(encode(stored, kind)))


@pytest.mark.parametrize(('kind', 'name'), [('gif', 'GIF'), ('webp', 'WEBP'), ('png', 'PNG')])
def test_first_frame_of_animations(encode, pixels, kind, name):
  frames = [Image.new('RGB', (8, 6), colour) for colour in ('#102030', '#ff0000', '#00ff00')]
  options = _LOSSLESS.get(kind, {})
  content = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
  image = Image.open(io.BytesIO(content))
  assert (image.format, image.n_frames) == (name, 3)
  found = convert(content, Conversion(8, 6))
  assert found.encoded != content
  np.testing.assert_array_equal(pixels(found.encoded), np.tile([0x10, 0x20, 0x30], (6, 8, 1)))


@pytest.mark.parametrize('kind', ['tiff', 'mpo'])
def test_first_page(noise, encode, pixels, kind):
  if kind == 'mpo' and not _WRITES_MPO:
    pytest.skip('this Pillow writes broken MPO files')
  pages = [Image.fromarray(noise(seed, 16, 8)) for seed in range(3)]
  content = encode(pages[0], kind, save_all=True, append_images=pages[1:])
  first = Image.open(io.BytesIO(content))
  assert first.n_frames == 3
  found = convert(content, Conversion(16, 8))
  np.testing.assert_array_equal(pixels(found.encoded), np.asarray(first))


def test_transparent_gif(pixels, encode):
  image = Image.new('P', (4, 4), 1)
  image.putpalette([9, 9, 9, 1, 2, 3])
  image.putpixel((0, 0), 0)
  found = convert(encode(image, 'gif', transparency=0), Conversion(4, 4, 4))
  array = pixels(found.encoded)
  assert array[0, 0, 3] == 0
  assert list(array[1, 1]) == [1, 2, 3, 255]


@pytest.mark.parametrize('kind', ['ppm', 'ico', 'tga', 'pcx', 'eps'])
def test_other_formats_are_refused(noise, encode, kind):
  content = encode(Image.fromarray(noise(0, 16, 16)), kind)
  found = convert(content, Conversion(16, 16))
  assert found.reason == ('is not a picture that can be read (PNG, JPEG, WebP, BMP, GIF, TIFF)')


def test_no_picture_at_all():
  assert convert(b'', Conversion(8, 8)) == Problem('is empty')
  for content in (b'hello', b'\0' * 999, b'<svg></svg>', b'\x89PNG\r\n\x1a\n', b'GIF89a', b'II*\0'):
    assert isinstance(convert(content, Conversion(8, 8)), Problem)


def _bombs(make_png):
  def header(width, height):
    return make_png((width, height), 8, 2, [])

  inflating = zlib.compress(bytes(2**26))  # 64 MiB of zeros
  tiff = b'II*\0\x08\0\0\0' + struct.pack('<H', 6)
  for tag, kind, value in (
    (256, 4, 2**31),
    (257, 4, 2**31),
    (258, 3, 8),
    (262, 3, 1),
    (273, 4, 2**28),
    (278, 4, 2**31),
  ):
    tiff += struct.pack('<HHII', tag, kind, 1, value)
  strips = b'II*\0\x08\0\0\0' + struct.pack('<H', 5)
  for tag, count, value in ((256, 1, 8), (257, 1, 8), (258, 1, 8), (262, 1, 1), (273, 2**31, 64)):
    strips += struct.pack('<HHII', tag, 4, count, value)
  text = b'comment\0\0' + inflating
  return {
    'png': header(100_000, 100_000),
    'long png': header(100_000, 1),
    'large png': header(12_000, 12_000),
    'gif': b'GIF89a' + struct.pack('<HHBBB', 65535, 65535, 0, 0, 0) + b',' + bytes(20),
    'webp': b'RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0' + b'\xff\x3f\0' * 2 + bytes(8),
    'bmp': b'BM' + bytes(12) + struct.pack('<IiiHHI', 40, 2**30, 2**30, 1, 24, 0) + bytes(40),
    'tiff': tiff + bytes(8),
    'strips': strips + bytes(99),
    'text': make_png((1, 1), 8, 0, [b'\0'], (b'zTXt', text)),
    'profile': make_png((1, 1), 8, 0, [b'\0'], (b'iCCP', text)),
    'texts': make_png((1, 1), 8, 0, [b'\0'], *[(b'tEXt', b'k\0' + bytes(2**20))] * 70),
  }


def test_bombs_do_not_go_off(make_png):
  for name, content in _bombs(make_png).items():
    start = time.perf_counter()
    found = convert(content, Conversion(1, 1, 1))
    assert isinstance(found, Problem), name
    assert '\n' not in found.reason
    assert time.perf_counter() - start < 2, name
  reason = convert(_bombs(make_png)['large png'], Conversion(1, 1)).reason
  assert reason == 'is 12000x12000, more than 134217728 pixels'
  reason = convert(_bombs(make_png)['long png'], Conversion(1, 1)).reason
  assert reason == 'is 100000x1, more than 65536 pixels on a side'


def test_size_of_the_file(monkeypatch):
  monkeypatch.setattr(opening, 'MAX_BYTES', 9)
  assert convert(bytes(10), Conversion(1, 1)).reason == 'is a file of 10 bytes, more than 9'


def _files(noise, encode_):
  """A picture in every format and in most of their variants."""
  image = Image.fromarray(noise(7, 40, 40))

  def encode(image, *args, **options):  # saving leaves traces on images, which confuse TIFF
    if 'append_images' in options:
      options['append_images'] = [frame.copy() for frame in options['append_images']]
    return encode_(image.copy(), *args, **options)

  exif = Image.Exif()
  exif[274] = 6
  frames = {'save_all': True, 'append_images': [image.rotate(90), image.rotate(180)]}
  return {
    'png': encode(image, exif=exif),
    'palette': encode(image.quantize(16), transparency=bytes(range(0, 160, 10))),
    'apng': encode(image, **frames),
    '16 bit': encode(Image.new('I;16', (40, 40), 999)),
    'jpeg': encode(image, 'jpeg', exif=exif),
    'progressive': encode(image, 'jpeg', progressive=True),
    'cmyk': encode(image.convert('CMYK'), 'jpeg'),
    **({'mpo': encode(image, 'mpo', **frames)} if _WRITES_MPO else {}),
    'webp': encode(image, 'webp', exif=exif),
    'lossless': encode(image, 'webp', lossless=True),
    'animated': encode(image, 'webp', **frames),
    'bmp': encode(image, 'bmp'),
    'gif': encode(image, 'gif', **frames),
    'tiff': encode(image, 'tiff', exif=exif),
    'lzw': encode(image, 'tiff', compression='tiff_lzw', **frames),
    'deflate': encode(image, 'tiff', compression='tiff_deflate'),
    'tiff jpeg': encode(image, 'tiff', compression='jpeg'),
    'group4': encode(image.convert('1'), 'tiff', compression='group4'),
  }


def test_truncated_files(noise, encode):
  for name, content in _files(noise, encode).items():
    assert isinstance(convert(content, Conversion(40, 40)), Converted), name
    for tenth in range(10):
      found = convert(content[: len(content) * tenth // 10], Conversion(40, 40))
      if tenth < 3:
        assert isinstance(found, Problem), name
      if isinstance(found, Problem):
        assert found.reason.isprintable()
  png = _files(noise, encode)['png']
  assert convert(png[:-600], Conversion(40, 40)).reason.startswith('is truncated or damaged (')


def test_damage_that_only_the_checksum_shows(encode):
  content = bytearray(encode(Image.new('RGB', (8, 8)), comment='x', compress_level=0))
  content[-30] ^= 1
  assert convert(bytes(content), Conversion(8, 8)).reason.startswith('is truncated or damaged (')


def test_flipped_bytes(noise, encode, capfd):
  """300 files with one to eight bytes changed: never an exception, nothing printed."""
  rng = random.Random(0)
  files = list(_files(noise, encode).values())
  start = time.perf_counter()
  outcomes = set()
  for number in range(300):
    content = bytearray(files[number % len(files)])
    for _ in range(rng.randint(1, 8)):
      reach = 64 if rng.random() < 0.5 else len(content)  # half of them in the header
      content[rng.randrange(reach)] = rng.randrange(256)
    found = convert(bytes(content), Conversion(16, 16, transform='pad', upscale=True))
    outcomes.add(type(found))
    assert isinstance(found, Converted) or found.reason.isprintable()
  assert outcomes == {Converted, Problem}
  assert time.perf_counter() - start < 60
  assert capfd.readouterr() == ('', '')
