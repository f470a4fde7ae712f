"""The wavelet distance and the Haar transform against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.metrics.features.resizing import shrink
from stylegan2_jax.metrics.features.wavelet import Wavelet, haar


def pictures(seed, height=12, width=8, channels=3, count=2):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def distance(a, b):
  wavelet = Wavelet()
  features = (wavelet.features(jnp.asarray(x)) for x in (a, b))
  return np.asarray(wavelet.between(*features))


def plain_distance(a, b):
  """Of two images [H, W, C], pixel by pixel."""
  d, total = np.float64(a) - b, 0.0
  while d.shape[0] % 2 == 0 and d.shape[1] % 2 == 0:
    height, width, channels = d.shape[0] // 2, d.shape[1] // 2, d.shape[2]
    means, details = np.zeros((height, width, channels)), np.zeros(3)
    for y, x, c in np.ndindex(means.shape):
      (p, q), (r, s) = d[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c]
      means[y, x, c] = (p + q + r + s) / 4
      details += np.abs([p - q + r - s, p + q - r - s, p - q - r + s]) / 4
    total += details.sum() / means.size
    d = means
  return total + np.abs(d).mean()


@pytest.mark.parametrize('form', [(8, 8, 3), (12, 8, 1), (6, 20, 4), (5, 5, 3)])
def test_distances(form):
  a, b = pictures(0, *form), pictures(1, *form)
  expected = [plain_distance(*pair) for pair in zip(a, b, strict=True)]
  np.testing.assert_allclose(distance(a, b), expected, rtol=1e-5)


def test_by_hand():
  """Of a step of 1: a mean of 1/2, and one horizontal detail of 1/2."""
  a = np.array([[0, 1], [0, 1]], np.float32)[None, :, :, None]
  assert distance(a, 0 * a) == pytest.approx(0.5 + 0.5)
  assert distance(a + 3, 0 * a) == pytest.approx(3.5 + 0.5)


def test_metric():
  a, b, c = (pictures(seed) for seed in range(3))
  np.testing.assert_array_equal(distance(a, a), 0)
  np.testing.assert_array_equal(distance(a, b), distance(b, a))
  assert (distance(a, c) <= distance(a, b) + distance(b, c)).all()


def test_the_transform_loses_nothing():
  """The image comes back from means and details."""
  image = pictures(0, 8, 4)
  bands = haar(jnp.asarray(image))
  assert len(bands) == 3 * 2 + 1  # 4 can be halved twice
  mean = np.asarray(bands[-1])
  for level in (1, 0):
    horizontal, vertical, diagonal = (np.asarray(b) for b in bands[3 * level : 3 * level + 3])
    rows = []
    for up in (1, -1):
      pair = [mean + left * horizontal + up * vertical + left * up * diagonal for left in (1, -1)]
      rows.append(np.stack(pair, 3).reshape(*mean.shape[:2], -1, 3))
    mean = np.stack(rows, 2).reshape(2, -1, rows[0].shape[2], 3)
  np.testing.assert_allclose(mean, image, atol=1e-6)


@pytest.mark.parametrize(
  ('size', 'expected'), [((512, 512), 256), ((320, 320), 160), ((256, 256), 256), ((64, 64), 64)]
)
def test_shrink(size, expected):
  image = pictures(0, *size, 1, 1)
  found = np.asarray(shrink(jnp.asarray(image)))
  assert found.shape == (1, expected, expected, 1)
  factor = size[0] // expected
  for y, x in ((0, 0), (3, 7), (expected - 1, expected // 2)):
    block = image[0, y * factor : (y + 1) * factor, x * factor : (x + 1) * factor]
    assert found[0, y, x, 0] == pytest.approx(block.mean(), abs=1e-6)


def test_large_images_are_compared_shrunk():
  a, b = pictures(0, 512, 512, 1, 1), pictures(1, 512, 512, 1, 1)
  small = [np.asarray(shrink(jnp.asarray(x))) for x in (a, b)]
  np.testing.assert_array_equal(distance(a, b), distance(*small))


def test_gradient():
  """Of both images' features, as projection takes it: finite, also for equal images."""
  image = jnp.asarray(pictures(0))
  wavelet = Wavelet()

  def loss(x):
    return wavelet.between(wavelet.features(x), wavelet.features(image)).sum()

  assert np.isfinite(jax.grad(loss)(image)).all()
  assert np.abs(jax.grad(loss)(image + 0.1)).max() > 0
