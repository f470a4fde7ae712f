"""`launch.py project`: what is written, and what is refused."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.tools.project import project
from stylegan2_jax.tools.projection_files import read_projection
from tests.helpers import png, saved_run


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return saved_run(tmp_path_factory.mktemp('plain') / 'run').path


def command(workdir, out, *flags, steps=3):
  return launch.main(
    ['project', f'--workdir={workdir}', f'--out={out}', f'--steps={steps}', *flags]
  )


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def test_files(workdir, tmp_path, capsys):
  """All that is written, and that it fits together."""
  images, out = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8), tmp_path / 'out'
  (tmp_path / 'in').mkdir()
  for i, image in enumerate(images):
    (tmp_path / 'in' / f'photo{i}.png').write_bytes(png(image))
  flags = [f'--target={tmp_path / "in"}', '--batch_size=2', '--video']
  assert command(workdir, out, *flags) == 0
  said = capsys.readouterr().out
  names = [f'photo{i}' for i in range(3)]
  assert '3 of 3 images: 8x8, taken as they are' in said
  assert 'projecting 3 images into w: 3 steps, wavelet distance, 2 at a time' in said
  expected = {'project.json', 'distances.csv', 'comparison.png', 'projection.mp4', '.lock'}
  expected |= {f'{name}{end}' for name in names for end in ('.npz', '-projected.png')}
  assert {file.name for file in out.iterdir()} == expected
  gan = StyleGAN2.load(workdir)
  result = project(gan, images, steps=3, batch_size=2)
  with (out / 'distances.csv').open() as file:
    rows = list(csv.DictReader(file))
  written = json.loads((out / 'project.json').read_text())
  assert written['settings']['distance'] == 'wavelet'
  for i, (name, row) in enumerate(zip(names, rows, strict=True)):
    found = read_projection(out / f'{name}.npz')
    np.testing.assert_array_equal(found.target, images[i])
    np.testing.assert_array_equal(found.ws, result.ws[i])
    np.testing.assert_array_equal(found.image, pixels(out / f'{name}-projected.png'))
    np.testing.assert_array_equal(found.image, result.images.pixels()[i])
    drawn = gan.draw(found.ws[None], found.noise_maps)[0]
    np.testing.assert_allclose(drawn.astype(int), found.image, atol=1)
    assert row['name'] == written['results'][i]['name'] == name
    assert float(row['distance']) == pytest.approx(result.distances[i], abs=1e-6)
    assert float(row['mean_w_distance']) == pytest.approx(result.start_distances[i], abs=1e-6)
    error = np.sqrt(((np.float64(found.image) - images[i]) ** 2).mean())
    assert float(row['rmse']) == pytest.approx(error, abs=1e-3)
  before = {file.name: file.read_bytes() for file in out.iterdir()}
  assert command(workdir, out, *flags) == 0
  assert 'all images are projected' in capsys.readouterr().out
  assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_seeds_and_a_class(conditional, tmp_path, capsys):
  """The targets are what `sample` draws of the class; w begins at its mean."""
  out = tmp_path / 'out'
  assert command(conditional, out, '--seeds=3,7', '--class=bee', '--space=w+') == 0
  gan = StyleGAN2.load(conditional)
  expected = gan.sample_seeds([3, 7], label='bee')
  for i, name in enumerate(('seed0003', 'seed0007')):
    found = read_projection(out / f'{name}.npz')
    np.testing.assert_array_equal(found.target, expected[i])
    assert found.path.shape == (4, gan.num_ws, gan.w_dim)
  result = project(gan, expected, 'w+', 3, label='bee')
  np.testing.assert_array_equal(found.ws, result.ws[1])
  other = project(gan, expected, 'w+', 3, label='ant')
  assert np.abs(other.ws - result.ws).max() > 0.01
  capsys.readouterr()
  assert command(conditional, tmp_path / 'b', '--seeds=3') == 2
  assert capsys.readouterr().err.startswith('error: this model is conditional: use --class to name')
  assert command(conditional, tmp_path / 'b', '--seeds=3', '--class=cat') == 2
  assert capsys.readouterr().err.startswith('error: there is no class cat')
  assert not (tmp_path / 'b').exists()


@pytest.fixture(scope='module')
def done(workdir, tmp_path_factory):
  """A finished projection, to copy."""
  path = tmp_path_factory.mktemp('done') / 'out'
  assert command(workdir, path, '--seeds=0') == 0
  return path


@pytest.mark.parametrize(
  ('flags', 'line'),
  [
    (['--seeds=0', '--space=w+'], 'holds a projection with space w, not w+: give the same again'),
    (['--seeds=0', '--seed=1'], 'holds a projection with seed 0, not 1'),
    (['--seeds=0', '--learning_rate=0.2'], 'with learning_rate 0.1, not 0.2'),
    (['--seeds=1'], 'holds a projection of other images'),
  ],
)
def test_other_settings_than_those_of_the_folder(workdir, done, capsys, flags, line):
  before = {file.name: file.read_bytes() for file in done.iterdir()}
  assert command(workdir, done, *flags) == 2
  said = capsys.readouterr().err
  assert line in said
  assert said.count('\n') == 1
  assert {file.name: file.read_bytes() for file in done.iterdir()} == before


def test_another_model(done, tmp_path, capsys):
  other = saved_run(tmp_path / 'run', seed=5).path
  assert command(other, done, '--seeds=0') == 2
  assert 'holds a projection with model' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('name', 'line'),
  [('project.json', 'project.json is damaged'), ('seed0000.npz', 'seed0000.npz is damaged')],
)
def test_damaged_files(workdir, done, tmp_path, capsys, name, line):
  out = shutil.copytree(done, tmp_path / 'out')
  (out / name).write_bytes(b'{')
  assert command(workdir, out, '--seeds=0') == 2
  assert line in capsys.readouterr().err


@pytest.mark.parametrize(
  ('flags', 'line'),
  [
    ([], 'give either --target, images, or --seeds'),
    (['--seeds=0', '--target=a.png'], 'give either --target, images, or --seeds'),
    (['--target=nowhere.png'], '--target=nowhere.png is not there'),
    (['--seeds=0', '--class=ant'], 'this model is unconditional'),
    (['--seeds=0', '--distance=lpips'], 'LPIPS needs the weights of VGG16: give --vgg=FILE'),
    (['--seeds=0', '--vgg=nowhere.pth'], 'there is no file nowhere.pth'),
    (['--seeds=0', '--learning_rate=0'], '--learning_rate=0 must be'),
    (['--seeds=0', '--batch_size=0'], '--batch_size=0 does not fit'),
    (['--seeds=0', '--out=/proc/nowhere'], 'cannot write /proc/nowhere'),
  ],
)
def test_refusals(workdir, tmp_path, capsys, flags, line):
  assert command(workdir, tmp_path / 'out', *flags) == 2
  said = capsys.readouterr().err
  assert said.startswith('error: ')
  assert line in said
  assert said.count('\n') == 1
  assert not (tmp_path / 'out').exists()
