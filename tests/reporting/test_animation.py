import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.errors import UserError
from stylegan2_jax.images import save_png
from stylegan2_jax.reporting import animation
from stylegan2_jax.reporting.animation import Canvas, Shot, evenly, timing

FORMS = sorted(animation.MAX_WIDTH)


@pytest.fixture
def shots(tmp_path):
  """Four grids 64 wide and 32 high: red, green, blue, white."""
  colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
  return [Shot(5.0 * i, 60.0 * i, solid(tmp_path, i, color)) for i, color in enumerate(colors)]


def solid(folder, number, color, size=(32, 64)):
  path = folder / f'fakes-{number:06d}.png'
  save_png(path, np.full((*size, len(color)), color, np.uint8))
  return path


def read_back(path):
  """(frames uint8 [n, H, W, 3], seconds each stands)."""
  if path.suffix == '.mp4':
    import av

    with av.open(str(path)) as container:
      stream = container.streams.video[0]
      assert stream.codec_context.pix_fmt == 'yuv420p'
      frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(stream)]
      assert float(stream.duration * stream.time_base) == pytest.approx(len(frames) / 25)
    return np.stack(frames), [1 / 25] * len(frames)
  frames, seconds = [], []
  with Image.open(path) as image:
    for number in range(image.n_frames):
      image.seek(number)
      frames.append(np.asarray(image.convert('RGB')))
      seconds.append(image.info['duration'] / 1000)
    assert image.info['loop'] == 0
  return np.stack(frames), seconds


@pytest.mark.parametrize('suffix', FORMS)
def test_every_grid_is_shown_in_order_and_the_last_one_stands(shots, tmp_path, suffix):
  path = tmp_path / f'film{suffix}'
  assert animation.write(path, shots, seconds=4.0, width=None) == 4
  frames, seconds = read_back(path)
  colors = frames[:, 4:28, 4:60].reshape(len(frames), -1, 3).mean(1)
  shown = {}
  for color, length in zip(colors, seconds, strict=True):
    name = ''.join('1' if value > 128 else '0' for value in color)
    shown[name] = shown.get(name, 0) + length
    np.testing.assert_allclose(color, [255 * int(digit) for digit in name], atol=6)
  assert list(shown) == ['100', '010', '001', '111']
  assert sum(shown.values()) == pytest.approx(4.0)
  assert shown['111'] == pytest.approx(1.76, abs=0.05)
  for name in ('100', '010', '001'):
    assert shown[name] == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize('suffix', FORMS)
def test_one_grid(shots, tmp_path, suffix):
  path = tmp_path / f'film{suffix}'
  assert animation.write(path, shots[:1], seconds=1.0, width=None) == 1
  if suffix == '.mp4':
    assert len(read_back(path)[0]) == 25
  else:
    with Image.open(path) as image:
      assert image.size == (64, 54)


def test_too_many_grids_are_thinned_out(shots, tmp_path):
  path = tmp_path / 'film.mp4'
  assert animation.write(path, shots * 20, seconds=2.0, width=None) == 38
  assert len(read_back(path)[0]) == 50


@pytest.mark.parametrize(
  ('width', 'size'), [(None, (64, 54)), (128, (128, 86)), (33, (34, 38)), (16, (16, 30))]
)
def test_sizes_are_even_and_keep_the_shape(shots, width, size):
  canvas = Canvas(shots[-1], width, 1024)
  assert canvas.size == size
  assert canvas.frame(shots[0]).size == size


def test_wide_grids_are_made_smaller(tmp_path):
  path = solid(tmp_path, 1, (9, 9, 9), (512, 4096))
  canvas = Canvas(Shot(1.0, 1.0, path), None, 1024)
  assert canvas.size[0] == 1024
  np.testing.assert_array_equal(canvas.frame(Shot(1.0, 1.0, path)).getpixel((9, 9)), 9)


def test_pixels_stay_pixels(tmp_path):
  pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)
  save_png(tmp_path / 'a.png', pixels)
  shot = Shot(1.0, 1.0, tmp_path / 'a.png')
  for factor in (1, 3):
    frame = np.asarray(Canvas(shot, 16 * factor, 1024).frame(shot))
    large = pixels.repeat(factor, 0).repeat(factor, 1)
    np.testing.assert_array_equal(frame[: 8 * factor, : 16 * factor], large)


def test_grids_of_another_shape_are_centred(shots, tmp_path):
  other = Shot(9.0, 9.0, solid(tmp_path, 9, (255, 0, 255), (64, 64)))
  frame = np.asarray(Canvas(shots[-1], None, 1024).frame(other))
  np.testing.assert_array_equal(frame[:32, 16:48], np.full((32, 32, 3), (255, 0, 255)))
  assert (frame[:32, :16] == frame[0, 0]).all()
  assert tuple(frame[0, 0]) != (255, 0, 255)


@pytest.mark.parametrize(
  ('color', 'expected'),
  [((7,), (7, 7, 7)), ((7, 0), (255, 255, 255)), ((1, 2, 3, 255), (1, 2, 3))],
)
def test_every_number_of_channels(tmp_path, color, expected):
  shot = Shot(1.0, 1.0, solid(tmp_path, 1, color))
  assert Canvas(shot, None, 1024).frame(shot).getpixel((5, 5)) == expected


def strip(shot, last, width=256):
  canvas = Canvas(last, width, 1024)
  return np.asarray(canvas.frame(shot))[canvas.size[1] - 18 :].astype(int)


def test_the_strip_tells_kimg_and_time(shots):
  def inked(pixels):
    return (pixels.max(-1) > 100).any(0)

  whole = inked(strip(shots[2], shots[-1])[4:])
  timeless = inked(strip(shots[2]._replace(elapsed=None), shots[-1])[4:])
  assert whole[:80].any()
  assert whole[180:].any()
  np.testing.assert_array_equal(whole[:120], timeless[:120])
  assert not timeless[120:].any()
  narrow = strip(shots[2], shots[-1], 48)  # room for one of them only
  assert inked(narrow[4:]).any()
  differs = strip(shots[1], shots[-1]) != strip(shots[2], shots[-1])
  assert differs[4:, :80].any()


def test_the_bar_grows_with_kimg(shots):
  canvas = Canvas(shots[-1], 300, 1024)
  rows = [np.asarray(canvas.frame(shot))[150] for shot in shots]
  blue = [int((row[:, 2] > 200).sum()) for row in rows]
  assert blue == [0, 100, 200, 300]


@pytest.mark.parametrize('count', [1, 2, 3, 10, 49, 50, 51, 400])
@pytest.mark.parametrize('seconds', [0.04, 0.1, 1.0, 2.0, 10.0])
def test_timing(count, seconds):
  shown, frames = timing(count, seconds)
  assert len(shown) == len(frames)
  assert sum(frames) == max(1, round(25 * seconds))
  assert min(frames) > 0
  assert shown == sorted(set(shown))
  assert shown[-1] == count - 1
  assert shown[0] == 0 or len(shown) == 1
  assert max(frames[:-1], default=0) - min(frames[:-1], default=0) <= 1
  assert frames[-1] >= max(frames)


def test_evenly_takes_first_and_last():
  for count in range(2, 40):
    for limit in range(2, 40):
      chosen = evenly(count, limit)
      assert len(set(chosen)) == len(chosen) == min(count, limit)
      assert (chosen[0], chosen[-1]) == (0, count - 1)


def test_a_damaged_grid(shots, tmp_path):
  shots[1].path.write_bytes(shots[1].path.read_bytes()[:60])
  words = r'^cannot read the grid .*fakes-000001\.png \(.+\): remove it$'
  for suffix in FORMS:
    with pytest.raises(UserError, match=words):
      animation.write(tmp_path / f'film{suffix}', shots, 1.0, None)
  assert {path.suffix for path in tmp_path.iterdir()} == {'.png'}


def test_a_folder_that_is_not_there(shots, tmp_path):
  for suffix in FORMS:
    with pytest.raises(FileNotFoundError):
      animation.write(tmp_path / 'no' / f'film{suffix}', shots, 1.0, None)


def test_mp4_starts_at_once(shots, tmp_path):
  animation.write(tmp_path / 'film.mp4', shots, 1.0, None)
  content = (tmp_path / 'film.mp4').read_bytes()
  assert 0 < content.find(b'moov') < content.find(b'mdat')


def test_gifs_have_colours_of_their_own_for_each_frame(tmp_path):
  rng = np.random.default_rng(0)
  ramps = []
  for i in range(2):
    pixels = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (32, 1, 3))
    pixels[:, :, i] = rng.integers(0, 40)
    save_png(tmp_path / f'{i}.png', pixels)
    ramps.append((Shot(float(i), 0.0, tmp_path / f'{i}.png'), pixels))
  animation.write(tmp_path / 'a.gif', [shot for shot, _ in ramps], 1.0, None)
  frames, _ = read_back(tmp_path / 'a.gif')
  for frame, (_, pixels) in zip(frames, ramps, strict=True):
    assert np.abs(frame[:32].astype(int) - pixels).mean() < 8


def test_the_same_film_twice_has_the_same_bytes(shots):
  for suffix in FORMS:
    folder = shots[0].path.parent
    paths = [folder / f'{name}{suffix}' for name in 'ab']
    for path in paths:
      animation.write(path, shots, 1.0, None)
    assert paths[0].read_bytes() == paths[1].read_bytes()
