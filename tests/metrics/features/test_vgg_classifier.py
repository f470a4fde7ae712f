"""VGG16 of precision and recall: its input, the order of its hidden layers' weights, and files."""

import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import vgg_classifier, vgg_files
from stylegan2_jax.metrics.features.vgg_classifier import VggClassifier
from tests.metrics import recipe

WIDTH = 8  # of the hidden layers here, instead of 4096


@pytest.fixture(scope='module')
def state():
  layers = {'classifier.0': 512 * 7 * 7, 'classifier.3': WIDTH}
  found = {f'{n}.weight': recipe.tensor(f'{n}.weight', (WIDTH, x)) for n, x in layers.items()}
  found |= {f'{name}.bias': recipe.tensor(f'{name}.bias', (WIDTH,)) for name in layers}
  return recipe.vgg_state() | found


@pytest.fixture
def narrow(monkeypatch):
  """Layers of 4096 would be 400 MB."""
  monkeypatch.setattr(vgg_files, 'HIDDEN', WIDTH)


def load(arrays, monkeypatch):
  monkeypatch.setattr(vgg_files, 'read_arrays', lambda path: dict(arrays))
  return vgg_files.load_classifier('vgg16.pth')


def plain_resize(old, new):
  """The matrix [new, old] of an antialiased bilinear resize."""
  scale = old / new
  matrix = np.zeros((new, old))
  for i, j in np.ndindex(new, old):
    distance = abs((j + 0.5) - (i + 0.5) * scale) / max(scale, 1)
    matrix[i, j] = max(0, 1 - distance)
  return matrix / matrix.sum(1, keepdims=True)


@pytest.mark.parametrize('size', [(300, 100), (224, 448)])
def test_input(size):
  images = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
  rows, columns = (plain_resize(side, 224) for side in size)
  expected = np.einsum('ih,jw,nhwc->nijc', rows, columns, images / 255, optimize=True)
  expected = (expected - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
  np.testing.assert_allclose(vgg_classifier.normalised(jnp.asarray(images)), expected, atol=1e-4)


def test_hidden_layers(state, narrow, monkeypatch):
  """Of the last convolutions' output as PyTorch has it: [C, H, W], flattened in that order."""
  weights = load(state, monkeypatch)
  x = np.random.default_rng(0).standard_normal((2, 14, 14, 512)).astype(np.float32)
  monkeypatch.setattr(vgg_classifier, 'vgg_features', lambda vgg, img: [None, jnp.asarray(x)])
  found = vgg_classifier.hidden_features(weights, None)
  pooled = np.float64(x).reshape(2, 7, 2, 7, 2, 512).max((2, 4))
  y = pooled.transpose(0, 3, 1, 2).reshape(2, -1)
  for name in ('classifier.0', 'classifier.3'):
    y = np.maximum(y @ state[f'{name}.weight'].T + state[f'{name}.bias'], 0)
  assert (y > 0).any()
  np.testing.assert_allclose(found, y, rtol=1e-4, atol=1e-5)


def test_outputs(state, narrow, monkeypatch):
  """From pixels to features, each of its image, with convolutions that cost nothing."""
  weights = load(state, monkeypatch)
  seen = []

  def convolutions(vgg, img):
    seen.append(img)
    return [img[:, ::16, ::16, :1] * jnp.ones((1, 1, 1, 512))]

  monkeypatch.setattr(vgg_classifier, 'vgg_features', convolutions)
  images = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)
  one, other = (
    vgg_classifier.classifier_outputs(weights, jnp.asarray(x), None)['features']
    for x in (images, images[::-1])
  )
  assert seen[0].shape == (2, 224, 224, 3)
  np.testing.assert_allclose(one, other[::-1], rtol=1e-5, atol=1e-6)
  assert np.abs(one[0] - one[1]).max() > 1e-3


def test_files(state, narrow, tmp_path):
  np.savez(tmp_path / 'vgg16.npz', **state)
  found = vgg_files.load_classifier(tmp_path / 'vgg16.npz')
  (tmp_path / 'vgg16.npz').unlink()  # large
  assert isinstance(found, VggClassifier)
  kernel = state['features.17.weight'].transpose(2, 3, 1, 0)
  np.testing.assert_array_equal(found.vgg[17][0], kernel)
  np.testing.assert_array_equal(found.hidden[1][0], state['classifier.3.weight'].T)
  np.testing.assert_array_equal(found.hidden[0][1], state['classifier.0.bias'])
  # Pixel (2, 5) of channel 100.
  row = found.hidden[0][0][(2 * 7 + 5) * 512 + 100]
  np.testing.assert_array_equal(row, state['classifier.0.weight'][:, 100 * 49 + 2 * 7 + 5])


@pytest.mark.parametrize(
  ('name', 'value', 'line'),
  [
    ('classifier.3.bias', None, 'does not hold classifier.3.bias: give the VGG16 state dictionary'),
    ('classifier.0.weight', np.zeros((WIDTH, 512), np.float32), r'not float \[8, 25088\]'),
    ('features.28.weight', None, 'does not hold features.28.weight'),
  ],
)
def test_wrong_weights(name, value, line, state, narrow, monkeypatch):
  arrays = {n: x for n, x in {**state, name: value}.items() if x is not None}
  with pytest.raises(UserError, match=line):
    load(arrays, monkeypatch)
