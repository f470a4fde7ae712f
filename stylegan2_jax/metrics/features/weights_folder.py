"""Where published weights are looked for, and which file of which hash it was.

The folder is the one that STYLEGAN2_WEIGHTS names, else ~/.cache/stylegan2_jax/weights. Nothing is
downloaded. Of several files that fit, the one whose name comes first in `_WANTED` counts, and of
those alike the first in alphabetical order.

Names like vgg16-397923af.pth end in the beginning of the file's SHA-256: it is checked. `known` in
a recipe says that it is one of the files that everybody uses, so that numbers compare.
"""

import fnmatch
import hashlib
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import inception_files
from stylegan2_jax.metrics.features.feature_network import FeatureNetwork
from stylegan2_jax.metrics.features.inception import inception_outputs
from stylegan2_jax.metrics.features.inception_files import load_inception
from stylegan2_jax.metrics.features.lpips import LpipsWeights
from stylegan2_jax.metrics.features.lpips_files import load_lpips
from stylegan2_jax.metrics.features.vgg_classifier import classifier_outputs
from stylegan2_jax.metrics.features.vgg_files import load_classifier
from stylegan2_jax.words import reason

VARIABLE = 'STYLEGAN2_WEIGHTS'
_SUFFIXES = ('.pth', '.safetensors', '.npz', '.pickle', '.pkl', '.pt')
_HASH = re.compile(r'-([0-9a-f]{8})\.pth', re.ASCII)


class _Wanted(NamedTuple):
  """A kind of weights."""

  what: str
  usual: str  # the file that most people have
  origin: str
  patterns: tuple[str, ...]  # of names in small letters, without suffix
  known: tuple[str, ...]  # SHA-256, of which jax-fid's pickle is the second of Inception


_WANTED = {
  'inception': _Wanted(
    'the weights of Inception-v3',
    inception_files.FILE,
    'of the package pytorch-fid',
    ('pt_inception-*', 'weights-inception-*', 'inception*'),
    (
      '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
      '4e030efa5bccac3222d975f658d1884f9e00fab24f2812082884539220b90d77',
    ),
  ),
  'vgg16': _Wanted(
    'the weights of VGG16',
    'vgg16-397923af.pth',
    'of torchvision',
    ('vgg16-*', 'vgg16*'),
    ('397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0',),
  ),
  'lpips': _Wanted(
    'the linear weights of LPIPS',
    'vgg.pth',
    'of LPIPS 0.1',
    ('vgg', 'lpips*vgg*', 'vgg_lpips*', 'lpips*'),
    ('a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868',),
  ),
}


class _Found(NamedTuple):
  path: pathlib.Path
  sha256: str
  known: bool


def inception_network() -> FeatureNetwork:
  """Inception-v3: 'features' [N, 2048], 'probabilities' [N, 1008] where the file has a last layer.

  Raises:
    UserError: there is no such file, or it is damaged or of something else.
  """
  found = _find('inception')
  recipe = {
    'network': 'Inception-v3 (2015-12-05)',
    **_recipe(found),
    'resize': '299x299, bilinear of TensorFlow 1',
    'input': '(x - 128)/128',
  }
  return FeatureNetwork('inception', inception_outputs, load_inception(found.path), recipe)


def vgg16_network() -> FeatureNetwork:
  """VGG16 for precision and recall: 'features' [N, 4096].

  Raises:
    UserError: there is no such file, or it is damaged or of something else.
  """
  found = _find('vgg16')
  recipe = {
    'network': 'VGG16, second hidden layer',
    **_recipe(found),
    'resize': '224x224, bilinear, antialiased',
    'input': 'mean and std of torchvision',
  }
  return FeatureNetwork('vgg16', classifier_outputs, load_classifier(found.path), recipe)


def lpips_weights() -> tuple[LpipsWeights, dict[str, Any]]:
  """The weights of LPIPS, and what numbers made with them depend on, for JSON.

  Raises:
    UserError: one of the two files is not there, or is damaged or of something else.
  """
  vgg, linear = _find('vgg16'), _find('lpips')
  recipe = {
    'network': 'LPIPS 0.1 on VGG16',
    **_recipe(vgg),
    **{f'linear_{key}': value for key, value in _recipe(linear).items() if key != 'known'},
    'known': vgg.known and linear.known,
  }
  return load_lpips(vgg.path, linear.path), recipe


def weights_folder(environ: Mapping[str, str] | None = None) -> pathlib.Path:
  """The folder, whether it is there or not.

  >>> weights_folder({'STYLEGAN2_WEIGHTS': 'weights'}).name
  'weights'
  >>> weights_folder({'XDG_CACHE_HOME': '/cache'}).as_posix()
  '/cache/stylegan2_jax/weights'
  """
  environ = os.environ if environ is None else environ
  if named := environ.get(VARIABLE):
    return pathlib.Path(named).expanduser()
  base = environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
  return pathlib.Path(base) / 'stylegan2_jax' / 'weights'


def _find(kind):
  """The file of a kind, checked against the hash in its name."""
  wanted, folder = _WANTED[kind], weights_folder()
  try:
    names = sorted(os.listdir(folder))
  except FileNotFoundError:
    names = []
  except OSError as error:
    raise UserError(f'cannot look into {folder} for weights: {reason(error)}; {_ELSE}') from None
  fitting = [name for pattern in wanted.patterns for name in names if _fits(name, pattern)]
  if not fitting:
    raise UserError(
      f'{wanted.what} are needed: put {wanted.usual} ({wanted.origin}) into {folder}, or {_ELSE}'
    )
  path = folder / fitting[0]
  sha256 = _sha256(path)
  said = _HASH.search(path.name.lower())
  if said and not sha256.startswith(said[1]):
    raise UserError(
      f'{path} is damaged or renamed, as its SHA-256 begins with {sha256[:8]}: download it again'
    )
  return _Found(path, sha256, sha256 in wanted.known)


_ELSE = f'name another folder by {VARIABLE}'


def _fits(name, pattern):
  stem, suffix = os.path.splitext(name.lower())
  return suffix in _SUFFIXES and fnmatch.fnmatchcase(stem, pattern)


def _sha256(path):
  try:
    with path.open('rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except OSError as error:
    raise UserError(f'cannot read {path}: {reason(error)}; {_ELSE}') from None


def _recipe(found):
  return {'weights': found.path.name, 'sha256': found.sha256, 'known': found.known}
