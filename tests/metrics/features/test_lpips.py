"""LPIPS: forms of images, gradients, and the files that its weights come from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import lpips as lib
from stylegan2_jax.metrics.features.lpips_files import load_lpips
from stylegan2_jax.metrics.features.vgg import vgg_features
from tests.helpers import assert_trees_equal
from tests.importers.hand_pickles import Made, Tensor, torch_stream, torch_zip
from tests.metrics import recipe

CLASSIFIER = {'classifier.6.bias': np.zeros(1000, np.float32)}  # what torchvision's file has too


@pytest.fixture(scope='module')
def states():
  return recipe.vgg_state(), recipe.linear_state()


@pytest.fixture(scope='module')
def folder(states, tmp_path_factory):
  """The weights in every form."""
  vgg, linear = states
  path = tmp_path_factory.mktemp('weights')
  np.savez(path / 'both.npz', **vgg, **linear)
  (path / 'vgg16.pth').write_bytes(torch_zip(state_dict(vgg | CLASSIFIER)))
  (path / 'vgg16_old.pth').write_bytes(torch_stream(state_dict(vgg | CLASSIFIER)))
  (path / 'vgg.pth').write_bytes(torch_stream(state_dict(linear)))
  safetensors.numpy.save_file(linear, path / 'vgg.safetensors')
  whole = {f'lpips.{name}': value for name, value in linear.items()}
  whole |= {f'net.slice{1 + _slice(name)}.{name[9:]}': value for name, value in vgg.items()}
  whole['scaling_layer.shift'] = np.zeros((1, 3, 1, 1), np.float32)
  np.savez(path / 'lpips_model.npz', **whole)
  return path


def _slice(name):
  """In which of LPIPS's five parts a convolution is."""
  return sum(int(name.split('.')[1]) > last for last in (2, 7, 14, 21))


def state_dict(arrays):
  return Made('collections.OrderedDict', items={k: Tensor(v) for k, v in arrays.items()})


@pytest.fixture(scope='module')
def weights(folder):
  return load_lpips(folder / 'both.npz')


def pictures(seed, channels=3, side=16):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.uniform(-1, 1, (2, side, side, channels)), jnp.float32)


def test_weights(weights, states):
  """Kernels are HWIO here; each array is where it belongs."""
  vgg, linear = states
  assert list(weights.vgg) == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
  np.testing.assert_array_equal(weights.vgg[10][0], vgg['features.10.weight'].transpose(2, 3, 1, 0))
  np.testing.assert_array_equal(weights.vgg[28][1], vgg['features.28.bias'])
  np.testing.assert_array_equal(weights.linear[3], linear['lin3.model.1.weight'].ravel())


@pytest.mark.parametrize(
  'names',
  [
    ('vgg16.pth', 'vgg.pth'),
    ('vgg16_old.pth', 'vgg.safetensors'),
    ('both.npz', 'vgg.pth'),
    ('lpips_model.npz', None),
  ],
)
def test_files(names, folder, weights):
  vgg, linear = names
  assert_trees_equal(load_lpips(folder / vgg, linear and folder / linear), weights)


def spoiled(state, name, value):
  return (
    {**state, name: value} if value is not None else {k: v for k, v in state.items() if k != name}
  )


@pytest.mark.parametrize(
  ('name', 'value', 'line'),
  [
    ('features.7.weight', None, 'does not hold features.7.weight: give the VGG16 state dictionary'),
    (
      'features.0.bias',
      np.zeros(3, np.float32),
      r'features.0.bias as float32 \[3\], not float \[64\]',
    ),
    ('features.0.bias', np.full(64, np.nan, np.float32), 'not finite'),
    ('features.0.bias', np.zeros(64, np.int32), r'as int32 \[64\]'),
    ('lin4.model.1.weight', None, "does not hold lin4.model.1.weight: LPIPS's own vgg.pth"),
  ],
)
def test_wrong_weights(name, value, line, states, tmp_path):
  path = tmp_path / 'bad.npz'
  np.savez(path, **spoiled({**states[0], **states[1]}, name, value))
  with pytest.raises(UserError, match=line) as error:
    load_lpips(path)
  assert str(path) in str(error.value)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  ('name', 'content', 'line'),
  [
    ('a.npz', b'PK nothing', 'damaged'),
    ('a.safetensors', b'1234567890', 'damaged'),
    ('a.pth', b'nothing', 'a.pth.* damaged'),
    ('a.pth', torch_zip([1, 2]), 'no state dictionary'),
  ],
)
def test_damaged_files(name, content, line, tmp_path):
  (tmp_path / name).write_bytes(content)
  with pytest.raises(UserError, match=line):
    load_lpips(tmp_path / name)


def test_missing_files(folder):
  with pytest.raises(UserError, match=r'there is no file nowhere\.pth'):
    load_lpips('nowhere.pth')
  with pytest.raises(UserError, match=r'vgg16\.pth does not hold lin0.*named too'):
    load_lpips(folder / 'vgg16.pth')
  with pytest.raises(UserError, match=r'vgg\.pth does not hold features\.0\.weight'):
    load_lpips(folder / 'vgg.pth', folder / 'vgg.pth')


def test_grey_and_alpha(weights):
  """Grey is grey in three channels; alpha is judged over black and over white."""
  distance = lib.Lpips(weights)

  @jax.jit
  def between(a, b):
    return distance.between(distance.features(a), distance.features(b))

  def plain(a, b):
    return np.asarray(jax.jit(lib.lpips)(weights, a, b))

  grey = [pictures(seed, 1) for seed in (0, 1)]
  np.testing.assert_allclose(between(*grey), plain(*(x.repeat(3, 3) for x in grey)), rtol=1e-5)
  rgba = [np.asarray(pictures(seed, 4)) for seed in (0, 1)]

  def over(image, background):
    alpha = (image[..., 3:] + 1) / 2
    return jnp.asarray(alpha * image[..., :3] + (1 - alpha) * background)

  expected = [plain(*(over(image, background) for image in rgba)) for background in (-1, 1)]
  np.testing.assert_allclose(between(*map(jnp.asarray, rgba)), np.mean(expected, 0), rtol=1e-5)


def test_gradient_where_nothing_is_active(weights):
  """Of relus that are all off the norm is 0; its gradient is, too."""
  vgg = {n: (kernel, bias - 1e3 if n == 14 else bias) for n, (kernel, bias) in weights.vgg.items()}
  dead = lib.LpipsWeights(vgg, weights.linear)
  a, b = pictures(0), pictures(1)
  assert not np.asarray(vgg_features(vgg, a)[2]).any()
  value, gradient = jax.jit(jax.value_and_grad(lambda x: lib.lpips(dead, x, b).sum()))(a)
  assert np.isfinite(value)
  assert value > 0
  assert np.isfinite(gradient).all()
  assert np.abs(gradient).max() > 0


@pytest.mark.parametrize('shape', [(1, 15, 16, 3), (1, 16, 16, 1), (16, 16, 3)])
def test_shapes_that_the_network_does_not_take(shape, weights):
  with pytest.raises(ValueError, match='VGG16 takes'):
    vgg_features(weights.vgg, jnp.zeros(shape))
