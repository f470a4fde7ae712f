"""Images of whatever size they have, as long as it is one: sets to be compared, not trained on."""

import pathlib

from stylegan2_jax.data import checking, decoding, locating
from stylegan2_jax.data.base import Source, reading
from stylegan2_jax.data.files import FolderSource, ZipSource
from stylegan2_jax.data.prepared import open_prepared
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError
from stylegan2_jax.geometry import size_text
from stylegan2_jax.settings import DataSettings

_PREPARE = 'bring all to one with `launch.py prepare`'


def open_alike(path: str, what: str, threads: int = 2) -> Source:
  """The images of a folder, a zip or a prepared set, in the form that they have.

  Args:
    path: where they are.
    what: the flag that gave it, for messages.
    threads: that read.

  Raises:
    UserError: nothing is there, there are no images, or they are not of one size and kind.
  """
  found = locating.given_path(path, what)
  if found is None:
    raise UserError(f'{what}={path} does not exist: name a folder, a zip or a prepared set')
  prepared = locating.find_prepared(found, what=what) if found.is_dir() else None
  if prepared is not None:
    shape = Records(prepared).shape
    if None in shape:
      raise UserError(f'{what}={path} holds images of several sizes: {_PREPARE}')
    return open_prepared(_settings(path, shape[:2], shape[2], threads), prepared)
  opener = FolderSource if found.is_dir() else ZipSource
  size, channels = _common_form(opener(DataSettings(source=path, threads=threads), found, False))
  return opener(_settings(path, size, channels, threads), pathlib.Path(found))


def _in_words(size, channels):
  return f'{size_text(size)} with {channels} channels'


def _settings(path, size, channels, threads):
  height, width = size
  return DataSettings(
    source=path,
    resolution=max(size),
    aspect=f'{width}:{height}' if height != width else '1:1',
    channels=channels,
    threads=threads,
  )


def _common_form(source):
  """((height, width), channels) of all; raises UserError for the first that differs."""

  def form(index):
    name = source.name(index)
    with reading(name, 'restore or remove it'), source.open(index) as stream:
      return decoding.form(stream, name)

  forms = checking.in_threads(form, source)
  other = next((i for i, found in enumerate(forms) if found != forms[0]), None)
  if other is not None:
    words = (f'{source.name(i)} is {_in_words(*forms[i])}' for i in (other, 0))
    raise UserError(f'{", but ".join(words)}: {_PREPARE}')
  return forms[0]
