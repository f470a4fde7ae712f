"""`launch.py noise`: deviations are NumPy's over explicit draws; each part has its noise alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import launch
from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.noise import random_noise
from stylegan2_jax.tools import noise_sheet
from stylegan2_jax.tools.noise import check_noise, noise_deviation, noise_effect
from tests.tools.models import saved_model

SEEDS = [3, 70000]


def small_noise(params, strength=0.3):
  """Strengths that leave the images in their range, which random ones would not."""
  return _edited(params, 'noise_strength', lambda _: jnp.float32(strength))


def no_noise(params):
  return small_noise(params, 0.0)


def _edited(tree, name, edit):
  return {
    key: _edited(value, name, edit)
    if isinstance(value, dict)
    else edit(value)
    if key == name
    else value
    for key, value in tree.items()
  }


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  return saved_model(tmp_path_factory.mktemp('model'), 16, edit=small_noise)


@pytest.fixture(scope='module')
def gan(path):
  return StyleGAN2.load(path)


def noise(workdir, out, *flags):
  return launch.main(['noise', f'--workdir={workdir}', f'--out={out}', *flags])


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def explicit_deviation(gan, ws, count, seed=0):
  """As the docstring of `noise_deviation` says, all realizations at once."""
  maps = random_noise(jax.random.split(jax.random.key(seed), count), gan.size)
  found = []
  for w in np.asarray(ws):
    images = np.asarray(gan.synthesize(np.repeat(w[None], count, axis=0), maps), np.float64)
    levels = 127.5 * np.clip(images, -1, 1)
    found.append(np.sqrt((np.std(levels, axis=0) ** 2).mean(axis=-1)))
  return np.stack(found)


@pytest.mark.parametrize(('count', 'batch_size'), [(2, 1), (10, 4), (10, 16), (33, None)])
def test_deviation(gan, count, batch_size):
  ws = gan.map(gan.latents(SEEDS))
  found = noise_deviation(gan, ws, count, batch_size=batch_size)
  expected = explicit_deviation(gan, ws, count)
  assert found.shape == (2, 16, 16)
  assert expected.max() > 5
  np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_deviation_of_another_seed(gan):
  ws = gan.map(gan.latents([3]))
  found = noise_deviation(gan, ws, 8, seed=7)
  np.testing.assert_allclose(found, explicit_deviation(gan, ws, 8, 7), rtol=1e-3, atol=1e-3)
  assert np.any(np.abs(found - noise_deviation(gan, ws, 8)) > 0.1)


def test_invisible_noise_does_not_count(tmp_path):
  """Of an image that is white everywhere."""

  def white(params):
    synthesis = {**params['synthesis']}
    torgb = {**synthesis['b8']['torgb'], 'bias': jnp.full(3, 1e4, jnp.float32)}
    synthesis['b8'] = {**synthesis['b8'], 'torgb': torgb}
    return small_noise({**params, 'synthesis': synthesis})

  gan = StyleGAN2.load(saved_model(tmp_path, edit=white))
  ws = gan.map(gan.latents([0]))
  assert np.all(np.asarray(gan.synthesize(ws)) > 1)
  assert np.all(noise_deviation(gan, ws, 5) == 0)


def test_no_strength_no_deviation(tmp_path):
  """Nor does any part of the sheet differ; its map is black, and its detail the middle."""
  gan = StyleGAN2.load(saved_model(tmp_path, edit=no_noise))
  found = noise_effect(gan, SEEDS, realizations=10)
  assert np.all(found.deviations < 1e-4)  # of 255: what rounding in the mean leaves
  for other in (found.without, found.fine, found.coarse, found.realizations[:, 2]):
    np.testing.assert_array_equal(other, found.images)
  assert np.all(found.maps() == 0)
  found.sheet()


def test_parts(gan):
  """By hand: the stored maps in all layers, none, and those of some blocks."""
  found = noise_effect(gan, SEEDS, psi=0.8, cutoff=3, realizations=2)
  ws = np.asarray(gan.map(gan.latents(SEEDS), psi=0.8, cutoff=3))
  np.testing.assert_array_equal(found.images, gan.draw(ws))
  np.testing.assert_array_equal(found.without, gan.draw(ws, 'none'))
  assert found.fine_from == 8
  zero = jax.tree.map(jnp.zeros_like, gan.noise_maps)
  fine = {**gan.noise_maps, 'b4': zero['b4']}
  coarse = {**zero, 'b4': gan.noise_maps['b4']}
  np.testing.assert_array_equal(found.fine, gan.draw(ws, fine))
  np.testing.assert_array_equal(found.coarse, gan.draw(ws, coarse))
  assert np.any(found.fine != found.images)
  assert np.any(found.coarse != found.without)
  maps = random_noise(jax.random.split(jax.random.key(0), 4), gan.size)
  for i, w in enumerate(ws):
    expected = gan.draw(np.repeat(w[None], 4, axis=0), maps)
    np.testing.assert_array_equal(found.realizations[i], expected)


@pytest.mark.parametrize(
  ('resolution', 'fine_from'), [(1024, 64), (512, 64), (64, 16), (32, 16), (8, 8)]
)
def test_where_fine_begins(resolution, fine_from):
  """At 1024 as in the paper."""

  class Gan:
    size = (resolution, resolution)

    class generator:  # noqa: N801
      class synthesis:  # noqa: N801
        use_noise = True

  assert check_noise(Gan, None) == fine_from
  assert check_noise(Gan, resolution) == resolution
  with pytest.raises(UserError, match='fine_from=4: no block'):
    check_noise(Gan, 4)


def test_scale_of_maps():
  """Over all seeds, so that they can be compared."""
  maps = noise_sheet.grey(np.array([[[0.0, 4.0]], [[8.0, 2.0]]]))
  assert maps.ravel().tolist() == [0, 127, 255, 63]


@pytest.mark.parametrize('place', [(0, 0), (3, 5), (5, 2)])
def test_detail_is_where_most_happens(place):
  values = np.random.default_rng(0).random((8, 10))
  values[place[0] : place[0] + 3, place[1] : place[1] + 4] += 5
  assert noise_sheet.busiest(values, 3, 4) == (*place, 3, 4)
  assert noise_sheet.busiest(np.zeros((8, 8)), 2, 2) == (3, 3, 2, 2)
  assert noise_sheet.busiest(values, 8, 10) == (0, 0, 8, 10)


def test_details():
  """Four windows two by two, pixel for pixel, around a gap."""
  pictures = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
  cell = noise_sheet.enlarged(pictures, (2, 4, 4, 4), (33, 33))
  for i, (top, left) in enumerate([(0, 0), (0, 17), (17, 0), (17, 17)]):
    detail = pictures[i, 2:6, 4:8].repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(cell[top : top + 16, left : left + 16], detail)
  assert np.all(cell[16] == 24)


def test_sheet(path, gan, tmp_path, capsys):
  out = tmp_path / 'new' / 'noise.png'
  assert noise(path, out, '--seeds=3,70000', '--realizations=12') == 0
  found = noise_effect(gan, SEEDS, realizations=12)
  np.testing.assert_array_equal(pixels(out), found.sheet().pixels())
  said = capsys.readouterr().out.splitlines()
  assert said[0].split() == ['layer', 'map', 'noise', 'strength']
  assert said[1].split() == ['b4.conv1', '4x4', '0.3000']
  assert len(said) == 1 + 5 + 2 + 1
  assert said[6] == (
    f'seed 3: deviation over 12 realizations {found.deviations[0].mean():.2f} on average, '
    f'{found.deviations[0].max():.2f} at most, of 255 grey levels'
  )


def test_single_files(path, gan, tmp_path):
  assert noise(path, tmp_path / 'out', '--seeds=3,70000', '--realizations=5') == 0
  found = noise_effect(gan, SEEDS, realizations=5)
  assert len(list((tmp_path / 'out').iterdir())) == 2 * 9
  for name, picture in {
    'seed0003-all': found.images[0],
    'seed70000-none': found.without[1],
    'seed70000-fine': found.fine[1],
    'seed0003-coarse': found.coarse[0],
    'seed0003-random3': found.realizations[0, 3],
    'seed70000-deviation': found.maps()[1, :, :, 0],
  }.items():
    np.testing.assert_array_equal(pixels(tmp_path / 'out' / f'{name}.png'), picture)


@pytest.mark.parametrize(('resolution', 'aspect', 'channels'), [(16, '4:3', 1), (16, '1:2', 4)])
def test_any_form_of_image(tmp_path, resolution, aspect, channels):
  path = saved_model(tmp_path, resolution, aspect, channels, ('ant', 'bee'), edit=small_noise)
  assert noise(path, tmp_path / 'a.png', '--seeds=3', '--realizations=3', '--class=bee') == 0
  gan = StyleGAN2.load(path)
  found = noise_effect(gan, [3], realizations=3, label='bee')
  np.testing.assert_array_equal(found.images, gan.sample_seeds([3], label='bee'))
  sheet = found.sheet().pixels()
  assert sheet.shape[2] == channels
  np.testing.assert_array_equal(pixels(tmp_path / 'a.png').reshape(sheet.shape), sheet)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--realizations=1'], ['--realizations=1 does not fit', '2 to 100000']),
    (['--fine_from=12'], ['fine_from=12: no block of this model begins there, use one of 8, 16']),
    (['--seeds=0-9999'], ['a sheet of 10000 x 6', 'take fewer seeds']),
    (['--class=wasp'], ['unconditional']),
    (['--out=/proc/none/a.png', '--realizations=2'], ['cannot write /proc/none/a.png', '--out']),
  ],
)
def test_bad_input(path, tmp_path, capsys, flags, words):
  assert noise(path, tmp_path / 'a.png', *flags) == 2
  line = capsys.readouterr().err
  assert line.startswith('error: ')
  assert line.count('\n') == 1
  assert all(word in line for word in words)
  assert not any(tmp_path.iterdir())


def test_generators_without_noise(tmp_path, capsys):
  path = saved_model(tmp_path, noise=False)
  assert noise(path, tmp_path / 'a.png') == 2
  assert 'takes no noise (network.noise=False)' in capsys.readouterr().err


def test_one_realization(gan):
  with pytest.raises(UserError, match='use 2 or more'):
    noise_deviation(gan, gan.map(gan.latents([0])), 1)
