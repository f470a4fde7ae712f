"""Which file is found where, its hash and recipe, and what is said where there is none."""

import hashlib
import json
import pathlib

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import weights_folder as lib

CONTENT = b'weights'
HASH = hashlib.sha256(CONTENT).hexdigest()
PUBLISHED = {
  'pt_inception-2015-12-05-6726825d.pth': (
    '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2'
  ),
  'inception_v3_weights_fid.pickle': (
    '4e030efa5bccac3222d975f658d1884f9e00fab24f2812082884539220b90d77'
  ),
  'vgg16-397923af.pth': '397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0',
  'vgg.pth': 'a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868',
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
  monkeypatch.setenv('STYLEGAN2_WEIGHTS', str(tmp_path / 'weights'))
  (tmp_path / 'weights').mkdir()
  return tmp_path / 'weights'


@pytest.fixture(autouse=True)
def no_loading(monkeypatch):
  """Weights are the paths of their files."""
  for name in ('load_inception', 'load_classifier'):
    monkeypatch.setattr(lib, name, lambda path: path)
  monkeypatch.setattr(lib, 'load_lpips', lambda vgg, linear: (vgg, linear))


def put(folder, *names):
  for name in names:
    (folder / name).write_bytes(CONTENT)


@pytest.mark.parametrize(
  ('chosen', 'others'),
  [
    ('inception.npz', []),
    ('Inception_v3_weights_FID.pickle', ['other.pth', 'vgg16.npz']),
    ('pt_inception-2015-12-05.pth', ['inception.npz', 'weights-inception-2015-12-05.pth']),
    ('inception_a.npz', ['inception_b.npz']),
    ('pt_inception-2015-12-05 (1).pth', ['inception.txt', 'inception.pth']),
  ],
)
def test_which_file(folder, chosen, others):
  """By the usual names first, then in alphabetical order."""
  put(folder, chosen, *others)
  network = lib.inception_network()
  assert network.weights == folder / chosen
  assert network.recipe['weights'] == chosen


def test_recipes(folder):
  put(folder, 'inception.npz', 'vgg16.npz', 'vgg.pth')
  inception, vgg16 = lib.inception_network(), lib.vgg16_network()
  _, lpips = lib.lpips_weights()
  assert (inception.name, vgg16.name) == ('inception', 'vgg16')
  assert 'TensorFlow 1' in inception.recipe['resize']
  assert 'antialiased' in vgg16.recipe['resize']
  for recipe in (inception.recipe, vgg16.recipe, lpips):
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe['sha256'] == HASH
    assert recipe['known'] is False
  assert (lpips['weights'], lpips['linear_weights']) == ('vgg16.npz', 'vgg.pth')
  assert lpips['linear_sha256'] == HASH


def test_published_files_are_known(folder, monkeypatch):
  monkeypatch.setattr(lib, '_sha256', lambda path: PUBLISHED[path.name])
  put(folder, *PUBLISHED)
  assert lib.inception_network().recipe['known'] is True
  assert lib.vgg16_network().recipe['known'] is True
  assert lib.lpips_weights()[1]['known'] is True
  (folder / 'pt_inception-2015-12-05-6726825d.pth').unlink()
  assert lib.inception_network().recipe['known'] is True
  monkeypatch.setitem(PUBLISHED, 'vgg.pth', HASH)
  assert lib.lpips_weights()[1]['known'] is False


def test_hashes_in_names(folder):
  put(folder, f'pt_inception-2015-12-05-{HASH[:8]}.pth', 'vgg16-397923af.pth')
  assert lib.inception_network().recipe['sha256'] == HASH
  with pytest.raises(UserError, match=rf'^[^\n]*vgg16-397923af\.pth is damaged .*{HASH[:8]}'):
    lib.vgg16_network()


@pytest.mark.parametrize(
  ('ask', 'usual'),
  [
    (lib.inception_network, 'pt_inception-2015-12-05-6726825d.pth (of the package pytorch-fid)'),
    (lib.vgg16_network, 'vgg16-397923af.pth (of torchvision)'),
    (lib.lpips_weights, 'vgg16-397923af.pth (of torchvision)'),
  ],
)
def test_nothing_there(folder, ask, usual):
  put(folder, 'vgg.pth', 'notes.txt')
  for _ in range(2):
    with pytest.raises(UserError, match=r'^[^\n]*$') as error:
      ask()
    assert f'put {usual} into {folder}, or name another' in str(error.value)
    (folder / 'vgg.pth').unlink(missing_ok=True)
    (folder / 'notes.txt').unlink(missing_ok=True)
    if folder.exists():
      folder.rmdir()  # the same where there is no folder


def test_only_half_of_lpips(folder):
  put(folder, 'vgg16.npz')
  with pytest.raises(UserError, match=r'linear weights of LPIPS are needed: put vgg\.pth'):
    lib.lpips_weights()


def test_a_folder_that_is_a_file(tmp_path, monkeypatch):
  put(tmp_path, 'file')
  monkeypatch.setenv('STYLEGAN2_WEIGHTS', str(tmp_path / 'file'))
  with pytest.raises(
    UserError, match=r'^cannot look into .*file for weights: .*STYLEGAN2_WEIGHTS$'
  ):
    lib.inception_network()


def test_a_file_that_is_a_folder(folder):
  (folder / 'inception.npz').mkdir()
  with pytest.raises(UserError, match=r'cannot read .*inception\.npz'):
    lib.inception_network()


def test_where(monkeypatch):
  home = pathlib.Path('~').expanduser()
  assert lib.weights_folder({}) == home / '.cache' / 'stylegan2_jax' / 'weights'
  assert lib.weights_folder({'STYLEGAN2_WEIGHTS': '~/w', 'XDG_CACHE_HOME': '/x'}) == home / 'w'
