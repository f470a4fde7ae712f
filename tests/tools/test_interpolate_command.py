"""`launch.py interpolate`: the films and folders that it writes."""

import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2, films
from stylegan2_jax.tools import interpolate as tool
from stylegan2_jax.tools.interpolate import walk
from tests.test_films import read_back
from tests.tools.models import saved_model


def frames_of(*args, **options):
  return np.stack(list(walk(*args, **options)))


def interpolate(workdir, out, *flags):
  return launch.main(['interpolate', f'--workdir={workdir}', f'--out={out}', *flags])


def test_films(plain, gan, tmp_path, capsys):
  """Decoded, counted, and compared with the frames."""
  expected = frames_of(gan, [1, 2], total=6, grid=(1, 1), psi=0.5)
  flags = ['--seeds=1-2', '--seconds=0.6', '--fps=10', '--psi=0.5']
  for suffix in films.SUFFIXES:
    out = tmp_path / 'new' / f'walk{suffix}'
    assert interpolate(plain, out, *flags) == 0
    frames, lengths = read_back(out)
    assert frames.shape == (6, 256, 256, 3)
    assert sum(lengths) == pytest.approx(600, abs=1)
    error = np.abs(frames[:, 16::32, 16::32].astype(int) - expected).mean()
    assert error < (1 if suffix == '.gif' else 12), suffix  # the others share colours out
    assert capsys.readouterr().out.startswith(f'wrote {out}: 6 frames in 0.6 s, ')
  assert len(list((tmp_path / 'new').iterdir())) == 3


def test_a_folder(plain, gan, tmp_path, capsys):
  out = tmp_path / 'frames'
  assert interpolate(plain, out, '--seeds=0-5', '--grid=3x1', '--frames=3', '--loop') == 0
  expected = frames_of(gan, range(6), frames=3, loop=True, grid=(3, 1))
  files = sorted(out.iterdir())
  assert len(files) == len(expected) == 6
  for file, frame in zip(files, expected, strict=True):
    with Image.open(file) as image:
      np.testing.assert_array_equal(np.asarray(image), frame)
  assert capsys.readouterr().out == f'wrote 6 frames into {out}\n'


def test_the_first_class_is_drawn(conditional, tmp_path, capsys):
  assert interpolate(conditional, tmp_path / 'a', '--seeds=0,1', '--frames=1') == 0
  assert capsys.readouterr().out.startswith('drawing class 0, ant; --class=NAME draws any\n')
  flags = ['--seeds=4', '--class=ant', '--class=0.5,0.5', '--frames=2', '--loop']
  assert interpolate(conditional, tmp_path / 'b', *flags) == 0
  gan = StyleGAN2.load(conditional, discriminator=False)
  between = gan.draw(gan.map(gan.latents([4]), [[0.5, 0.5]]))[0]
  with Image.open(tmp_path / 'b' / '00002.png') as image:
    np.testing.assert_array_equal(np.asarray(image), between)


@pytest.mark.parametrize(('channels', 'aspect'), [(1, '1:1'), (3, '3:4'), (4, '1:1')])
def test_every_form_of_image(tmp_path, channels, aspect):
  path = saved_model(tmp_path, channels=channels, aspect=aspect)
  for suffix in films.SUFFIXES if channels < 4 else ['.mp4']:
    out = tmp_path / f'a{suffix}'
    assert interpolate(path, out, '--seeds=0,1', '--frames=2', '--grid=1x1') == 0
    assert len(read_back(out)[0]) == 3


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--seeds=1'], 'a walk needs two seeds or more'),
    (['--seeds=1-3', '--grid=2x2'], '3 seeds do not share out among 2x2 walks'),
    (['--seeds=1-4', '--grid=2x2'], 'a walk needs two seeds or more'),
    (['--grid=2'], '--grid=2 does not parse: write rows x columns, as in 2x3'),
    (['--grid=0x2'], '--grid=0x2 does not parse'),
    (['--method=slerp'], 'slerp is for z'),
    (['--method=magic'], "invalid choice: 'magic'"),
    (['--space=y'], "invalid choice: 'y'"),
    (['--fps=60', '--out=a.gif'], '--fps=60: a .gif has 1 to 50 frames per second'),
    (['--fps=0'], '--fps=0 does not fit'),
    (['--frames=0'], '--frames=0 does not fit'),
    (['--frames=3', '--seconds=3'], '--frames and --seconds both say'),
    (['--seconds=never'], '--seconds=never does not fit'),
    (['--psi=x'], '--truncation_psi=x does not parse'),
    (['--out=a.avi'], '--out=a.avi must end in one of .mp4, .webp, .gif, or in nothing'),
    (['--out=/proc/none/a.gif'], 'cannot write /proc/none/a.gif'),
    (['--class=ant'], 'this model is unconditional'),
    (['--step=9'], 'no checkpoint of step 9'),
  ],
)
def test_bad_input(plain, tmp_path, capsys, flags, words):
  assert interpolate(plain, tmp_path / 'a.mp4', *flags) == 2
  said = capsys.readouterr()
  assert said.err.startswith('error: ')
  assert said.err.count('\n') == 1
  assert words in said.err
  assert not any(tmp_path.iterdir())


def test_sizes_of_films(plain, tmp_path, capsys, monkeypatch):
  """Small ones are magnified, but long ones less, and enormous ones refused."""
  monkeypatch.setattr(tool, '_MAX_SIDE', 200)
  flags = ['--seeds=0-15', '--grid=1x8', '--frames=1', '--fps=1']
  assert interpolate(plain, tmp_path / 'a.mp4', *flags) == 0
  assert read_back(tmp_path / 'a.mp4')[0].shape == (2, 24, 192, 3)
  monkeypatch.setattr(tool, '_MAX_SIDE', 50)
  capsys.readouterr()
  assert interpolate(plain, tmp_path / 'b.mp4', *flags) == 2
  words = 'error: the film would have 64x8 pixels, more than 50 on a side: take a smaller --grid\n'
  assert capsys.readouterr().err == words


def test_bad_classes(conditional, tmp_path, capsys):
  assert interpolate(conditional, tmp_path / 'a.mp4', '--class=wasp') == 2
  assert 'there is no class wasp: there are ant, bee' in capsys.readouterr().err
  flags = ['--class=ant', '--class=bee', '--space=z', '--truncation_center=class']
  assert interpolate(conditional, tmp_path / 'a.mp4', *flags) == 2
  assert 'truncation towards each its own is for w' in capsys.readouterr().err


def test_a_folder_with_something_in_it(plain, tmp_path, capsys):
  (tmp_path / 'mine.txt').write_text('keep')
  assert interpolate(plain, tmp_path) == 2
  assert capsys.readouterr().err == (
    f'error: cannot write {tmp_path}: something is there; name another --out\n'
  )
  assert [entry.name for entry in tmp_path.iterdir()] == ['mine.txt']


def test_an_interrupt_leaves_nothing(plain, tmp_path, capsys, monkeypatch):
  calls = []

  def draw(self, ws, noise, seed):
    calls.append(len(ws))
    if len(calls) == 2:
      raise KeyboardInterrupt
    return np.zeros((len(ws), 8, 8, 3), np.uint8)

  monkeypatch.setattr(StyleGAN2, 'draw', draw)
  for name in ('a.mp4', 'a.webp', 'a.gif', 'a'):
    calls.clear()
    assert interpolate(plain, tmp_path / name) == 130
    assert calls == [32, 32]
    assert capsys.readouterr().err.endswith('interrupted\n')
  assert not any(tmp_path.iterdir())
