"""The form of pictures, found without checking them all."""

import zipfile

import numpy as np
import pytest

from stylegan2_jax.data.forms import find_form
from stylegan2_jax.data.sources import open_source
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import DataSettings
from tests.helpers import noise_pictures, png, prepared_set


def write(folder, height, width, channels=3):
  folder.mkdir()
  (folder / 'notes.txt').write_text('no picture')
  (folder / 'a.png').write_bytes(png(noise_pictures(1, height, width, channels)[0]))
  (folder / 'b.png').write_bytes(b'damaged, which training will say')
  return folder


@pytest.mark.parametrize(
  ('size', 'channels', 'form'),
  [
    ((32, 32), 3, (32, '1:1', 3)),
    ((30, 40), 1, (32, '4:3', 1)),
    ((100, 100), 4, (96, '1:1', 4)),
    ((40, 20), 2, (32, '1:2', 2)),
    ((5, 5), 3, (5, '1:1', 3)),
  ],
)
def test_folders_and_zips(tmp_path, size, channels, form, capsys):
  folder = write(tmp_path / 'pictures', *size, channels)
  with zipfile.ZipFile(tmp_path / 'pictures.zip', 'w') as archive:
    archive.write(folder / 'a.png', 'pictures/a.png')
  assert find_form(DataSettings(source=str(folder))) == form
  assert find_form(DataSettings(source=str(tmp_path / 'pictures.zip'))) == form
  assert capsys.readouterr().err == ''  # training says what it skips


@pytest.mark.parametrize(('size', 'form'), [((24, 32), (32, '4:3', 3)), (None, (12, '1:1', 3))])
def test_prepared_sets(tmp_path, size, form):
  """Of one size and of several."""
  pictures = noise_pictures(4, *size) if size else noise_pictures(1, 12, 12) + noise_pictures(1)
  prepared_set(tmp_path / 'mine' / '1.0.0', pictures, shards=1)
  assert find_form(DataSettings(source='mine', dir=str(tmp_path))) == form


@pytest.mark.parametrize('source', ['shapes', ''])
def test_no_form(source):
  assert find_form(DataSettings(source=source)) is None


@pytest.mark.parametrize(
  ('size', 'message'),
  [((27, 48), r'a\.png is not square \(48x27\): crop or pad'), ((3, 3), r'a\.png is 3x3, smaller')],
)
def test_pictures_that_no_network_draws(tmp_path, size, message):
  """The line that training gives."""
  data = DataSettings(source=str(write(tmp_path / 'pictures', *size)))
  (tmp_path / 'pictures' / 'b.png').unlink()
  with pytest.raises(UserError, match=message) as found:
    find_form(data)
  with pytest.raises(UserError) as training:
    open_source(data)
  assert str(found.value) == str(training.value)


def test_what_cannot_be_read(tmp_path):
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'bad').mkdir()
  (tmp_path / 'bad' / 'a.png').write_bytes(bytes(np.arange(99, dtype=np.uint8)))
  (tmp_path / 'bad.zip').write_bytes(b'no zip')
  for name in ('empty', 'bad', 'bad.zip', 'nowhere'):
    data = DataSettings(source=str(tmp_path / name), dir=str(tmp_path))
    with pytest.raises(UserError) as found:
      find_form(data)
    with pytest.raises(UserError) as training:
      open_source(data)
    assert str(found.value) == str(training.value)
