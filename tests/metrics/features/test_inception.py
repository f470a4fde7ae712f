"""Inception: its resize, pools and folded normalisation against plain loops, and its outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.metrics.features import inception
from stylegan2_jax.metrics.features.inception_layers import (
  AVERAGE,
  MAX,
  MAX_HALVING,
  conv_shapes,
  multiplications,
)
from stylegan2_jax.metrics.features.resizing import tf1_bilinear
from tests.metrics import recipe


def plain_bilinear(image, size):
  """One image [H, W, C], pixel by pixel."""
  height, width, channels = image.shape
  out = np.zeros((*size, channels))
  for i, j in np.ndindex(*size):
    y, x = i * height / size[0], j * width / size[1]
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, h = y - top, x - left
    upper = (1 - h) * image[top, left] + h * image[top, right]
    lower = (1 - h) * image[bottom, left] + h * image[bottom, right]
    out[i, j] = (1 - v) * upper + v * lower
  return out


@pytest.mark.parametrize(
  ('old', 'new'), [((5, 7), (11, 13)), ((31, 20), (9, 13)), ((1, 4), (3, 4)), ((8, 8), (8, 8))]
)
def test_bilinear(old, new):
  images = np.random.default_rng(0).integers(0, 256, (2, *old, 3), np.uint8)
  found = tf1_bilinear(jnp.asarray(images), new)
  expected = [plain_bilinear(np.float64(image), new) for image in images]
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_bilinear_by_hand():
  """No half-pixel centres: the first pixel stays where it is, the last goes on."""
  row = jnp.asarray([0, 10], jnp.uint8).reshape(1, 1, 2, 1)
  assert np.ravel(tf1_bilinear(row, (1, 4))).tolist() == [0, 5, 10, 10]
  row = jnp.asarray([0, 10, 20, 255], jnp.uint8).reshape(1, 1, 4, 1)
  assert np.ravel(tf1_bilinear(row, (1, 2))).tolist() == [0, 20]


@pytest.mark.parametrize(
  ('kind', 'reduce', 'stride', 'pad'),
  [(AVERAGE, np.mean, 1, 1), (MAX, np.max, 1, 1), (MAX_HALVING, np.max, 2, 0)],
)
def test_pools(kind, reduce, stride, pad):
  """Over those of 3x3 pixels that are in the image: padding counts for nothing."""
  x = np.random.default_rng(0).normal(-3, 1, (2, 7, 9, 2)).astype(np.float32)
  rows, columns = (range(1 - pad, side - 1 + pad, stride) for side in x.shape[1:3])
  expected = np.array(
    [
      [reduce(x[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2], axis=(1, 2)) for j in columns]
      for i in rows
    ]
  )
  found = inception._pool(jnp.asarray(x), kind)
  np.testing.assert_allclose(found, expected.transpose(2, 0, 1, 3), rtol=1e-6)


def test_normalisation_is_folded():
  rng = np.random.default_rng(0)
  kernel = rng.standard_normal((1, 1, 5, 4))
  scale, bias, mean = rng.standard_normal((3, 4))
  var = rng.uniform(1e-4, 2, 4)
  x = rng.standard_normal((10, 5))
  expected = scale * (x @ kernel[0, 0] - mean) / np.sqrt(var + 1e-3) + bias
  folded, shift = inception.fold(kernel, scale, bias, mean, var)
  assert folded.dtype == shift.dtype == np.float32
  np.testing.assert_allclose(x @ folded[0, 0] + shift, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope='module')
def weights():
  state = recipe.inception_state()
  convs = {
    name: (state[f'{name}.conv.weight'].transpose(2, 3, 1, 0), state[f'{name}.bn.bias'])
    for name in conv_shapes()
  }
  return inception.InceptionWeights(convs, (state['fc.weight'].T, state['fc.bias']))


def test_outputs(weights):
  """A row is of its image alone; probabilities are the softmax of what has no bias."""
  images = np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3), np.uint8)
  run = jax.jit(inception.inception_outputs)
  found, swapped = (run(weights, x, np.arange(2)) for x in (images, images[::-1]))
  assert set(found) == {'features', 'probabilities'}
  for name, rows in found.items():
    np.testing.assert_allclose(rows, swapped[name][::-1], rtol=1e-5, atol=1e-7)
    assert np.abs(rows[0] - rows[1]).max() > 1e-4 * np.abs(rows).max()
  logits = np.float64(found['features']) @ np.float64(weights.fc[0])
  expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  np.testing.assert_allclose(found['probabilities'], expected, rtol=1e-5)
  assert (np.asarray(found['features']) >= 0).all()


def test_without_a_last_layer(weights):
  arguments = np.zeros((2, 20, 24, 3), np.uint8), np.arange(2)
  found = jax.eval_shape(inception.inception_outputs, weights.replace(fc=None), *arguments)
  assert list(found) == ['features']


def test_multiplications(weights):
  """XLA counts two operations each, leaves out those with padding, and adds the pools."""
  images = jax.ShapeDtypeStruct((1, 299, 299, 3), np.uint8)
  counted = jax.jit(inception.inception_pools).lower(weights, images).cost_analysis()['flops'] / 2
  assert 0.95 * multiplications() < counted < multiplications()
