"""What becomes of the images that people name, and what is said of them."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.errors import UserError
from stylegan2_jax.tools import projection_targets
from stylegan2_jax.tools.projection_targets import file_names, read_targets
from tests.helpers import noise_pictures, png

SIZE = (8, 8)


def read(*paths, channels=3, size=SIZE, **options):
  return read_targets([str(path) for path in paths], size, channels, **options)


@pytest.fixture
def picture(tmp_path):
  """Writes a picture uint8 [H, W, C] and returns its path."""

  def write(pixels, name='a.png'):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png(pixels))
    return path

  return write


def test_images_of_the_right_form_are_taken_as_they_are(picture):
  first, second = noise_pictures(2)
  found, lines = read(picture(first), picture(second, 'b.png'))
  np.testing.assert_array_equal(found.images, [first, second])
  assert found.names == ['a', 'b']
  assert lines == ['2 of 2 images: 8x8, taken as they are']


def test_crop(picture):
  (pixels,) = noise_pictures(1, 8, 14)
  found, lines = read(picture(pixels))
  np.testing.assert_array_equal(found.images[0], pixels[:, 3:11])
  assert lines == ['1 of 1 images: 14x8, cropped around the center']


def test_resizing(picture):
  large, small = np.full((32, 24, 3), 90, np.uint8), np.full((4, 4, 3), 7, np.uint8)
  found, lines = read(picture(large), picture(small, 'b.png'))
  assert (found.images[0] == 90).all()
  assert (found.images[1] == 7).all()
  assert lines == [
    '1 of 2 images: 24x32, cropped around the center, resized to 8x8 (Lanczos)',
    '1 of 2 images: 4x4, enlarged to 8x8 (Lanczos)',
  ]


def test_padding_and_refusing(picture):
  path = picture(np.zeros((8, 4, 3), np.uint8))
  found, lines = read(path, transform='pad')
  assert (found.images[0][:, 2:6] == 0).all()
  assert (found.images[0][:, [0, 1, 6, 7]] == 255).all()
  assert lines == ['1 of 1 images: 4x8, padded with white']
  with pytest.raises(UserError, match=r'a\.png is 4x8, not of the shape 1:1'):
    read(path, transform='none')


def test_channels(picture):
  rgba = np.zeros((8, 8, 4), np.uint8)
  rgba[:4, :, 3] = 255  # black above, nothing below
  found, lines = read(picture(rgba))
  assert (found.images[0][:4] == 0).all()
  assert (found.images[0][4:] == 255).all()
  assert lines == ['1 of 1 images: 8x8 RGBA, made RGB over white']
  found, lines = read(picture(rgba[..., :3] + np.uint8(5)), channels=1)
  assert (found.images == 5).all()
  assert found.images.shape == (1, 8, 8, 1)
  assert lines == ['1 of 1 images: 8x8 RGB, made grey']
  found, lines = read(picture(rgba), channels=4)
  np.testing.assert_array_equal(found.images[0], rgba)


def test_a_folder_with_bad_images(picture, tmp_path):
  """They are named and left out; an image that was named itself is not."""
  (good,) = noise_pictures(1)
  picture(good, 'in/good.png')
  broken = picture(good, 'in/broken.png')
  broken.write_bytes(broken.read_bytes()[:-30])
  (tmp_path / 'in' / 'notes.txt').write_text('x')
  found, lines = read(tmp_path / 'in')
  assert found.names == ['good']
  assert lines[0] == '1 of 1 images: 8x8, taken as they are'
  assert lines[1].startswith('left out broken.png: is truncated or damaged')
  assert lines[2] == 'left out notes.txt: is no image by its ending (.txt)'
  with pytest.raises(UserError, match=r'broken\.png is truncated or damaged') as error:
    read(broken)
  assert '\n' not in str(error.value)


def test_a_zip(tmp_path):
  pixels = noise_pictures(2)
  with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
    for i, image in enumerate(pixels):
      archive.writestr(f'{i}/x.png', png(image))
  found, _ = read(tmp_path / 'a.zip')
  np.testing.assert_array_equal(found.images, pixels)
  assert found.names == ['x', 'x-2']


def test_a_photo_that_lies_on_its_side(tmp_path):
  """As cameras write it: EXIF says which way is up."""
  image = Image.fromarray(np.repeat(np.arange(0, 240, 20, np.uint8)[:, None], 8, 1))
  exif = image.getexif()
  exif[0x112] = 6
  image.save(tmp_path / 'a.png', exif=exif)
  found, lines = read(tmp_path / 'a.png')
  assert lines == ['1 of 1 images: 12x8 grey, made RGB, cropped around the center']
  np.testing.assert_array_equal(found.images[0, 0, :, 0], np.arange(180, 30, -20))


def test_nothing_to_read(picture, tmp_path):
  (tmp_path / 'empty').mkdir()
  text = tmp_path / 'a.png'
  text.write_text('not an image')
  for path, line in (
    (tmp_path / 'nowhere.png', 'is not there: name an image, a folder or a zip'),
    (tmp_path / 'empty', 'holds no images'),
    (text, 'is not a picture that can be read'),
  ):
    with pytest.raises(UserError, match=line) as error:
      read(path)
    assert str(path) in str(error.value)
    assert '\n' not in str(error.value)
  picture(noise_pictures(1)[0], 'bad/a.png').write_bytes(b'x')
  with pytest.raises(UserError, match='holds no image that can be projected'):
    read(tmp_path / 'bad')


def test_too_many(picture, monkeypatch):
  monkeypatch.setattr(projection_targets, 'MAX_TARGETS', 1)
  path = picture(noise_pictures(1)[0])
  read(path)
  with pytest.raises(UserError, match='more than 1 images'):
    read(path, path)


def test_many_lines_are_cut_short(picture, tmp_path):
  for i in range(20):
    picture(np.zeros((8 + i, 8, 3), np.uint8), f'in/{i}.png')
  _, lines = read(tmp_path / 'in')
  assert len(lines) == 9
  assert lines[-1] == '... and 12 more such lines'


@pytest.mark.parametrize(
  ('names', 'expected'),
  [
    (['A.png', 'a.png', 'a-2.png'], ['A', 'a-2', 'a-2-2']),
    (['..', '.png', 'x/.hidden.png'], ['image', 'png', 'hidden']),
    (['a b\n/c:d*.jpg'], ['c_d_']),
  ],
)
def test_file_names(names, expected):
  assert file_names(names) == expected
