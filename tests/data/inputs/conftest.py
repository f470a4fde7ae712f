"""Archives of the same few pictures."""

import contextlib
import io
import os
import tarfile
import zipfile

import pytest

from stylegan2_jax.data.inputs.base import Picture, Problem
from stylegan2_jax.data.inputs.files import FolderInput, ZipInput
from stylegan2_jax.data.inputs.tar import TarInput
from stylegan2_jax.errors import UserError

CLASSES = {  # contents need be no pictures here: nothing is decoded
  'cat/a.png': b'cat a',
  'cat/b.JPG': b'cat b',
  'dog/a.webp': b'dog a',
  'top.tiff': b'top',
}


class Maker:
  """Writes files as a folder, zip or tar, and opens it."""

  def __init__(self, root, form):
    self.root = root
    self.form = form
    self.opened = contextlib.ExitStack()

  def write(self, files):
    """Writes contents by name; returns the path."""
    if self.form == 'folder':
      path = self.root / 'pictures'
      for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    elif self.form == 'zip':
      path = self.root / 'pictures.zip'
      with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in reversed(files.items()):
          archive.writestr(name, content)
    else:
      path = write_tar(self.root / f'pictures.{self.form}', files.items())
    return path

  def open(self, files, labels='auto'):
    """Writes and opens them."""
    kind = {'folder': FolderInput, 'zip': ZipInput}.get(self.form, TarInput)
    return self.closed(kind(os.fspath(self.write(files)), labels))

  def closed(self, source):
    """Returns an input, and closes it after the test."""
    self.opened.enter_context(contextlib.closing(source))
    return source


def write_tar(path, files):
  packing = path.suffix[1:] if path.suffix in ('.gz', '.bz2', '.xz') else ''
  packing = 'gz' if path.suffix == '.tgz' else packing
  with tarfile.open(path, f'w:{packing}') as archive:
    for name, content in files:
      info = tarfile.TarInfo(name)
      info.size = len(content)
      archive.addfile(info, io.BytesIO(content))
  return path


@pytest.fixture(scope='session')
def classes():
  """Contents by name, sorted: two folders, and one at the top."""
  return dict(CLASSES)


@pytest.fixture(params=['folder', 'zip', 'tar'])
def form(request, tmp_path):
  """A Maker, of each form."""
  maker = Maker(tmp_path, request.param)
  with maker.opened:
    yield maker


@pytest.fixture
def as_folder(tmp_path):
  """A Maker of a folder."""
  return Maker(tmp_path, 'folder')


@pytest.fixture
def as_zip(tmp_path):
  """A Maker of a zip."""
  maker = Maker(tmp_path, 'zip')
  with maker.opened:
    yield maker


@pytest.fixture
def tarred():
  """A function (path, pairs of name and content) -> path, compressed by the path's ending."""
  return write_tar


@pytest.fixture
def check_resume():
  """A function (input) -> pictures: reading may begin anywhere, and matches len and names."""

  def check(source):
    pictures = list(source.pictures())
    assert [type(picture) for picture in pictures] == [Picture] * len(source)
    for start in range(len(source) + 1):
      assert list(source.pictures(start)) == pictures[start:]
    names = [picture.name for picture in pictures]
    assert len(set(names)) == len(names)
    assert all(name.isprintable() for name in names)
    source.close()
    source.close()
    return pictures

  return check


@pytest.fixture
def problems():
  """A function (pictures) -> reasons by name."""

  def find(pictures):
    return {p.name: p.content.reason for p in pictures if isinstance(p.content, Problem)}

  return find


@pytest.fixture
def user_error():
  """A function (call, *words): it raises a UserError of one line that holds these words."""

  def check(call, *words):
    with pytest.raises(UserError) as caught:
      call()
    line = str(caught.value)
    assert line.isprintable(), line
    for word in words:
      assert word in line, line

  return check
