"""Small pictures to read."""

import dataclasses
import io
import pathlib
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from tests.helpers import prepared_set
from tests.prepared_sets import CLASSES, NAMES, PICTURES, RECORD, VECTORS


def random_image(seed, side=8, mode='RGB'):
  rng = np.random.default_rng(seed)
  channels = {'L': (), 'LA': (2,), 'RGB': (3,), 'RGBA': (4,), 'CMYK': (4,)}[mode]
  return Image.fromarray(rng.integers(0, 256, (side, side, *channels), np.uint8), mode)


def encoded(image, kind='png', **options):
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def _zipped(folder, path, compression=zipfile.ZIP_DEFLATED):
  with zipfile.ZipFile(path, 'w', compression) as archive:
    for file in sorted(folder.rglob('*'), reverse=True):
      archive.write(file, file.relative_to(folder).as_posix())
  return path


def _refused(data, *words):
  """Opening fails with one line that holds these words."""
  with pytest.raises(UserError) as caught:
    open_source(data)
  line = str(caught.value)
  assert '\n' not in line
  for word in words:
    assert word in line, line


@pytest.fixture(scope='session')
def make_image():
  """A function (seed, side, mode) -> PIL image of noise."""
  return random_image


@pytest.fixture(scope='session')
def encode():
  """A function (image, format) -> bytes."""
  return encoded


@pytest.fixture
def folder(tmp_path):
  """A folder with seven 8x8 pictures, some in a folder below."""
  root = tmp_path / 'pictures'
  (root / 'b').mkdir(parents=True)
  for i, name in enumerate(['a.png', 'b/x.png', 'b/y.PNG', 'b-1.png', 'c.bmp', 'd.webp', 'e.png']):
    options = {'lossless': True} if name.endswith('webp') else {}
    kind = name.rpartition('.')[2].lower()
    (root / name).write_bytes(encoded(random_image(i), kind, **options))
  return root


@pytest.fixture
def settings(folder):
  """DataSettings of that folder at 8x8."""
  return DataSettings(source=str(folder), resolution=8)


@pytest.fixture(scope='session')
def shapes_settings(tmp_path_factory):
  """DataSettings of the built-in data set at 8x8, prepared."""
  data = DataSettings(dir=str(tmp_path_factory.mktemp('datasets')), resolution=8)
  open_source(data)
  return data


@pytest.fixture(scope='session')
def zipped():
  """A function (folder, path, compression) -> path, that writes a zip archive."""
  return _zipped


@pytest.fixture(scope='session')
def refused():
  """A function (data, *words): opening the source fails with one line that holds these words."""
  return _refused


@pytest.fixture(params=['folder', 'zip'])
def both(request, folder, settings, tmp_path):
  """DataSettings of the folder, or of the same pictures in a zip archive."""
  if request.param == 'folder':
    return settings
  return dataclasses.replace(settings, source=str(_zipped(folder, tmp_path / 'pictures.zip')))


@pytest.fixture(scope='session')
def made(tmp_path_factory):
  """A data directory: `photos` in classes, with a record; `faces` with vectors; `plain`."""
  root = tmp_path_factory.mktemp('made')
  prepared_set(root / 'photos' / '1.0.0', PICTURES, CLASSES, NAMES, RECORD)
  prepared_set(root / 'faces' / '1.0.0', PICTURES, VECTORS, record=RECORD)
  prepared_set(root / 'plain' / '1.0.0', PICTURES)
  return root


@pytest.fixture
def spoiled(made, tmp_path):
  """The same, to be spoiled."""
  return pathlib.Path(shutil.copytree(made, tmp_path / 'copy'))


@pytest.fixture
def no_other_sets(tmp_path, monkeypatch):
  """TFDS's own directory is an empty one."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'tfds'))
