"""TFRecords as StyleGAN's tool writes them, made without TensorFlow."""

import struct

import numpy as np

from stylegan2_jax.data.inputs.crc32c import masked_crc32c


def field(number, content):
  """One field of a protocol buffer, of bytes."""
  length, size = len(content), b''
  while length > 127:
    size += bytes([length & 127 | 128])
    length >>= 7
  return bytes([number << 3 | 2]) + size + bytes([length]) + content


def varint(number):
  return bytes([number & 127 | 128, number >> 7]) if number > 127 else bytes([number])


def example(shape, data):
  """A tf.train.Example, written by hand."""
  sides = field(3, field(1, b''.join(varint(side) for side in shape)))
  content = field(1, field(1, data))
  features = b''.join(
    field(1, field(1, name) + field(2, value))
    for name, value in ((b'shape', sides), (b'data', content))
  )
  return field(1, features)


def record(content, checksum=None):
  length = struct.pack('<Q', len(content))
  checksum = masked_crc32c(content) if checksum is None else checksum
  return length + struct.pack('<I', masked_crc32c(length)) + content + struct.pack('<I', checksum)


def images(count, side=8, channels=3, seed=0):
  return np.random.default_rng(seed).integers(0, 256, (count, channels, side, side), np.uint8)


def records(pictures):
  return [record(example(image.shape, image.tobytes())) for image in pictures]


def write(folder, pictures, labels=None, name='ffhq'):
  """Writes a folder as StyleGAN's tool does: a file for each resolution."""
  folder.mkdir(exist_ok=True)
  for level in (3, 2):
    step = pictures.shape[-1] >> level
    content = b''.join(records(pictures[:, :, ::step, ::step]))
    (folder / f'{name}-r{level:02d}.tfrecords').write_bytes(content)
  if labels is not None:
    with (folder / f'{name}-rxx.labels').open('wb') as file:
      np.save(file, labels)
  return folder
