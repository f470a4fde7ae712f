"""Numbers as text, in columns."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], aligns: str) -> list[str]:
  """Lines of rows in columns, two spaces apart.

  >>> aligned([('a', '1'), ('bcd', '23')], '<>')
  ['a     1', 'bcd  23']

  Args:
    rows: of equally many cells.
    aligns: for each column `<` or `>`.
  """
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return [
    '  '.join(f'{c:{a}{w}}' for c, a, w in zip(row, aligns, widths, strict=True)).rstrip()
    for row in rows
  ]


def in_bytes(number: float) -> str:
  """A number of bytes for people.

  >>> in_bytes(512), in_bytes(3 * 2**20), in_bytes(2.5 * 2**40)
  ('512 bytes', '3.0 MiB', '2.5 TiB')
  """
  if number < 1024:
    return f'{number:.0f} bytes'
  for unit in ('KiB', 'MiB', 'GiB'):
    number /= 1024
    if number < 1024:
      return f'{number:.1f} {unit}'
  return f'{number / 1024:.1f} TiB'
