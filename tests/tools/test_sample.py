"""`launch.py sample`: the files it writes hold the pictures of the seeds."""

import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.captions import captioned
from stylegan2_jax.images import grid
from stylegan2_jax.tools import sample as sample_tool
from tests.helpers import saved_run


def sample(workdir, out, *flags):
  return launch.main(['sample', f'--workdir={workdir}', f'--out={out}', *flags])


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def test_grid(plain, tmp_path, capsys):
  out = tmp_path / 'new' / 'grid.png'
  assert sample(plain, out, '--seeds=3,8-12', '--truncation_psi=0.6') == 0
  pictures = StyleGAN2.load(plain).sample_seeds([3, 8, 9, 10, 11, 12], psi=0.6)
  np.testing.assert_array_equal(pixels(out), grid(pictures, 2, 3))
  assert capsys.readouterr().out == f'wrote {out}: 6 images\n'


def test_single_files(plain, tmp_path, capsys):
  assert sample(plain, tmp_path / 'out', '--seeds=7,20000', '--noise_mode=random') == 0
  pictures = StyleGAN2.load(plain).sample_seeds([7, 20000], noise='random')
  files = sorted((tmp_path / 'out').iterdir())
  assert [file.name for file in files] == ['seed0007.png', 'seed20000.png']
  for file, picture in zip(files, pictures, strict=True):
    np.testing.assert_array_equal(pixels(file), picture)
  assert capsys.readouterr().out == f'wrote 2 images into {tmp_path / "out"}\n'


@pytest.mark.parametrize(
  ('flag', 'label'),
  [('bee', 'bee'), ('1', 'bee'), ('0.3,0.7', np.array([[0.3, 0.7]] * 4))],
)
def test_one_class(conditional, tmp_path, flag, label):
  assert sample(conditional, tmp_path / 'a.png', '--seeds=0-3', f'--class={flag}') == 0
  pictures = StyleGAN2.load(conditional).sample_seeds(range(4), label=label)
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png'), grid(pictures, 2, 2))


def test_a_row_for_each_class(conditional, tmp_path, capsys):
  """The same seeds in each row, beside the name of its class."""
  out = tmp_path / 'a.png'
  assert sample(conditional, out, '--seeds=3,5,4', '--psi=0.7') == 0
  gan = StyleGAN2.load(conditional)
  rows = [gan.sample_seeds([3, 5, 4], 0.7, label=name) for name in ('ant', 'bee')]
  expected = grid(np.concatenate(rows), 2, 3)
  np.testing.assert_array_equal(pixels(out), captioned(expected, ['ant', 'bee']))
  assert capsys.readouterr().out == f'wrote {out}: 6 images\n'


def test_truncation_towards_each_class(conditional, plain, tmp_path, capsys):
  """At ψ = 0 one picture for each; a model without classes says so in a line."""
  out = tmp_path / 'a.png'
  flags = ('--seeds=3,5', '--psi=0', '--truncation_center=class')
  assert sample(conditional, out, *flags) == 0
  gan = StyleGAN2.load(conditional)
  rows = [gan.sample_seeds([3, 5], 0.0, label=name, center='class') for name in ('ant', 'bee')]
  np.testing.assert_array_equal(rows[0][0], rows[0][1])
  assert np.any(rows[0] != rows[1])
  expected = captioned(grid(np.concatenate(rows), 2, 2), ['ant', 'bee'])
  np.testing.assert_array_equal(pixels(out), expected)
  capsys.readouterr()
  assert sample(plain, tmp_path / 'b.png', *flags) == 2
  assert capsys.readouterr().err.startswith('error: this model is unconditional, it has one center')


def test_files_of_each_class(conditional, tmp_path, capsys):
  """Their names are made of numbers: classes may be called anything."""
  assert sample(conditional, tmp_path / 'out', '--seeds=0,12') == 0
  gan = StyleGAN2.load(conditional)
  names = [f'seed{seed}-class{k}.png' for seed in ('0000', '0012') for k in ('00', '01')]
  assert sorted(file.name for file in (tmp_path / 'out').iterdir()) == names
  expected = gan.sample_seeds([12], label='ant')[0]
  np.testing.assert_array_equal(pixels(tmp_path / 'out' / 'seed0012-class00.png'), expected)
  assert capsys.readouterr().out == f'wrote 4 images into {tmp_path / "out"}\n'


def test_many_classes(conditional, tmp_path, capsys, monkeypatch):
  monkeypatch.setattr(sample_tool, '_MAX_ROWS', 1)
  assert sample(conditional, tmp_path / 'a.png', '--seeds=0-1') == 0
  said = capsys.readouterr().out
  assert said.startswith('drawing the first 1 of 2 classes; --class=NAME draws any\n')
  expected = grid(StyleGAN2.load(conditional).sample_seeds([0, 1], label='ant'), 1, 2)
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png'), captioned(expected, ['ant']))


def test_label_vectors(tmp_path, capsys):
  components = ('smiling', 'glasses')
  path = saved_run(tmp_path / 'run', vector=2, component_names=components).path
  assert sample(path, tmp_path / 'a.png', '--seeds=0', '--class=smiling+glasses') == 0
  expected = StyleGAN2.load(path).sample_seeds([0], label=np.ones((1, 2)))
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png'), grid(expected, 1, 1))
  assert sample(path, tmp_path / 'b.png', '--seeds=0') == 2
  line = capsys.readouterr().err
  assert 'use --class to give a vector of 2 numbers' in line
  assert 'smiling, glasses' in line


def test_step(tmp_path):
  saved_run(tmp_path / 'run', step=1, seed=1)
  path = saved_run(tmp_path / 'run', step=2, seed=2).path
  assert sample(path, tmp_path / 'a.png', '--seeds=0', '--step=1') == 0
  expected = StyleGAN2.load(path, step=1).sample_seeds([0])
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png'), grid(expected, 1, 1))


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--class=wasp'], ['no class wasp', 'ant, bee']),
    (['--step=9'], ['no checkpoint of step 9']),
    (['--out=/proc/none/a.png'], ['cannot write /proc/none/a.png', '--out']),
  ],
)
def test_bad_input(conditional, tmp_path, capsys, flags, words):
  assert sample(conditional, tmp_path / 'a.png', '--seeds=0', *flags) == 2
  line = capsys.readouterr().err
  assert line.startswith('error: ')
  assert line.count('\n') == 1
  assert all(word in line for word in words)
  assert not any(tmp_path.iterdir())


def test_class_for_an_unconditional_model(plain, tmp_path, capsys):
  assert sample(plain, tmp_path / 'a.png', '--class=0') == 2
  assert 'unconditional' in capsys.readouterr().err
