"""Pictures that no library writes, and how to look at what was stored."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.preparation.prepare import Request


def _chunk(kind, content):
  crc = struct.pack('>I', zlib.crc32(kind + content))
  return struct.pack('>I', len(content)) + kind + content + crc


def _png(size, bits, colour_type, rows, *chunks):
  """Every kind of PNG: `rows` are bytes, each row as the format packs it."""
  header = _chunk(b'IHDR', struct.pack('>IIBBBBB', *size, bits, colour_type, 0, 0, 0))
  extra = b''.join(_chunk(*chunk) for chunk in chunks)
  data = _chunk(b'IDAT', zlib.compress(b''.join(b'\0' + row for row in rows)))
  return b'\x89PNG\r\n\x1a\n' + header + extra + data + _chunk(b'IEND', b'')


def _pixels(encoded):
  image = Image.open(io.BytesIO(encoded))
  array = np.asarray(image)
  return array.reshape(*array.shape[:2], -1)


def _noise(seed, width, height, channels=3):
  shape = (height, width, channels)
  return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def _files(folder):
  return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope='session')
def make_png():
  """A function ((width, height), bits, colour type, rows, *(kind, content)) -> bytes."""
  return _png


@pytest.fixture(scope='session')
def pixels():
  """A function (bytes of a file) -> uint8 [H, W, C], by Pillow alone."""
  return _pixels


@pytest.fixture(scope='session')
def noise():
  """A function (seed, width, height, channels) -> uint8 [H, W, C]."""
  return _noise


@pytest.fixture
def pictures(tmp_path):
  """A folder of 23 pictures 8x8 in two sub-folders; every fifth is broken. Returns its path."""
  rng = np.random.default_rng(0)
  for i in range(23):
    path = tmp_path / 'photos' / 'ab'[i % 2] / f'{i:02d}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    if i % 5 == 4:
      path.write_bytes(path.read_bytes()[:-30])
  return tmp_path / 'photos'


@pytest.fixture
def request_(pictures, tmp_path):
  """Prepares those pictures, with classes, in this process."""
  return Request(str(pictures), tmp_path / 'sets' / 'photos', labels='folders', workers=0)


@pytest.fixture(scope='session')
def files():
  """A function folder -> {name: bytes} of all files in it."""
  return _files
