"""What the name of a file says: whether it is a picture, and how to show it on one line.

Names come from file systems and archives, where they may be anything. They are only ever shown and
compared, never used as paths to write to.
"""

import os
import unicodedata

from stylegan2_jax.data import decoding

ENDINGS = (*decoding.ENDINGS, '.jfif', '.tif', '.tiff')

_LITTER = ('.ds_store', 'thumbs.db', 'desktop.ini')  # what systems leave in every folder
_LITTER_FOLDER = '__MACOSX'
_LONGEST_SHOWN = 300  # characters
_LONGEST_ENDING_SHOWN = 12
_SUFFIX = 12  # characters that a number behind a name may take


def parts(path):
  """The folders of a relative path, and its last part; either slash separates them."""
  return [part for part in path.replace('\\', '/').split('/') if part not in ('', '.')]


def normal(path):
  """A form of a relative path in which equal places are equal: slashes, './' and accents."""
  return unicodedata.normalize('NFC', '/'.join(parts(path)))


def ignored(path):
  """Whether the file is one that the operating system made: nobody wants to hear of it."""
  found = parts(path)
  if _LITTER_FOLDER in found:
    return True
  return bool(found) and (found[-1].lower() in _LITTER or found[-1].startswith('._'))


def fault(path):
  """Why this is no picture by its name, as a Problem's reason; None if it may be one."""
  found = parts(path)
  if any(part.startswith('.') and part != '..' for part in found):
    return 'is hidden'
  ending = os.path.splitext(found[-1])[1] if found else ''
  if ending.lower() in ENDINGS:
    return None
  if not ending:
    return 'is no image by its name, which has no ending'
  return f'is no image by its ending ({shown(ending, _LONGEST_ENDING_SHOWN)})'


def shown(text, longest=_LONGEST_SHOWN):
  """The text as one line that any terminal can print.

  Bytes that are no UTF-8 and control characters become backslash escapes.

  >>> print(shown('a\\nb\\udcff'))
  a\\nb\\xff
  """
  if not text.isprintable():
    text = ''.join(c if c.isprintable() else _escape(c) for c in text)
  return text if len(text) <= longest else text[: longest - 3] + '...'


def unique(paths):
  """Names to show for the paths, in their order: printable, and each once.

  >>> unique(['a.png', './a.png', ''])
  ['a.png', 'a.png (2)', '(no name)']
  """
  return _numbered(path.removeprefix('./') for path in paths)


def distinct(found):
  """Names of classes and the like as a TFDS data set can hold them, in their order.

  They are stripped, not empty, on one line, and all different; names that are so stay.

  >>> distinct(['cat', 'cat (2)', ' cat', '', 'big\\ncat'])
  ['cat', 'cat (2)', 'cat (3)', '(no name)', 'big cat']
  """
  return _numbered(' '.join(name.split()) for name in found)


def _numbered(texts):
  seen = set()
  counts = {}  # so that no number is tried twice: the time is linear
  names = []
  for text in texts:
    name = shown(text) or '(no name)'
    first = shown(name, _LONGEST_SHOWN - _SUFFIX)
    while name in seen:
      counts[first] = counts.get(first, 1) + 1
      name = f'{first} ({counts[first]})'
    seen.add(name)
    names.append(name)
  return names


def _escape(char):
  code = ord(char)
  if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python's file names hold it
    return f'\\x{code - 0xDC00:02x}'
  return char.encode('unicode_escape').decode()
