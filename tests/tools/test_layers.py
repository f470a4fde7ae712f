"""`launch.py layers`: the numbers are those of a plain computation over all images at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.networks.noise import random_noise
from stylegan2_jax.tools import layers_sheet
from stylegan2_jax.tools.layers import build_up, layer_contributions
from tests.helpers import networks
from tests.tools.models import saved_model

SEEDS = [3, 70000]


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  return saved_model(tmp_path_factory.mktemp('model'), 16)


@pytest.fixture(scope='module')
def gan(path):
  return StyleGAN2.load(path)


@pytest.fixture(scope='module')
def conditional(tmp_path_factory):
  return saved_model(tmp_path_factory.mktemp('conditional'), class_names=('ant', 'bee'))


def layers(workdir, out, *flags):
  return launch.main(['layers', f'--workdir={workdir}', f'--out={out}', *flags])


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def alone(gan, resolution):
  """The parameters of the synthesis network with all other ToRGB layers at zero."""
  return {
    block: part
    if block == f'b{resolution}'
    else {**part, 'torgb': jax.tree.map(jnp.zeros_like, part['torgb'])}
    for block, part in gan.params['generator']['synthesis'].items()
  }


def plain_deviation(images):
  """Over samples and pixels for each channel, then the root of the mean square."""
  return np.sqrt((np.asarray(images, np.float64).std(axis=(0, 1, 2)) ** 2).mean())


def plain_upsampled(gan, ws, maps):
  synthesis = gan.generator.synthesis
  images = [synthesis.apply({'params': alone(gan, r)}, ws, maps) for r in (4, 8, 16)]
  return [np.asarray(each) for each in images]


@pytest.mark.parametrize(('samples', 'batch_size'), [(5, 2), (12, None), (40, 16)])
def test_numbers(gan, samples, batch_size):
  found = layer_contributions(gan, samples, psi=0.9, cutoff=4, batch_size=batch_size)
  ws = gan.map(gan.latents(range(samples)), psi=0.9, cutoff=4)
  images = plain_upsampled(gan, ws, gan.noise_maps)
  np.testing.assert_allclose(found.upsampled, [plain_deviation(i) for i in images], rtol=1e-4)
  means = [image.mean(axis=(0, 1, 2)) for image in images]
  np.testing.assert_allclose(found.means, means, rtol=1e-3, atol=1e-4)
  assert found.sizes == ((4, 4), (8, 8), (16, 16))
  assert found.shares.sum() == pytest.approx(1)
  np.testing.assert_allclose(found.shares * found.deviations.sum(), found.deviations, rtol=1e-6)


def test_the_coarsest_at_its_own_size(gan):
  """Before upsampling: the image of the network that ends there."""
  found = layer_contributions(gan, 10)
  ws = gan.map(gan.latents(range(10)))
  small = networks(4)[0].synthesis
  kept = {'b4': gan.params['generator']['synthesis']['b4']}
  images = small.apply({'params': kept}, ws[:, :2], gan.noise_maps)
  np.testing.assert_allclose(found.deviations[0], plain_deviation(images), rtol=1e-4)
  # The finest is not upsampled.
  np.testing.assert_allclose(found.deviations[-1], found.upsampled[-1], rtol=1e-6)
  assert found.deviations[0] > found.upsampled[0]


def test_constant_colors_count_for_nothing(tmp_path, gan):
  def tinted(params):
    synthesis = {
      block: {**part, 'torgb': {**part['torgb'], 'bias': part['torgb']['bias'] + 50}}
      for block, part in params['synthesis'].items()
    }
    return {**params, 'synthesis': synthesis}

  found = layer_contributions(StyleGAN2.load(saved_model(tmp_path, 16, edit=tinted)), 8)
  expected = layer_contributions(gan, 8)
  np.testing.assert_allclose(found.deviations, expected.deviations, rtol=1e-3)
  np.testing.assert_allclose(found.upsampled[-1], expected.upsampled[-1], rtol=1e-3)


def test_random_noise(gan):
  """Its own for each sample, and the same in batches of any size."""
  found = layer_contributions(gan, 6, noise='random', batch_size=4)
  maps = random_noise(jax.random.split(jax.random.key(0), 6), gan.size)
  images = plain_upsampled(gan, gan.map(gan.latents(range(6))), maps)
  np.testing.assert_allclose(found.upsampled, [plain_deviation(i) for i in images], rtol=1e-4)


def test_classes_in_turn(conditional):
  gan = StyleGAN2.load(conditional)
  found = layer_contributions(gan, 5)
  labels = ['ant', 'bee', 'ant', 'bee', 'ant']
  np.testing.assert_array_equal(
    found.upsampled, layer_contributions(gan, 5, label=labels).upsampled
  )
  of_one = layer_contributions(gan, 5, label='bee')
  assert np.all(of_one.upsampled != found.upsampled)


def test_build_up(gan):
  built = build_up(gan, SEEDS, psi=0.7)
  ws = gan.map(gan.latents(SEEDS), psi=0.7)
  np.testing.assert_array_equal(built.sums[:, -1], gan.sample_seeds(SEEDS, 0.7))
  parts = plain_upsampled(gan, ws, gan.noise_maps)
  scale = np.abs(built.parts).max()
  np.testing.assert_allclose(built.parts, np.stack(parts, axis=1), rtol=0, atol=1e-5 * scale)
  up_to_8 = np.clip(127.5 * (parts[0] + parts[1]) + 128, 0, 255).astype(int)
  assert np.abs(built.sums[:, 1].astype(int) - up_to_8).max() <= 1
  total = np.asarray(built.parts).sum(axis=1)
  np.testing.assert_allclose(total, gan.synthesize(ws), rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_scale_of_parts(channels):
  """Grey is the mean colour; white three deviations above it; alpha is left out."""

  class Contributions:
    upsampled, means = np.array([0.5, 2.0]), np.full((2, channels), 0.25)

  parts = np.zeros((1, 2, 1, 3, channels))
  parts[0, 0, 0] = np.array([[0.25], [0.25 + 1.5], [0.25 - 0.75]])
  parts[0, 1, 0] = np.array([[0.25], [0.25 + 6.0], [0.25 - 3.0]])
  shown = layers_sheet.part_pictures(parts, Contributions)
  assert shown.shape == (1, 2, 1, 3, {2: 1, 4: 3}.get(channels, channels))
  assert shown[0, :, 0, :, 0].tolist() == [[128, 255, 64], [128, 255, 64]]


def test_sheet(path, gan, tmp_path, capsys):
  """The chart lies above the sheet."""
  out = tmp_path / 'new' / 'layers.png'
  assert layers(path, out, '--seeds=3,70000', '--samples=20') == 0
  found = layer_contributions(gan, 20)
  sheet = build_up(gan, SEEDS).sheet(found).pixels()
  written = pixels(out)
  np.testing.assert_array_equal(written[-sheet.shape[0] :, : sheet.shape[1]], sheet)
  assert written.shape[1] >= 560
  np.testing.assert_array_equal(
    written[: -sheet.shape[0]], layers_sheet.chart(found, written.shape[1])
  )
  said = capsys.readouterr().out.splitlines()
  assert 'over 20 samples; the image is -1 to 1' in said[0]
  assert said[1].split() == ['resolution', 'deviation', 'share', 'upsampled']
  assert [line.split()[0] for line in said[2:5]] == ['4x4', '8x8', '16x16']
  shares = [float(line.split()[2].rstrip('%')) for line in said[2:5]]
  np.testing.assert_allclose(shares, 100 * found.shares, atol=0.051)


def test_single_files(path, gan, tmp_path):
  assert layers(path, tmp_path / 'out', '--seeds=3', '--samples=4') == 0
  built = build_up(gan, [3])
  names = [f'seed0003-{kind}{n}x{n}' for kind in ('upto', 'only') for n in (4, 8, 16)]
  assert sorted(p.stem for p in (tmp_path / 'out').iterdir()) == sorted(['chart', *names])
  np.testing.assert_array_equal(pixels(tmp_path / 'out/seed0003-upto8x8.png'), built.sums[0, 1])


@pytest.mark.parametrize(
  ('resolution', 'aspect', 'channels'), [(16, '4:3', 1), (16, '1:2', 4), (8, '1:1', 2)]
)
def test_any_form_of_image(tmp_path, resolution, aspect, channels):
  path = saved_model(tmp_path, resolution, aspect, channels)
  assert layers(path, tmp_path / 'a.png', '--seeds=3', '--samples=4') == 0
  assert pixels(tmp_path / 'a.png').shape[2] == {1: 3, 2: 4}.get(channels, channels)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--samples=1'], ['--samples=1 does not fit', '2 to 1000000']),
    (['--seeds=0-9999'], ['a sheet of 20000 x 2', 'take fewer seeds']),
    (['--class=wasp'], ['no class wasp', 'ant, bee']),
    (['--out=/proc/none/a.png', '--samples=2'], ['cannot write /proc/none/a.png', '--out']),
  ],
)
def test_bad_input(conditional, tmp_path, capsys, flags, words):
  assert layers(conditional, tmp_path / 'a.png', *flags) == 2
  line = capsys.readouterr().err
  assert line.startswith('error: ')
  assert line.count('\n') == 1
  assert all(word in line for word in words)
  assert not any(tmp_path.iterdir())


@pytest.mark.parametrize('architecture', ['orig', 'resnet'])
def test_other_architectures(tmp_path, capsys, architecture):
  path = saved_model(tmp_path, g_architecture=architecture)
  assert layers(path, tmp_path / 'a.png') == 2
  line = capsys.readouterr().err
  assert line.startswith(f'error: this generator is {architecture}: its one ToRGB')
  assert line.count('\n') == 1


def test_label_vectors_have_no_turn(tmp_path, capsys):
  path = saved_model(tmp_path, vector=2)
  assert layers(path, tmp_path / 'a.png') == 2
  assert 'use --class to give a vector of 2 numbers' in capsys.readouterr().err
