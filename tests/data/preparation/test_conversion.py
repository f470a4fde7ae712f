"""From one picture to what is stored of it."""

import hashlib
import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.preparation import conversion as conversion_module
from stylegan2_jax.data.preparation.conversion import Conversion, Converted, convert, probe_size
from stylegan2_jax.errors import UserError

_MODES = {1: 'L', 2: 'LA', 3: 'RGB', 4: 'RGBA'}


def _digest(array):
  header = struct.pack('<3I', *array.shape)
  return hashlib.blake2b(header + array.tobytes(), digest_size=16).digest()


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_a_picture_that_is_right_keeps_its_bytes(noise, encode, pixels, channels):
  array = noise(0, 24, 16, channels)
  content = encode(Image.fromarray(array.squeeze()), compress_level=1, dpi=(300, 300))
  for transform in ('none', 'center-crop', 'pad'):
    found = convert(content, Conversion(24, 16, channels, transform))
    assert found == Converted(content, _digest(array))


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_a_jpeg_that_is_right_keeps_its_bytes(noise, encode, pixels, mode):
  channels = 3 if mode == 'RGB' else 1
  content = encode(Image.fromarray(noise(0, 24, 16)).convert(mode), 'jpeg', quality=30)
  found = convert(content, Conversion(24, 16, channels, format='jpeg'))
  assert found == Converted(content, _digest(pixels(content)))
  stored = convert(content, Conversion(24, 16, channels))
  np.testing.assert_array_equal(pixels(stored.encoded), pixels(content))
  assert stored.digest == found.digest


def test_what_is_nearly_right_is_encoded_again(noise, encode, make_png, pixels):
  array = noise(0, 24, 16)
  image = Image.fromarray(array)
  plain = encode(image)
  metadata = io.BytesIO()
  image.save(metadata, 'png', icc_profile=np.random.default_rng(0).bytes(70_000))
  deep = make_png((24, 16), 16, 2, [row.repeat(2).tobytes() for row in array])
  for content in (
    plain + bytes(99),  # something behind its end
    plain[:-12],  # no end; Pillow does not mind
    metadata.getvalue(),
    deep,
    encode(image, save_all=True, append_images=[image.rotate(180)]),
    encode(image, 'tiff'),
    encode(image, transparency=tuple(int(value) ^ 1 for value in array[0, 0])),
  ):
    found = convert(content, Conversion(24, 16))
    if isinstance(found, Problem):
      assert content == plain[:-12]
      continue
    assert found.encoded != content
    np.testing.assert_array_equal(pixels(found.encoded), array)
    assert found.digest == _digest(array)
    assert Image.open(io.BytesIO(found.encoded)).info == {}


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
@pytest.mark.parametrize('given', [1, 2, 3, 4])
def test_arrays_go_the_way_of_files(noise, encode, given, channels):
  array = noise(1, 30, 20, given)
  conversion = Conversion(12, 12, channels, 'center-crop', background=(1, 2, 3))
  found = convert(array, conversion)
  assert found == convert(encode(Image.fromarray(array.squeeze())), conversion)
  assert Image.open(io.BytesIO(found.encoded)).mode == _MODES[channels]
  turned = np.ascontiguousarray(array.transpose(1, 0, 2)).transpose(1, 0, 2)  # other strides
  assert convert(turned, conversion) == found


@pytest.mark.parametrize(
  'array',
  [
    np.zeros((4, 4, 5), np.uint8),
    np.zeros((4, 4), np.uint8),
    np.zeros((4, 4, 3), np.float32),
    np.zeros((0, 4, 3), np.uint8),
    np.broadcast_to(np.uint8(0), (2**14, 2**14, 3)),
  ],
)
def test_arrays_that_are_no_pictures(array):
  assert isinstance(convert(array, Conversion(4, 4)), Problem)


def test_jpeg_digest_is_that_of_what_is_stored(noise, pixels):
  array = noise(2, 24, 24)
  found = convert(array, Conversion(24, 24, format='jpeg'))
  assert found.digest == _digest(pixels(found.encoded))
  assert found.digest != _digest(array)


def test_order_of_the_steps(noise, encode, pixels):
  """Turned upright, laid over the background, made grey, cropped, resized."""
  exif = Image.Exif()
  exif[274] = 8
  stored = Image.fromarray(noise(3, 50, 31, 4))
  conversion = Conversion(16, 16, 1, 'center-crop', 'bicubic', (0, 100, 200))
  found = convert(encode(stored, exif=exif), conversion)
  upright = stored.transpose(Image.Transpose.ROTATE_90)
  canvas = Image.new('RGB', upright.size, (0, 100, 200))
  canvas.paste(upright, mask=upright)
  expected = canvas.convert('L').crop((0, 9, 31, 40)).resize((16, 16), Image.Resampling.BICUBIC)
  np.testing.assert_array_equal(pixels(found.encoded)[..., 0], np.asarray(expected))


def test_size_of_a_picture(noise, encode):
  exif = Image.Exif()
  exif[274] = 6
  assert probe_size(encode(Image.fromarray(noise(0, 24, 16)), 'jpeg', exif=exif)) == (16, 24)
  assert probe_size(noise(0, 24, 16)) == (24, 16)
  assert probe_size(b'hello') is None
  assert probe_size(None) is None


@pytest.mark.parametrize(
  ('error', 'reason'),
  [
    (MemoryError(), 'needs more memory than there is'),
    (RecursionError('too\ndeep'), 'cannot be converted (too deep)'),
    (KeyError(), 'cannot be converted (KeyError)'),
    (ValueError('a\x1b[2Jb\udc80' + 'c' * 999), f'cannot be converted (a [2Jb {"c" * 90}...)'),
  ],
)
def test_nothing_raises(noise, monkeypatch, error, reason):
  def fail(*_):
    raise error

  monkeypatch.setattr(conversion_module, 'apply', fail)
  assert convert(noise(0, 8, 8), Conversion(8, 8)) == Problem(reason)


def test_an_interrupt_gets_through(noise, monkeypatch):
  def interrupt(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(conversion_module, 'apply', interrupt)
  with pytest.raises(KeyboardInterrupt):
    convert(noise(0, 8, 8), Conversion(8, 8))


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'transform': 'crop'}, ['--transform=crop', 'center-crop-wide']),
    ({'filter': 'nearest'}, ['--filter=nearest', 'lanczos']),
    ({'format': 'webp'}, ['--format=webp', 'png, jpeg']),
    ({'channels': 5}, ['--channels=5', '1, 2, 3, 4']),
    ({'width': 0}, ['--resolution=0x24', 'from 1 to']),
    ({'height': 9000}, ['--resolution=32x9000', 'from 1 to']),
    ({'transform': 'center-crop-wide', 'height': 32}, ['not 32x32', '512x384']),
    ({'format': 'jpeg', 'channels': 4}, ['--format=jpeg', '--channels=3']),
    ({'format': 'jpeg', 'channels': 2}, ['--format=jpeg', '--channels=1']),
    ({'background': (1, 2, 256)}, ['--background', '0 to 255']),
  ],
)
def test_settings_that_cannot_be(changes, words):
  with pytest.raises(UserError) as caught:
    Conversion(**{'width': 32, 'height': 24, **changes}).check()
  line = str(caught.value)
  assert '\n' not in line
  for word in words:
    assert word in line


def test_settings_that_can_be():
  Conversion(32, 24, 4, 'center-crop-wide').check()
  Conversion(8192, 1, 1, 'pad', 'box', (0, 0, 0), 'jpeg', True).check()


def test_workers_start_quickly():
  """Nothing heavy is imported along with the conversion."""
  code = (
    'import sys, stylegan2_jax.data.preparation.conversion as _;'
    "print(sorted({'jax', 'flax', 'grain', 'tensorflow_datasets', 'tensorflow'} & {*sys.modules}))"
  )
  found = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True)
  assert found.stdout.strip() == '[]'
