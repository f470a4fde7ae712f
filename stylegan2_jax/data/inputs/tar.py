"""A tar archive of image files, compressed or not, read front to back.

A first pass reads the headers; what it finds whole is read by the place where it lies. Compressed
archives are read as streams: memory does not depend on their size.
"""

import bz2
import gzip
import lzma
import os
import tarfile

from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.inputs.entries import Entry, FileInput
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_CHUNK = 2**16  # bytes
_MAX_HEADER = 2**20  # bytes, of a long name and the like
_MAX_FILE = 2**50  # bytes; farther than that cannot be sought
_PACKED = ((b'\x1f\x8b', gzip.open), (b'BZh', bz2.open), (b'\xfd7zXZ\x00', lzma.open))
_EXTENDED = (
  tarfile.XHDTYPE,
  tarfile.XGLTYPE,
  tarfile.SOLARIS_XHDTYPE,
  tarfile.GNUTYPE_LONGNAME,
  tarfile.GNUTYPE_LONGLINK,
)
_EARLY = (EOFError, tarfile.ReadError, tarfile.TruncatedHeaderError)


class TarInput(FileInput):
  """All files in a tar archive, in its order; what compresses it is found out by looking."""

  kind = 'tar archive'

  def __init__(self, path, labels='auto'):
    """Reads all headers; `labels` as FileInput has it.

    An archive that ends too early gives what is whole, and one more Problem for the rest.
    """
    self._path = os.fspath(path)
    self._stream = None
    if not os.path.isfile(self._path):
      raise UserError(f'{names.shown(self._path)} is no file: give the path of a tar archive')
    try:
      self._rewind()
      super().__init__(path, labels, self._entries())
    except OSError as error:
      self.close()
      raise UserError(
        f'cannot read {names.shown(self._path)} ({reason(error)}): make it readable'
      ) from error
    except BaseException:
      self.close()
      raise

  def close(self):
    """Closes the archive."""
    if self._stream is not None:
      self._stream.close()

  def _rewind(self):
    self.close()
    with open(self._path, 'rb') as stream:
      start = stream.read(max(len(magic) for magic, _ in _PACKED))
    for magic, unpack in _PACKED:
      if start.startswith(magic):
        self._stream = _Unpacked(unpack(self._path, 'rb'))
        return
    self._stream = open(self._path, 'rb')  # noqa: SIM115

  def _read(self, index):
    place, size = self._places[index], self._sizes[index]
    if self._stream.closed or self._stream.tell() > place:
      self._rewind()
    self._stream.seek(place)
    content = self._stream.read(size)
    return content if len(content) == size else Problem('is truncated')

  def _entries(self):
    """Yields the Entry of every file."""
    try:
      archive = tarfile.TarFile(
        fileobj=self._stream, tarinfo=_Header, encoding='utf-8', errors='surrogateescape'
      )
    except Exception as error:  # tarfile raises whatever a damaged header makes it stumble over
      raise UserError(
        f'{names.shown(self._path)} is not a readable tar archive ({reason(error)}): '
        'download or pack it again'
      ) from error
    whole = 0
    last = -1
    while True:
      try:
        member = archive.next()
      except Exception as error:  # as above
        archive.end = getattr(archive, 'end', error)
        member = None
      archive.members.clear()  # tarfile would keep them all
      if member is None:
        break
      if member.offset <= last or member.size < 0:
        archive.end = tarfile.InvalidHeaderError('out of order')
        break
      last = member.offset
      if not member.isdir():
        entry = self._entry(member)
        whole += entry.fault != 'is truncated'
        yield entry
    state = self._state(getattr(archive, 'end', None))
    if state:
      if not whole:
        raise UserError(
          f'{names.shown(self._path)} {state} and holds not one whole file: download it again'
        )
      files = f'{whole} file' + ('s' if whole > 1 else '')
      rest = f'(rest of {os.path.basename(self._path)})'
      yield Entry(rest, fault=f'the archive {state} after {files}')

  def _state(self, end):
    """What is wrong with the way the archive ended; '' if it did as it should."""
    if isinstance(end, tarfile.EOFHeaderError):
      return ''
    fault = getattr(self._stream, 'fault', None) or end
    if isinstance(fault, tarfile.EmptyHeaderError):
      return 'has no end mark'
    return 'is truncated' if isinstance(fault, _EARLY) else 'is damaged'

  def _entry(self, member):
    """Entry of a tarfile.TarInfo. Reads up to the end of its content, to see that it is there."""
    fault = None
    if member.issym() or member.islnk():
      fault = 'is a link'
    elif member.issparse():
      fault = 'is a sparse file'
    elif not member.isreg():
      fault = 'is no regular file'
    else:
      fault = None if self._reaches(member.offset_data, member.size) else 'is truncated'
    return Entry(member.name, member.size, member.chksum, member.offset_data, fault)

  def _reaches(self, start, size):
    """Whether the archive is long enough for a content."""
    if not size:
      return True
    try:
      self._stream.seek(start + size - 1)
      return len(self._stream.read(1)) == 1
    except (OSError, OverflowError, ValueError):  # farther than files can be
      return False


class _Header(tarfile.TarInfo):
  """Refuses headers that would fill the memory, and tells the archive why there are no more."""

  @classmethod
  def frombuf(cls, buf, encoding, errors):
    header = super().frombuf(buf, encoding, errors)
    if not 0 <= header.size <= (_MAX_HEADER if header.type in _EXTENDED else _MAX_FILE):
      raise tarfile.InvalidHeaderError('impossible size')
    return header

  @classmethod
  def fromtarfile(cls, archive):
    try:
      return super().fromtarfile(archive)
    except tarfile.SubsequentHeaderError:
      raise  # the one that caused it is known
    except tarfile.HeaderError as error:
      archive.end = error
      raise


class _Unpacked:
  """A compressed file as tarfile needs it: read front to back.

  Where it is damaged or truncated it just ends, after all that can be unpacked; `fault` says why.
  """

  def __init__(self, file):
    self._file = file
    self._position = 0
    self.fault = None
    self.closed = False

  def tell(self):
    return self._position

  def seek(self, position):
    if position < self._position:
      raise OSError('a compressed archive cannot be read backwards')
    while self._position < position and self.read(min(_CHUNK, position - self._position)):
      pass

  def read(self, size):
    parts = []
    while size > 0 and self.fault is None:
      try:
        part = self._file.read1(min(size, _CHUNK))
      except Exception as error:  # each form of compression has its own
        self.fault = error
        break
      if not part:
        break
      size -= len(part)
      self._position += len(part)
      parts.append(part)
    return b''.join(parts)

  def close(self):
    self._file.close()
    self.closed = True
