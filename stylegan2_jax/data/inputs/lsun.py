"""LSUN categories as published: LMDB folders of encoded pictures, without labels.

Fisher Yu et al., "LSUN: Construction of a Large-scale Image Dataset using Deep Learning with
Humans in the Loop", 2015.
"""

import itertools
import pathlib

from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Input, Picture, Problem
from stylegan2_jax.data.inputs.failures import opening, problem, to_the_end
from stylegan2_jax.data.inputs.lmdb_file import LmdbFile
from stylegan2_jax.data.inputs.stamps import stamp
from stylegan2_jax.errors import UserError

_FILE = 'data.mdb'
_REMEDY = 'download and unpack it again'
_LONGEST_NAME = 4 * 511  # LMDB's longest key, all of it escaped


def recognises(path):
  """Whether the path is a folder with an LMDB file, or such a file."""
  path = pathlib.Path(path)
  return (path / _FILE).is_file() or (path.name.endswith('.mdb') and path.is_file())


class LsunInput(Input):
  """The values of an LMDB file in the order of their keys, which are the names."""

  kind = 'LSUN folder'

  def __init__(self, path):
    """Opens a folder, or the file data.mdb in it. The library `lmdb` is not needed.

    Raises:
      UserError: it is damaged or empty.
    """
    path = pathlib.Path(path)
    self._path = path / _FILE if path.is_dir() else path
    shown = names.shown(str(self._path))
    with opening(shown, _REMEDY):
      self._stamp = stamp(self._path)
      self._file = LmdbFile(self._path)
    if not len(self):
      self.close()
      raise UserError(f'{shown} holds no pictures: {_REMEDY}')

  def __len__(self):
    return self._file.entries

  def pictures(self, start=0):
    """All pictures from number `start` on; those that damage has made unreachable come last."""
    return to_the_end(self._reached(start), start, len(self), lambda number: f'{_FILE}[{number}]')

  def _reached(self, start):
    for entry in itertools.islice(self._file.items(), start, len(self)):
      yield Picture(_name(entry.key), self._content(entry), None)
      start += 1
    for missing in range(start, len(self)):
      yield Picture(f'{_FILE}[{missing}]', Problem('lies on a damaged page'), None)

  def _content(self, entry):
    try:
      return self._file.value(entry) or Problem('is empty')
    except ValueError as error:
      return Problem(str(error))
    except Exception as error:  # the file changed after it was opened
      return problem(error)

  def identity(self):
    """Size and time of the file, and how many pictures there are."""
    return [f'{self._stamp} {len(self)}']

  def close(self):
    """Closes the file."""
    self._file.close()


def _name(key):
  return names.shown(key.decode('utf-8', 'surrogateescape'), _LONGEST_NAME)
