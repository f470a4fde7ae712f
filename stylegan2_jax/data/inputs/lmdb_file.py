"""Reads LMDB data files that cannot be trusted.

The library `lmdb` maps a file into memory and believes it: one that is truncated or damaged takes
the whole process down. This reader knows the little that is needed to go through a file once (the
format version 1 of LMDB 0.9 on 64-bit little-endian machines, with one unnamed table), and checks
each number.

A file consists of pages of equal size. The first two are metas, of which the newer counts; it says
where the root of a tree is. Branch pages hold the numbers of pages, leaf pages hold keys and
values, and a value that is too large for a leaf lies on pages of its own.
"""

import contextlib
import os
import struct
from typing import NamedTuple

from stylegan2_jax.data.decoding import MAX_BYTES

_PAGE = struct.Struct('<QHHHH')  # number, -, flags, end of pointers, begin of nodes
_META = struct.Struct('<II16x')  # magic, version
_TABLE = struct.Struct('<IHHQQQQQ')  # page size or -, flags, depth, pages (3), entries, root
_META_END = struct.Struct('<QQ')  # last page, transaction
_NODE = struct.Struct('<HHHH')  # size (2) or page (3), flags, key size
_POINTER = struct.Struct('<Q')
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_ELSEWHERE = 1  # flag of a node: its value lies on pages of its own
_SIZES = tuple(2**k for k in range(8, 17))
_NO_ROOT = 2**64 - 1
_MAX_DEPTH = 32
_LEAST = _NODE.size + 2 + 1  # bytes in the file for an entry


class Entry(NamedTuple):
  """A key, and where its value is."""

  key: bytes
  value: bytes | None  # if it lies in the tree
  page: int = 0  # else
  size: int = 0


class LmdbFile:
  """One data file, open for reading.

  Attributes:
    entries: how many there are, as the file says.
  """

  def __init__(self, path):
    """Opens a file.

    Raises:
      OSError, ValueError: it cannot be read or is not such a file.
    """
    self._stream = open(path, 'rb')  # noqa: SIM115
    try:
      self._size = os.fstat(self._stream.fileno()).st_size
      self._open()
    except BaseException:
      self.close()
      raise

  def close(self):
    """Closes the file."""
    self._stream.close()

  def _open(self):
    first = self._meta(0)
    self._page_size = first[0]
    if self._page_size not in _SIZES:
      raise ValueError('its pages have a size that cannot be')
    metas = [first]
    with contextlib.suppress(ValueError):  # one may do alone
      metas.append(self._meta(self._page_size))
    _, _, (_, flags, depth, *_, self.entries, self._root) = max(metas, key=lambda meta: meta[1])
    if flags:
      raise ValueError('its table is not of LSUN form')
    if self._root == _NO_ROOT:
      self.entries = 0
      return
    possible = 0 < depth <= _MAX_DEPTH and self.entries * _LEAST <= self._size
    if not possible or self._read_page(self._root) is None:
      raise ValueError('it is truncated or damaged')

  def _meta(self, start):
    """(page size, transaction, table of the entries) of a meta page."""
    size = _META.size + 2 * _TABLE.size + _META_END.size
    content = self._read(start + _PAGE.size, size)
    if len(content) < size:
      raise ValueError('it is no LMDB file, or truncated')
    magic, version = _META.unpack_from(content)
    if magic != _MAGIC:
      raise ValueError('it is no LMDB file')
    if version != _VERSION:
      raise ValueError(f'it has the format {version} of LMDB, not {_VERSION}')
    free = _TABLE.unpack_from(content, _META.size)
    main = _TABLE.unpack_from(content, _META.size + _TABLE.size)
    return free[0], _META_END.unpack_from(content, _META.size + 2 * _TABLE.size)[1], main

  def _read(self, start, size):
    if start >= self._size:
      return b''
    self._stream.seek(start)
    return self._stream.read(size)

  def _read_page(self, number):
    """A page of the tree: (flags, content, places of its nodes); None if it is damaged."""
    try:
      content = self._read(number * self._page_size, self._page_size)
    except OSError:
      return None
    if len(content) < self._page_size:
      return None
    found, _, flags, lower, upper = _PAGE.unpack_from(content)
    if found != number or flags not in (_BRANCH, _LEAF) or not _PAGE.size <= lower <= upper:
      return None
    places = struct.unpack_from(f'<{(lower - _PAGE.size) // 2}H', content, _PAGE.size)
    last = self._page_size - _NODE.size
    if upper > self._page_size or not all(upper <= place <= last for place in places):
      return None
    return flags, content, places

  def items(self):
    """Yields each Entry in the order of the keys, without those on damaged pages."""
    todo = [] if self._root == _NO_ROOT else [(self._root, 1)]
    left = self._size // self._page_size  # damage could send us around for ever
    previous = None
    while todo and left:
      number, depth = todo.pop()
      left -= 1
      page = self._read_page(number)
      if page is None:
        continue
      flags, content, places = page
      if flags == _BRANCH:
        if depth < _MAX_DEPTH:
          todo += [(_child(content, place), depth + 1) for place in reversed(places)]
        continue
      for place in places:
        entry = _entry(content, place)
        if entry is not None and (previous is None or entry.key > previous):
          previous = entry.key
          yield entry

  def value(self, entry):
    """The bytes of a value.

    Raises:
      ValueError: says in a few words why it cannot be had.
    """
    if entry.value is not None:
      return entry.value
    if entry.size > MAX_BYTES:
      raise ValueError(f'is larger than {MAX_BYTES >> 20} MiB')
    start = entry.page * self._page_size
    header = self._read(start, _PAGE.size)
    if start + _PAGE.size + entry.size > self._size or len(header) < _PAGE.size:
      raise ValueError('is truncated')
    if _PAGE.unpack(header)[0] != entry.page or _PAGE.unpack(header)[2] != _OVERFLOW:
      raise ValueError('lies on a damaged page')
    content = self._stream.read(entry.size)
    if len(content) < entry.size:
      raise ValueError('is truncated')
    return content


def _child(content, place):
  """The page that a node of a branch leads to."""
  low, middle, high, _ = _NODE.unpack_from(content, place)
  return low | middle << 16 | high << 32


def _entry(content, place):
  """The Entry of a node of a leaf; None if it is damaged."""
  low, high, flags, key_size = _NODE.unpack_from(content, place)
  size, begin = low | high << 16, place + _NODE.size + key_size
  key = content[place + _NODE.size : begin]
  stored = _POINTER.size if flags == _ELSEWHERE else size
  if flags not in (0, _ELSEWHERE) or begin + stored > len(content) or not key:
    return None
  if flags == _ELSEWHERE:
    return Entry(key, None, *_POINTER.unpack_from(content, begin), size)
  return Entry(key, content[begin : begin + size])
