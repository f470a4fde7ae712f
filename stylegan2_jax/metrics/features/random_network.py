"""A fixed random convolutional network: features for those who have no weights at hand.

Fréchet and kernel distances of its features are called `frechet*_random` and `kernel*_random`. They
are no FID and no KID, and compare with nothing but values of this same network, whose hash is in
the recipe, at the same size of images and number of samples.

That random filters of several sizes, averaged over the image, tell textures apart is known from
Ustyuzhaninov et al., "What does it take to generate natural textures?" (ICLR 2017). The network:

  fine     the image as it is: 5×5 filters, ReLU, means of 2×2, 3×3 filters, ReLU
  coarse   the image halved by means of 2×2 until its shorter side is below 64 pixels: three times
           3×3 filters, ReLU, with means of 2×2 between them

and of each channel of each of these layers the mean and the standard deviation over the image.
Noise and blur show in the fine part, forms in the coarse one. The filters of a layer are orthogonal
to each other and of length √2, so that a ReLU keeps the power. Half of the first filters of both
parts add up to 0 over each colour; they are amplified, as details of pictures are faint beside
their colours, and have no bias, so that the ReLU answers to the faintest.

The weights are made of raw bits of a counter, which NumPy promises never to change, and rounded to
1/4096, so that the last bit of another machine's arithmetic does not show.
"""

import functools
import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.metrics.features.feature_network import FeatureNetwork

MIN_SIDE = 16  # pixels
_COARSE_SIDE = 64  # the shorter side of what the coarse part sees is below
_SEED = 20200618
_FINE = ((5, 3, 32), (3, 32, 32))  # side of the filter, channels in and out
_COARSE = ((3, 3, 24), (3, 24, 40), (3, 40, 64))
_DETAIL_GAIN = 4.0
_BIAS = 0.5  # biases lie between -0.5 and 0.5
_GRID = 4096

WIDTH = 2 * sum(layer[2] for layer in _FINE + _COARSE)


def random_network() -> FeatureNetwork:
  """The network; 'features' are float32 [N, 384] of images of at least 16x16 pixels."""
  weights = _weights()
  return FeatureNetwork(
    'random',
    _features,
    weights,
    {'network': 'random convolutions, no Inception', 'sha256': weights_hash(weights)},
  )


def weights_hash(weights: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> str:
  """SHA-256 of all weights in their order, as little-endian float32."""
  digest = hashlib.sha256()
  for layer in weights['fine'] + weights['coarse']:
    for array in layer:
      digest.update(np.ascontiguousarray(array, '<f4').tobytes())
  return digest.hexdigest()


def _features(weights, images, numbers):
  del numbers
  if min(images.shape[1:3]) < MIN_SIDE:
    raise ValueError(f'the random network takes at least {MIN_SIDE} pixels, not {images.shape}')
  img = images.astype(jnp.float32) / 127.5 - 1
  fine = _moments(weights['fine'], img)
  while min(img.shape[1:3]) >= _COARSE_SIDE:
    img = _halved(img)
  return {'features': jnp.concatenate(fine + _moments(weights['coarse'], img), axis=1)}


def _moments(layers, x):
  """Means and standard deviations [N, C] of the channels of each layer."""
  found = []
  for index, (kernel, bias) in enumerate(layers):
    x = jax.nn.relu(_conv(_halved(x) if index else x, kernel) + bias[None, None, None])
    mean = x.mean((1, 2))
    # Not E[x²] − E[x]², which loses the digits of flat images.
    variance = jnp.square(x - mean[:, None, None]).mean((1, 2))
    found += [mean, jnp.sqrt(variance)]
  return found


def _halved(x):
  """Means of 2x2 pixels, without the last of an odd side."""
  height, width = (side // 2 * 2 for side in x.shape[1:3])
  x = x[:, :height, :width]
  return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def _conv(x, kernel):
  dimensions = ('NHWC', 'HWIO', 'NHWC')
  highest = jax.lax.Precision.HIGHEST  # else some devices multiply in less than float32
  return jax.lax.conv_general_dilated(
    x, kernel, (1, 1), 'SAME', dimension_numbers=dimensions, precision=highest
  )


@functools.cache
def _weights():
  """{'fine', 'coarse'}: of each layer a kernel [k, k, in, out] and biases [out]."""
  weights, stream = {}, 0
  for part, layers in (('fine', _FINE), ('coarse', _COARSE)):
    weights[part] = []
    for index, (side, inputs, outputs) in enumerate(layers):
      num_details = 0 if index else outputs // 2
      kernel = _kernel(stream, side, inputs, outputs, num_details)
      bias = _BIAS * _uniform(stream + 1, (outputs,))
      bias[outputs - num_details :] = 0
      weights[part].append((kernel, _rounded(bias)))
      stream += 2
  return weights


def _kernel(stream, side, inputs, outputs, num_details):
  """Orthogonal filters; the last `num_details` of them add up to 0 over each input, amplified."""
  rows = _uniform(stream, (outputs, side * side, inputs))
  details = np.arange(outputs) >= outputs - num_details
  rows[details] -= rows[details].mean(1, keepdims=True)
  rows = rows.reshape(outputs, -1)
  rows[~details], rows[details] = _orthogonal(rows[~details]), _orthogonal(rows[details])
  gains = np.where(details, _DETAIL_GAIN, 1) * np.sqrt(2)
  return _rounded(rows * gains[:, None]).reshape(outputs, side, side, inputs).transpose(1, 2, 3, 0)


def _orthogonal(rows):
  """Rows made orthonormal one after the other: Q, with the signs that make it unique."""
  q, r = np.linalg.qr(rows.T)
  return (q * np.sign(np.diag(r))).T


def _uniform(stream, shape):
  """Float64 in [-1, 1) of raw bits."""
  bits = np.random.Philox(key=np.array([_SEED, stream], np.uint64)).random_raw(int(np.prod(shape)))
  return ((bits >> np.uint64(11)) * 2.0**-52 - 1).reshape(shape)


def _rounded(values):
  return (np.round(values * _GRID) / _GRID).astype(np.float32)
