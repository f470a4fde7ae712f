"""Films: what is read back is what was written, frame by frame."""

import pathlib
import weakref

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax import films
from stylegan2_jax.errors import UserError

SIZE = (34, 48)


def smooth(number, size=SIZE):
  """A frame of slowly changing colours: uint8 [H, W, 3]."""
  y, x = np.mgrid[: size[0], : size[1]]
  return np.stack([3 * x + 5 * number, 4 * y + 20, 200 - 2 * x - 4 * number], -1).astype(np.uint8)


def read_back(path):
  """(frames uint8 [n, H, W, 3], milliseconds each stands)."""
  if path.suffix == '.mp4':
    import av

    with av.open(str(path)) as container:
      stream = container.streams.video[0]
      frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(stream)]
      total = float(stream.duration * stream.time_base)
    return np.stack(frames), [1000 * total / len(frames)] * len(frames)
  frames, lengths = [], []
  with Image.open(path) as image:
    for number in range(image.n_frames):
      image.seek(number)
      frames.append(np.asarray(image.convert('RGB')))
      lengths.append(image.info['duration'])
    assert image.info['loop'] == 0
  return np.stack(frames), lengths


@pytest.mark.parametrize('suffix', films.SUFFIXES)
@pytest.mark.parametrize('rate', [8, 25, 30])
def test_frames_and_their_lengths(tmp_path, suffix, rate):
  path = tmp_path / f'film{suffix}'
  expected = np.stack([smooth(number) for number in range(11)])
  assert films.write(path, iter(expected), rate) == 11
  frames, lengths = read_back(path)
  assert frames.shape == expected.shape
  assert np.abs(frames.astype(int) - expected).mean((1, 2, 3)).max() < 4
  tick = {'.gif': 10, '.webp': 1, '.mp4': 1}[suffix]  # milliseconds
  assert np.abs(np.array(lengths) - 1000 / rate).max() <= tick
  assert abs(sum(lengths) - 11_000 / rate) <= tick
  assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize('suffix', films.SUFFIXES)
def test_repeated_pixels(tmp_path, suffix):
  path = tmp_path / f'film{suffix}'
  expected = np.stack([smooth(number) for number in range(3)])
  films.write(path, iter(expected), 10, scale=3)
  frames, _ = read_back(path)
  assert frames.shape == (3, 3 * SIZE[0], 3 * SIZE[1], 3)
  assert np.abs(frames[:, 1::3, 1::3].astype(int) - expected).mean() < 4
  if suffix == '.gif':  # dithered before, not after
    np.testing.assert_array_equal(frames, frames[:, 1::3, 1::3].repeat(3, 1).repeat(3, 2))


def test_few_colours_are_exact_in_gifs(tmp_path):
  colors = np.random.default_rng(0).integers(0, 256, (4, 60, 3), np.uint8)
  expected = np.stack([c[np.random.default_rng(1).integers(0, 60, SIZE)] for c in colors])
  films.write(tmp_path / 'a.gif', iter(expected), 10)
  frames, _ = read_back(tmp_path / 'a.gif')
  assert np.abs(frames.astype(int) - expected).max() <= 8  # the octree's colours are means


def test_odd_sizes_of_mp4(tmp_path):
  films.write(tmp_path / 'a.mp4', (smooth(i, (33, 47)) for i in range(3)), 10)
  frames, _ = read_back(tmp_path / 'a.mp4')
  assert frames.shape == (3, 34, 48, 3)
  assert np.abs(frames[0, :33, :47].astype(int) - smooth(0, (33, 47))).mean() < 4
  assert np.abs(frames[0, 33].astype(int) - frames[0, 32]).max() < 12


@pytest.mark.parametrize(
  ('color', 'shown'),
  [((90,), (90, 90, 90)), ((50, 0), (255, 255, 255)), ((100, 0, 200, 51), (224, 204, 244))],
)
def test_every_number_of_channels(tmp_path, color, shown):
  frame = np.full((32, 32, len(color)), color, np.uint8)
  films.write(tmp_path / 'a.mp4', [frame, frame], 10)
  np.testing.assert_allclose(read_back(tmp_path / 'a.mp4')[0][0, 9, 9], shown, atol=4)


@pytest.mark.parametrize('suffix', films.SUFFIXES)
def test_frames_are_not_kept(tmp_path, suffix):
  alive = weakref.WeakSet()

  class Frame(np.ndarray):  # plain arrays cannot be in sets
    __hash__ = object.__hash__

  def frames():
    for number in range(30):
      frame = smooth(number).view(Frame)
      alive.add(frame)
      assert len(alive) <= 4
      yield frame

  assert films.write(tmp_path / f'a{suffix}', frames(), 25) == 30


def interrupted(error):
  yield smooth(0)
  yield smooth(1)
  raise error


@pytest.mark.parametrize('error', [KeyboardInterrupt(), UserError('no more')])
@pytest.mark.parametrize('name', ['a.mp4', 'a.gif', 'a.webp', 'folder'])
def test_nothing_half_written(tmp_path, name, error):
  old = tmp_path / 'a.mp4'
  old.write_text('old')
  write = films.write if '.' in name else lambda path, frames, _: films.write_folder(path, frames)
  with pytest.raises(type(error)):
    write(tmp_path / name, interrupted(error), 10)
  assert [entry.name for entry in tmp_path.iterdir()] == ['a.mp4']
  assert old.read_text() == 'old'


@pytest.mark.skipif(not pathlib.Path('/dev/full').exists(), reason='needs /dev/full')
def test_a_full_disk():
  frames = (np.zeros((54, 64, 3), np.uint8) for _ in range(3000))
  with pytest.raises(OSError, match=r'No space left|write|encod'):
    films.mp4('/dev/full', frames, 25)


def test_a_folder_of_frames(tmp_path):
  folder = tmp_path / 'new'
  assert films.write_folder(folder, (smooth(i)[..., : i + 1] for i in range(3))) == 3
  names = sorted(entry.name for entry in folder.iterdir())
  assert names == ['00000.png', '00001.png', '00002.png']
  with Image.open(folder / names[2]) as image:
    np.testing.assert_array_equal(np.asarray(image), smooth(2))
  with Image.open(folder / names[0]) as image:
    np.testing.assert_array_equal(np.asarray(image), smooth(0)[..., 0])
  with pytest.raises(OSError, match='something is there'):
    films.write_folder(folder, iter([]))
  (tmp_path / 'empty').mkdir()
  assert films.write_folder(tmp_path / 'empty', [smooth(0)]) == 1


def test_names_and_rates_that_cannot_be():
  for name, rate, words in (
    ('a.avi', 25, r'^--out=a\.avi must end in one of \.mp4, \.webp, \.gif$'),
    ('a', 25, 'must end in'),
    ('a.GIF', 51, r'^--fps=51: a \.gif has 1 to 50 frames per second$'),
    ('a.mp4', 0, r'^--fps=0: a \.mp4 has 1 to 120'),
  ):
    with pytest.raises(UserError, match=words):
      films.check(pathlib.Path(name), rate)
