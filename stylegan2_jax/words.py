"""Text from outside as a part of a message."""

from collections.abc import Sequence


def one_line(text: object, limit: int = 60) -> str:
  r"""Printable, on one line, and not long.

  >>> one_line('a\n\tb\x1b[0m'), one_line('abcdefgh', limit=6)
  ('a b [0m', 'abc...')
  """
  line = ' '.join(''.join(c if c.isprintable() else ' ' for c in str(text)).split())
  return line if len(line) <= limit else f'{line[: limit - 3]}...'


def listing(names: Sequence[object], limit: int = 10) -> str:
  """The first names, and how many there are if that is not all.

  >>> listing(['a', 'b']), listing('abcd', limit=2)
  ('a, b', 'a, b, ... (4 in all)')
  """
  shown = ', '.join(one_line(name) for name in names[:limit])
  return shown if len(names) <= limit else f'{shown}, ... ({len(names)} in all)'


def reason(error: BaseException, limit: int = 100) -> str:
  """What an exception says, for a message: the system's words without number and file.

  >>> reason(FileNotFoundError(2, 'No such file or directory', 'a.png')), reason(KeyError())
  ('No such file or directory', 'KeyError')
  """
  return one_line(getattr(error, 'strerror', None) or error, limit) or type(error).__name__
