"""The checksum CRC-32C (Castagnoli), which TFRecords use, in NumPy.

Bytes are taken one after the other, which Python is slow at. But the checksum is linear: long data
are cut into blocks of equal length, of which all advance together, byte by byte, and the results
are joined.
"""

import functools

import numpy as np

_POLYNOMIAL = 0x82F63B78  # bits reversed
_ONES = 0xFFFFFFFF
_BLOCK = 1024  # bytes
_MASK_DELTA = 0xA282EAD8  # of the TFRecord format


def _byte_table():
  table = np.arange(256, dtype=np.uint32)
  for _ in range(8):
    table = (table >> 1) ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
  return table


_TABLE = _byte_table()
_PLAIN_TABLE = _TABLE.tolist()  # faster for single numbers


def crc32c(data: bytes) -> int:
  """The checksum of bytes.

  >>> hex(crc32c(b'123456789'))
  '0xe3069283'
  """
  state = _ONES
  whole = len(data) // _BLOCK
  if whole:
    blocks = np.frombuffer(data, np.uint8, whole * _BLOCK).reshape(whole, _BLOCK)
    tables = _skip_tables()
    for block in _advance(np.zeros(whole, np.uint32), np.ascontiguousarray(blocks.T)).tolist():
      skipped = 0
      for byte, table in enumerate(tables):
        skipped ^= table[state >> (8 * byte) & 255]
      state = skipped ^ block
  for byte in data[whole * _BLOCK :]:
    state = _PLAIN_TABLE[(state ^ byte) & 255] ^ (state >> 8)
  return state ^ _ONES


def masked_crc32c(data: bytes) -> int:
  """The checksum as TFRecords store it."""
  crc = crc32c(data)
  return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ONES


def _advance(states, columns):
  """States uint32 [n] after uint8 columns [length, n], one column after the other."""
  for column in columns:
    states = _TABLE[(states ^ column) & 255] ^ (states >> 8)
  return states


@functools.cache
def _skip_tables():
  """What a block of zeros makes of each value of each of the four bytes of a state."""
  states = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32)[:, np.newaxis])
  zeros = np.zeros((_BLOCK, 1), np.uint8)
  return _advance(states.ravel(), zeros).reshape(4, 256).tolist()
