"""`launch.py truncation`: each column is what `sample` draws at its ψ."""

import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.tools import truncation as tool
from stylegan2_jax.tools.truncation import truncation_sweep
from tests.tools.models import saved_model

SEEDS, PSIS = [3, 4, 70000], [-1, 0, 0.3, 1]


def truncation(workdir, out, *flags):
  return launch.main(['truncation', f'--workdir={workdir}', f'--out={out}', *flags])


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def assert_same_pictures(actual, expected):
  """`sample` truncates within one compiled function: a value on the edge of a level may tip."""
  assert actual.shape == expected.shape
  difference = np.abs(actual.astype(int) - expected)
  assert difference.max() <= 1
  assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize('noise', ['const', 'none'])
def test_columns_are_samples(gan, noise):
  sweep = truncation_sweep(gan, SEEDS, PSIS, noise=noise)
  for i, psi in enumerate(PSIS):
    assert_same_pictures(sweep.images[:, i], gan.sample_seeds(SEEDS, psi, noise=noise))
  assert np.any(sweep.images[:, 2] != sweep.images[:, 3])


def test_zero_is_the_average(gan):
  sweep = truncation_sweep(gan, SEEDS, PSIS)
  average = np.broadcast_to(gan.w_avg, (1, gan.num_ws, gan.w_dim))
  for row in sweep.images:
    np.testing.assert_array_equal(row[1], gan.draw(average)[0])


def test_opposites(gan):
  """ψ and −ψ lie on either side of w_avg."""
  ws = np.asarray(gan.map(gan.latents(SEEDS)))
  expected = gan.draw(2 * np.asarray(gan.w_avg) - ws)
  assert_same_pictures(truncation_sweep(gan, SEEDS, [-1]).images[:, 0], expected)


def test_cutoff(gan):
  """Layers from the cutoff on are those of ψ = 1."""
  ws = np.array(gan.map(gan.latents(SEEDS)))
  ws[:, :2] = np.asarray(gan.w_avg)
  sweep = truncation_sweep(gan, SEEDS, [0], cutoff=2)
  np.testing.assert_array_equal(sweep.images[:, 0], gan.draw(ws))


def test_class_centers(conditional):
  gan = StyleGAN2.load(conditional, discriminator=False)
  sweep = truncation_sweep(gan, SEEDS, [0, 1], center='class', label='bee')
  expected = gan.sample_seeds(SEEDS, 0.0, 'bee', center='class')
  assert_same_pictures(sweep.images[:, 0], expected)
  other = truncation_sweep(gan, SEEDS, [0, 1], label='bee')
  np.testing.assert_array_equal(other.images[:, 1], sweep.images[:, 1])
  assert np.any(other.images[:, 0] != sweep.images[:, 0])


def test_a_label_for_each_seed(conditional, monkeypatch):
  """Also where seeds are drawn some at a time."""
  gan = StyleGAN2.load(conditional, discriminator=False)
  monkeypatch.setattr(tool, '_BLOCK', 2)
  sweep = truncation_sweep(gan, SEEDS, [1], label=['ant', 'bee', 'ant'])
  assert_same_pictures(sweep.images[:, 0], gan.sample_seeds(SEEDS, label=['ant', 'bee', 'ant']))


def test_sheet(plain, gan, tmp_path, capsys):
  out = tmp_path / 'new' / 'psi.png'
  assert truncation(plain, out, '--seeds=3,4,70000', '--psis=-1,0,0.3,1') == 0
  expected = truncation_sweep(gan, SEEDS, PSIS).sheet().pixels()
  np.testing.assert_array_equal(pixels(out), expected)
  height, width = expected.shape[:2]
  assert capsys.readouterr().out == f'wrote {out}: {width}x{height} pixels\n'


def test_single_files(plain, gan, tmp_path, capsys):
  assert truncation(plain, tmp_path / 'out', '--seeds=3,70000', '--psis=-0.50,1') == 0
  names = [f'seed{seed}-psi{psi}.png' for seed in ('0003', '70000') for psi in ('-0.5', '1')]
  assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == sorted(names)
  expected = truncation_sweep(gan, [3, 70000], [-0.5, 1]).images.reshape(4, *gan.size, 3)
  for name, picture in zip(names, expected, strict=True):
    np.testing.assert_array_equal(pixels(tmp_path / 'out' / name), picture)
  assert capsys.readouterr().out == f'wrote 4 images into {tmp_path / "out"}\n'


@pytest.mark.parametrize(('resolution', 'aspect', 'channels'), [(16, '4:3', 1), (16, '1:2', 4)])
def test_any_form_of_image(tmp_path, resolution, aspect, channels):
  path = saved_model(tmp_path, resolution, aspect, channels)
  assert truncation(path, tmp_path / 'a.png', '--seeds=0-1') == 0
  sheet = truncation_sweep(StyleGAN2.load(path), [0, 1]).sheet().pixels()
  assert sheet.shape[2] == channels
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png').reshape(sheet.shape), sheet)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--psis=1,x'], ['--psis=1,x does not parse', '-1,0,0.5,1']),
    (['--psis='], ['--psis= does not parse']),
    (['--psis=1,nan'], ['does not parse']),
    (['--psis=' + ','.join(['1'] * 101)], ['--psis has 101 numbers', '100']),
    (['--psi=1'], ['unknown argument --psi', '--psis']),
    (['--seeds=0-9999'], ['a sheet of 10000 x 6', 'take fewer seeds']),
    (['--class=wasp'], ['no class wasp', 'ant, bee']),
    (['--out=/proc/none/a.png'], ['cannot write /proc/none/a.png', '--out']),
  ],
)
def test_bad_input(conditional, tmp_path, capsys, flags, words):
  assert truncation(conditional, tmp_path / 'a.png', *flags) == 2
  line = capsys.readouterr().err
  assert line.startswith('error: ')
  assert line.count('\n') == 1
  assert all(word in line for word in words)
  assert not any(tmp_path.iterdir())


def test_one_center(plain, tmp_path, capsys):
  assert truncation(plain, tmp_path / 'a.png', '--truncation_center=class') == 2
  assert capsys.readouterr().err.startswith('error: this model is unconditional, it has one center')
