"""`launch.py mix`: each cell is the image of ws that were spliced by hand."""

import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.tools import mix as tool
from stylegan2_jax.tools.mix import style_mixing
from tests.tools.models import saved_model

ROWS, COLS = [3, 70000], [5, 6, 7]


def mix(workdir, out, *flags):
  seeds = ['--rows=3,70000', '--cols=5-7']
  return launch.main(['mix', f'--workdir={workdir}', f'--out={out}', *seeds, *flags])


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


@pytest.mark.parametrize('layers', [[0], [1, 3], 'coarse', '0,2-3'])
def test_cells(gan, layers):
  """Byte for byte."""
  chosen = {'coarse': [0], '0,2-3': [0, 2, 3]}[layers] if isinstance(layers, str) else layers
  mixing = style_mixing(gan, ROWS, COLS, layers, psi=0.8, cutoff=3)
  ws = [np.array(gan.map(gan.latents(seeds), psi=0.8, cutoff=3)) for seeds in (ROWS, COLS)]
  spliced = np.repeat(ws[0][:, None], len(COLS), axis=1)  # [rows, cols, num_ws, w_dim]
  for layer in chosen:
    spliced[:, :, layer] = ws[1][None, :, layer]
  expected = gan.draw(spliced.reshape(-1, *spliced.shape[2:]))
  np.testing.assert_array_equal(mixing.images.reshape(expected.shape), expected)
  np.testing.assert_array_equal(mixing.row_images, gan.draw(ws[0]))
  np.testing.assert_array_equal(mixing.col_images, gan.draw(ws[1]))
  assert mixing.layers == tuple(chosen)


def test_all_layers_are_the_columns(gan):
  mixing = style_mixing(gan, ROWS, COLS, 'coarse,middle,fine')
  for row in mixing.images:
    np.testing.assert_array_equal(row, mixing.col_images)
  assert np.any(mixing.col_images != mixing.row_images[0])


def test_a_seed_with_itself(gan):
  mixing = style_mixing(gan, [3, 4], [3, 4], 'middle')
  for i in range(2):
    np.testing.assert_array_equal(mixing.images[i, i], mixing.row_images[i])
  assert np.any(mixing.images[0, 1] != mixing.images[1, 0])


def test_blocks_do_not_show(gan, monkeypatch):
  """Pictures are drawn some at a time; which, changes nothing."""
  expected = style_mixing(gan, ROWS, COLS, [1]).images
  monkeypatch.setattr(tool, '_BLOCK', 4)
  np.testing.assert_array_equal(style_mixing(gan, ROWS, COLS, [1]).images, expected)


def test_noise(gan):
  none = style_mixing(gan, [3], [3], [1], noise='none')
  np.testing.assert_array_equal(none.images[0, 0], none.row_images[0])
  redrawn = style_mixing(gan, [3], [3], [1], noise='random')
  assert np.any(redrawn.images[0, 0] != redrawn.row_images[0])


def test_classes_of_rows_and_columns(conditional):
  gan = StyleGAN2.load(conditional, discriminator=False)
  mixing = style_mixing(gan, ROWS, COLS, [1], label='bee', col_label='ant')
  np.testing.assert_array_equal(mixing.row_images, gan.draw(gan.map(gan.latents(ROWS), 'bee')))
  np.testing.assert_array_equal(mixing.col_images, gan.draw(gan.map(gan.latents(COLS), 'ant')))
  same = style_mixing(gan, ROWS, COLS, [1], label='bee')
  np.testing.assert_array_equal(same.col_images, gan.draw(gan.map(gan.latents(COLS), 'bee')))
  assert np.any(same.col_images != mixing.col_images)


def test_sheet(plain, gan, tmp_path, capsys):
  out = tmp_path / 'new' / 'mix.png'
  assert mix(plain, out, '--layers=coarse', '--psi=0.7') == 0
  mixing = style_mixing(gan, ROWS, COLS, 'coarse', psi=0.7)
  np.testing.assert_array_equal(pixels(out), mixing.sheet().pixels())
  said = capsys.readouterr().out.splitlines()
  assert said[0] == 'layers 0 of the columns, the others of 0-3 of the rows'
  assert said[1].startswith('coarse = layers 0 (4x4), middle = 1-2 (8x8)')
  height, width = pixels(out).shape[:2]
  assert said[2] == f'wrote {out}: {width}x{height} pixels'


def test_single_files(plain, gan, tmp_path, capsys):
  assert mix(plain, tmp_path / 'out', '--layers=1-2', '--noise_mode=none') == 0
  mixing = style_mixing(gan, ROWS, COLS, [1, 2], noise='none')
  for i, row in enumerate(ROWS):
    for j, col in enumerate(COLS):
      path = tmp_path / 'out' / f'{row}-{col}.png'
      np.testing.assert_array_equal(pixels(path), mixing.images[i, j])
  np.testing.assert_array_equal(pixels(tmp_path / 'out/row3.png'), mixing.row_images[0])
  np.testing.assert_array_equal(pixels(tmp_path / 'out/col7.png'), mixing.col_images[2])
  assert len(list((tmp_path / 'out').iterdir())) == 11
  assert capsys.readouterr().out.endswith(f'wrote 11 images into {tmp_path / "out"}\n')


def test_first_class_is_named(conditional, tmp_path, capsys):
  assert mix(conditional, tmp_path / 'a.png', '--col_class=bee') == 0
  assert capsys.readouterr().out.startswith('drawing class 0, ant; --class=NAME draws any\n')
  gan = StyleGAN2.load(conditional, discriminator=False)
  expected = style_mixing(gan, ROWS, COLS, label='ant', col_label='bee').sheet().pixels()
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png'), expected)


@pytest.mark.parametrize(
  ('resolution', 'aspect', 'channels'), [(16, '4:3', 1), (16, '1:2', 4), (8, '1:1', 2)]
)
def test_any_form_of_image(tmp_path, resolution, aspect, channels):
  path = saved_model(tmp_path, resolution, aspect, channels)
  assert mix(path, tmp_path / 'a.png') == 0
  gan = StyleGAN2.load(path)
  sheet = style_mixing(gan, ROWS, COLS).sheet().pixels()
  assert sheet.shape[2] == channels
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png').reshape(sheet.shape), sheet)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--layers=0-9'], ['--layers=0-9', 'layers 0 to 3']),
    (['--layers=rough'], ['--layers=rough', 'coarse, middle, fine']),
    (['--rows=a'], ['--rows=a does not parse']),
    (['--class=wasp'], ['no class wasp', 'ant, bee']),
    (['--class=ant', '--col_class=wasp'], ['no class wasp', 'ant, bee']),
    (['--rows=0-999', '--cols=0-999'], ['a sheet of 1001 x 1001', 'take fewer seeds']),
    (['--rows=0-999', '--cols=0-99', '--out=/tmp/many'], ['100000 images', 'take fewer seeds']),
    (['--out=/proc/none/a.png'], ['cannot write /proc/none/a.png', '--out']),
  ],
)
def test_bad_input(conditional, tmp_path, capsys, flags, words):
  assert mix(conditional, tmp_path / 'a.png', *flags) == 2
  line = capsys.readouterr().err
  assert line.startswith('error: ')
  assert line.count('\n') == 1
  assert all(word in line for word in words)
  assert not any(tmp_path.iterdir())


def test_label_vectors_have_no_first(tmp_path, capsys):
  path = saved_model(tmp_path, vector=2)
  assert mix(path, tmp_path / 'a.png') == 2
  assert 'use --class to give a vector of 2 numbers' in capsys.readouterr().err
  assert mix(path, tmp_path / 'a.png', '--class=0.5,1') == 0


def test_layers_as_numbers(gan):
  for layers in ([], [4], [-1]):
    with pytest.raises(UserError, match='this model has layers 0 to 3'):
      style_mixing(gan, ROWS, COLS, layers)
