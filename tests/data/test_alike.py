"""Sets of images in whatever form they have."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.data.alike import open_alike
from stylegan2_jax.data.decoding import decode
from stylegan2_jax.errors import UserError
from tests.helpers import noise_pictures, png, prepared_set


def pictures_of(source):
  examples = (source.read(i) for i in range(len(source)))
  return [decode(source.data, example.image, example.name) for example in examples]


def fill(path, pictures, first=0):
  path.mkdir(exist_ok=True)
  for i, picture in enumerate(pictures, first):
    (path / f'{i:03d}.png').write_bytes(png(picture))
  return path


@pytest.mark.parametrize('form', [(20, 30, 3), (17, 17, 1), (64, 16, 4), (9, 9, 2)])
def test_any_one_form(tmp_path, form):
  pictures = noise_pictures(5, *form)
  folder = fill(tmp_path / 'set', pictures)
  with zipfile.ZipFile(tmp_path / 'set.zip', 'w') as archive:
    for file in folder.iterdir():
      archive.write(file, file.name)
  for path in (folder, tmp_path / 'set.zip'):
    source = open_alike(str(path), '--images_a')
    assert (*source.data.size, source.data.channels) == form
    np.testing.assert_array_equal(pictures_of(source), pictures)


def test_a_prepared_set(tmp_path):
  pictures = noise_pictures(5, 24, 24)
  prepared_set(tmp_path / 'set' / '1.0.0', pictures)
  source = open_alike(str(tmp_path / 'set'), '--images_a')
  np.testing.assert_array_equal(pictures_of(source), pictures)


def test_mixed_sizes(tmp_path):
  folder = fill(tmp_path / 'set', noise_pictures(3, 16, 16))
  fill(folder, noise_pictures(2, 16, 20), first=3)
  with pytest.raises(UserError) as caught:
    open_alike(str(folder), '--images_a')
  said = str(caught.value)
  assert f'{folder}/003.png is 20x16 with 3 channels' in said
  assert f'{folder}/000.png is 16x16 with 3 channels' in said
  assert 'launch.py prepare' in said


def test_mixed_sizes_of_one_aspect_are_not_scaled(tmp_path):
  folder = fill(tmp_path / 'set', noise_pictures(3, 16, 16))
  fill(folder, noise_pictures(1, 32, 32), first=3)
  with pytest.raises(UserError, match=r'003\.png is 32x32'):
    open_alike(str(folder), '--images_a')


def test_mixed_channels(tmp_path):
  folder = fill(tmp_path / 'set', noise_pictures(3, 16, 16))
  fill(folder, noise_pictures(1, 16, 16, 1), first=3)
  with pytest.raises(UserError, match=r'with 1 channels, but .* with 3 channels'):
    open_alike(str(folder), '--images_a')


def test_a_prepared_set_of_several_sizes(tmp_path):
  pictures = [*noise_pictures(2, 16, 16), *noise_pictures(2, 32, 32)]
  prepared_set(tmp_path / 'set' / '1.0.0', pictures)
  with pytest.raises(UserError, match='holds images of several sizes'):
    open_alike(str(tmp_path / 'set'), '--images_b')


def test_what_cannot_be_used(tmp_path):
  (tmp_path / 'empty').mkdir()
  damaged = fill(tmp_path / 'damaged', noise_pictures(2, 16, 16))
  content = (damaged / '001.png').read_bytes()
  (damaged / '001.png').write_bytes(content[: len(content) // 2])
  (tmp_path / 'text.zip').write_text('no zip')
  deep = tmp_path / 'deep'
  deep.mkdir()
  buffer = io.BytesIO()
  Image.fromarray(np.zeros((16, 16), np.uint16)).save(buffer, 'png')
  (deep / 'a.png').write_bytes(buffer.getvalue())
  for name, said in {
    'nowhere': '--images_a=.*nowhere does not exist',
    'empty': 'holds no images',
    'damaged': r'001\.png is truncated or damaged',
    'text.zip': 'is not a zip archive',
    'deep': r'a\.png has 16 bits',
  }.items():
    with pytest.raises(UserError, match=said):
      open_alike(str(tmp_path / name), '--images_a')
