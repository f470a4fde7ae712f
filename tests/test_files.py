"""A file is there whole or as it was before, whatever happens."""

import os
import pathlib

import pytest

from stylegan2_jax import files


def test_it_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
  """A power cut may otherwise leave an empty file of that name."""
  path, done = tmp_path / 'a.json', []
  fsync, replace = os.fsync, pathlib.Path.replace

  def synced(descriptor):
    done.append(('fsync', os.fstat(descriptor).st_size))
    fsync(descriptor)

  def replaced(self, target):
    done.append(('replace', target))
    return replace(self, target)

  monkeypatch.setattr(os, 'fsync', synced)
  monkeypatch.setattr(pathlib.Path, 'replace', replaced)
  with files.replacing(path) as file:
    file.write(b'12345')
    assert not path.exists()
  assert done == [('fsync', 5), ('replace', path)]
  assert path.read_bytes() == b'12345'
  assert os.listdir(tmp_path) == ['a.json']


@pytest.mark.parametrize('where', ['block', 'fsync'])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, where):
  def fails(*unused):
    raise OSError(28, 'No space left on device')

  def writes():
    with files.replacing(path) as file:
      file.write(b'new')
      if where == 'block':
        fails()

  path = tmp_path / 'a.json'
  path.write_bytes(b'old')
  if where == 'fsync':
    monkeypatch.setattr(os, 'fsync', fails)
  with pytest.raises(OSError, match='No space'):
    writes()
  assert path.read_bytes() == b'old'
  assert os.listdir(tmp_path) == ['a.json']
