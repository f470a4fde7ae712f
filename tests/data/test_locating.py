"""Prepared sets are found by path and by name."""

import dataclasses
import os

import pytest

from stylegan2_jax.data import sources
from stylegan2_jax.data.locating import locate
from stylegan2_jax.data.sources import known_label_dim, open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from tests.helpers import png, prepared_set
from tests.prepared_sets import NAMES, PICTURES, settings

pytestmark = pytest.mark.usefixtures('no_other_sets')


@pytest.mark.parametrize(
  'source', ['photos', 'photos:1.0.0', '{}/photos', '{}/photos/1.0.0', '{}/photos/']
)
def test_ways_to_name_a_set(made, source):
  assert open_source(settings(made, source.format(made))).class_names == NAMES


def test_tfds_own_directory(made, spoiled, tmp_path, monkeypatch):
  monkeypatch.setenv('TFDS_DATA_DIR', str(made))
  assert open_source(settings(tmp_path / 'nothing', 'photos')).class_names == NAMES
  source = open_source(settings(spoiled, 'photos'))  # data.dir goes first
  assert str(spoiled) in source.describe()


def test_versions_and_configs(tmp_path, refused):
  for version, count in (('1.0.0', 2), ('1.10.0', 3), ('1.9.0', 4)):
    prepared_set(tmp_path / 'a' / version, PICTURES[:count])
  assert len(open_source(settings(tmp_path, 'a'))) == 3
  assert len(open_source(settings(tmp_path, 'a:1.9.0'))) == 4
  refused(settings(tmp_path, 'a:2.0.0'), 'a:2.0.0 does not exist', 'there are a')
  prepared_set(tmp_path / 'b' / 'large' / '1.0.0', PICTURES[:2])
  assert len(open_source(settings(tmp_path, 'b'))) == 2  # the only config
  prepared_set(tmp_path / 'b' / 'small' / '1.0.0', PICTURES)
  assert len(open_source(settings(tmp_path, 'b/small'))) == 5
  assert len(open_source(settings(tmp_path, 'b/small:1.0.0'))) == 5
  for source in ('b', tmp_path / 'b'):
    refused(settings(tmp_path, source), 'holds 2 prepared sets', 'b/large', 'large, small')


@pytest.mark.parametrize('name', ['nothing', '../made/photos', 'photos/', 'photos:x', 'a/b/c', ':'])
def test_unknown_names(made, refused, name):
  words = [f'data.source={name} does not exist', 'launch.py prepare', 'faces, photos, plain']
  refused(settings(made, name), *words)


def test_locate(made, tmp_path):
  """For other commands, which take prepared sets alone."""
  expected = made / 'photos' / '1.0.0'
  for source in ('photos', str(made / 'photos'), str(expected)):
    assert locate(source, str(made), '--data') == expected
  with pytest.raises(UserError, match=r'--data=nothing does not .*: give a set that .*prepare'):
    locate('nothing', str(made), '--data')
  with pytest.raises(UserError, match=r'--data=.* holds no prepared set: make one'):
    locate(str(tmp_path), str(made), '--data')
  with pytest.raises(UserError, match='holds 3 prepared sets: name one in --data'):
    locate(str(made), str(made), '--data')


@pytest.mark.parametrize('name', ['x' * 300, 'a\x00b', '~nobody-of-that-name/x', 'x/' * 3000])
def test_names_that_cannot_be(made, tmp_path, refused, name):
  refused(settings(made, name), 'data.source=', 'does not exist')
  refused(settings(name, 'nothing'), 'data.source=nothing does not exist')
  with pytest.raises(UserError, match='does not exist') as caught:
    locate(name, str(made), '--data')
  assert len(str(caught.value)) < 1000


def test_home_is_nowhere(made, monkeypatch):
  """As in containers that run as a user without an entry."""
  monkeypatch.delenv('TFDS_DATA_DIR')
  monkeypatch.setattr(os.path, 'expanduser', lambda path: path)
  assert open_source(settings(made, 'photos')).class_names == NAMES


def test_folders_that_cannot_be_read(made, tmp_path, monkeypatch, refused):
  def denied(path):
    raise PermissionError(13, 'Permission denied', path)

  monkeypatch.setattr(os, 'scandir', denied)
  words = f'data.source={tmp_path} (Permission denied): make it readable'
  refused(settings(made, tmp_path), words)
  with pytest.raises(UserError, match=r'cannot use --data=.* \(Permission denied\)'):
    locate(str(tmp_path), str(made), '--data')


def test_a_pipe_is_no_source(made, tmp_path, refused):
  os.mkfifo(tmp_path / 'pipe')
  refused(settings(made, tmp_path / 'pipe'), 'is neither a folder nor a file')


def test_a_folder_without_a_set_holds_files(tmp_path):
  for folder in ('1.0.0', 'cats'):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / 'a.png').write_bytes(png(PICTURES[0]))
  source = open_source(settings(tmp_path, tmp_path))
  assert [source.read(i).name for i in (0, 1)] == [
    f'{tmp_path}/{n}/a.png' for n in ('1.0.0', 'cats')
  ]


def test_known_label_dim(made, tmp_path, monkeypatch):
  assert [known_label_dim(settings(made, n)) for n in ('photos', 'faces', 'plain')] == [3, 2, 0]
  assert known_label_dim(DataSettings()) == 8
  assert known_label_dim(settings(made, 'nothing')) is None
  assert known_label_dim(settings(made, tmp_path)) is None
  monkeypatch.setattr(sources.prepared, 'open_builder', lambda folder: 1 / 0)
  assert known_label_dim(dataclasses.replace(settings(made, tmp_path))) is None
