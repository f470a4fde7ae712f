"""Numbers in columns."""

import pytest

from stylegan2_jax.tools.tables import aligned, in_bytes


def test_aligned():
  rows = [('phase', 'ms', ''), ('r1', '12.5', 'x'), ('average', '1', '')]
  assert aligned(rows, '<><') == ['phase      ms', 'r1       12.5  x', 'average     1']


@pytest.mark.parametrize(
  ('number', 'text'),
  [
    (0, '0 bytes'),
    (1023, '1023 bytes'),
    (1024, '1.0 KiB'),
    (1024**2 - 1, '1024.0 KiB'),
    (1024**2, '1.0 MiB'),
    (78 * 2**30, '78.0 GiB'),
    (2**42, '4.0 TiB'),
  ],
)
def test_in_bytes(number, text):
  assert in_bytes(number) == text
