import time

import numpy as np

from stylegan2_jax.data.inputs.crc32c import crc32c


def test_crc32c():
  assert crc32c(b'') == 0
  assert crc32c(b'123456789') == 0xE3069283  # as in RFC 3720, B.4, and all of these
  assert crc32c(bytes(32)) == 0x8A9136AA
  assert crc32c(b'\xff' * 32) == 0x62A8AB43
  assert crc32c(bytes(range(32))) == 0x46DD794E
  assert crc32c(bytes(range(31, -1, -1))) == 0x113FDB5C


def test_crc32c_of_long_data_is_that_of_byte_after_byte():
  def slowly(data):
    state = 0xFFFFFFFF
    for byte in data:
      state ^= byte
      for _ in range(8):
        state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF

  data = np.random.default_rng(0).bytes(5000)
  for size in (1, 1023, 1024, 1025, 2048, 4999):
    assert crc32c(data[:size]) == slowly(data[:size])


def test_crc32c_is_fast_enough_for_large_pictures():
  data = np.random.default_rng(0).bytes(3 * 2**20)
  start = time.perf_counter()
  crc32c(data)
  assert time.perf_counter() - start < 2  # byte after byte takes longer
