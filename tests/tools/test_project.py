"""`project`, as notebooks call it: what is found, and what is refused."""

import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_float
from stylegan2_jax.metrics.features.wavelet import Wavelet
from stylegan2_jax.tools.project import choose_distance, project
from tests.helpers import settings
from tests.metrics import recipe

STEPS = 60


@pytest.fixture(scope='module')
def fresh():
  """A generator as training begins: smooth in w, and noise is not felt."""
  network = {'z_dim': 32, 'w_dim': 32, 'channel_base': 256, 'channel_max': 32}
  return StyleGAN2(settings(network=network))


@pytest.fixture(scope='module')
def found(fresh):
  """Images of the model itself, in both spaces."""
  images = fresh.sample_seeds(range(4))
  return images, {space: project(fresh, images, space, STEPS) for space in ('w', 'w+')}


def rmse(a, b):
  return np.sqrt(((np.float64(a) - b) ** 2).mean((1, 2, 3)))


def test_recovery(fresh, found):
  """Much nearer than the image of the mean w, and the numbers are those of the pictures."""
  images, spaces = found
  for space, result in spaces.items():
    start, end = (x.pixels() for x in (result.start_images, result.images))
    assert (result.distances < {'w': 0.6, 'w+': 0.45}[space] * result.start_distances).all()
    assert (rmse(end, images) < 0.8 * rmse(start, images)).all()
    wavelet = Wavelet()
    features = [wavelet.features(to_float(x)) for x in (images, start, end)]
    np.testing.assert_allclose(
      result.start_distances, wavelet.between(features[0], features[1]), rtol=1e-5
    )
    np.testing.assert_allclose(
      result.distances, wavelet.between(features[0], features[2]), rtol=1e-5
    )


def test_w_plus_comes_as_near(found):
  _, spaces = found
  assert spaces['w+'].distances.mean() <= spaces['w'].distances.mean()
  assert np.ptp(spaces['w'].ws, axis=1).max() == 0
  assert np.ptp(spaces['w+'].ws, axis=1).max() > 0.01


def test_what_is_found_draws_the_images(fresh, found):
  _, spaces = found
  for result in spaces.values():
    drawn = fresh.draw(result.ws, result.noise_maps)
    np.testing.assert_allclose(drawn.astype(int), result.images.pixels(), atol=1)
    assert result.ws.shape == (4, fresh.num_ws, fresh.w_dim)
    assert result.noise_maps['b8']['conv1'].shape == (4, 8, 8)
    assert result.history.shape == (4, STEPS)
    assert (result.history[:, -1] < result.history[:, 0]).all()
    start = fresh.synthesize(np.repeat(_mean(fresh), fresh.num_ws, 0)[None])
    np.testing.assert_allclose(result.start_images[0], start[0].clip(-1, 1), atol=1 / 127)


def _mean(gan):
  from stylegan2_jax.tools.projection import w_statistics

  params = gan.params['generator']['mapping']
  return np.asarray(w_statistics(gan.generator.mapping, params, None)[0])[None]


def test_forms_of_images(fresh):
  """uint8 or floats, one or several, in batches or not: the same."""
  images = fresh.sample_seeds(range(3))
  whole = project(fresh, images, steps=2, batch_size=2)
  assert whole.ws.shape[0] == 3
  again = project(fresh, to_float(images), steps=2, batch_size=2)
  np.testing.assert_array_equal(whole.ws, again.ws)
  one = project(fresh, images[1], steps=2)
  np.testing.assert_allclose(one.ws[0], whole.ws[1], atol=1e-4)


@pytest.mark.parametrize(
  ('images', 'options', 'line'),
  [
    (np.zeros((1, 8, 8, 1), np.uint8), {}, r'images must be \[N, 8, 8, 3\], not \[1, 8, 8, 1\]'),
    (np.zeros((1, 16, 16, 3), np.uint8), {}, r'not \[1, 16, 16, 3\]'),
    (np.zeros((0, 8, 8, 3), np.uint8), {}, r'not \[0, 8, 8, 3\]'),
    (np.full((1, 8, 8, 3), np.nan), {}, 'finite floats'),
    (np.zeros((1, 8, 8, 3), int), {}, 'not int64'),
    (np.zeros((8, 8, 3), np.uint8), {'space': 'z'}, 'there is no space z: use w or w\\+'),
    (np.zeros((8, 8, 3), np.uint8), {'steps': 0}, 'at least one step'),
    (np.zeros((8, 8, 3), np.uint8), {'distance': 'l7'}, 'there is no distance l7'),
    (np.zeros((8, 8, 3), np.uint8), {'label': 1}, 'unconditional'),
  ],
)
def test_bad_arguments(fresh, images, options, line):
  with pytest.raises(UserError, match=line):
    project(fresh, images, **options)


def test_a_distance_that_is_not_finite(fresh):
  with pytest.raises(UserError, match='not finite after step'):
    project(fresh, np.zeros((8, 8, 3), np.uint8), steps=4, learning_rate=1e38)


def test_lpips(tmp_path):
  """From files, on images that are large enough: it goes down."""
  np.savez(tmp_path / 'vgg.npz', **recipe.vgg_state())
  np.savez(tmp_path / 'linear.npz', **recipe.linear_state())
  distance = choose_distance('auto', str(tmp_path / 'vgg.npz'), str(tmp_path / 'linear.npz'))
  assert distance.name == 'lpips'
  gan = StyleGAN2(settings(16))
  result = project(gan, gan.sample(1, seed=3), steps=20, distance=distance)
  assert result.distances[0] < 0.7 * result.start_distances[0]
  small = StyleGAN2(settings(8))
  with pytest.raises(UserError, match='lpips takes images of at least 16 pixels, not of 8x8'):
    project(small, small.sample(1), distance=distance)


@pytest.mark.parametrize(
  ('arguments', 'line'),
  [
    (('lpips',), 'LPIPS needs the weights of VGG16'),
    (('auto', None, 'vgg.pth'), 'LPIPS needs the weights of VGG16'),
    (('wavelet', 'vgg16.pth'), 'takes no weights'),
  ],
)
def test_choice_of_the_distance(arguments, line):
  assert choose_distance().name == 'wavelet'
  with pytest.raises(UserError, match=line):
    choose_distance(*arguments)
