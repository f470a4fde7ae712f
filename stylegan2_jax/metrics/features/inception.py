"""The Inception-v3 of 2015-12-05: the network whose features FID, KID and inception score compare.

Source: Szegedy et al., "Rethinking the Inception Architecture" (arXiv 1512.00567), as trained and
published with TensorFlow, which Heusel et al. (arXiv 1706.08500) chose for FID. It is not the
Inception-v3 of torchvision, and differs from it in weights and in

- 1008 classes instead of 1000;
- average pools that leave padding out of the mean;
- a max pool instead of an average pool in the last block, Mixed_7c;
- input x of 0 to 255, brought to 299x299 pixels by `tf1_bilinear`, then (x − 128)/128.

Implementations differ in this input: pytorch-fid resizes with half-pixel centres and takes
x/127.5 − 1, so its numbers are not quite those of the official code, which torch-fidelity's are.

The batch normalisation y = γ·(x − μ)/√(σ² + 1e-3) + β behind every convolution is folded into its
weights (`fold`): what is kept is one kernel and one bias for each. Inception score takes the last
layer without its bias, as the code of Salimans et al. (arXiv 1606.03498) does.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from stylegan2_jax.metrics.features.inception_layers import (
  MAX,
  MAX_HALVING,
  PARTS,
  SIDE,
  WIDTH,
  Conv,
  Fork,
)
from stylegan2_jax.metrics.features.resizing import tf1_bilinear

_EPS = 1e-3  # of batch normalisation


@struct.dataclass
class InceptionWeights:
  """float32: kernels [h, w, in, out] and biases [out] by name, and the last layer if there is one.

  The last layer is a kernel [2048, 1008] and a bias [1008].
  """

  convs: Mapping[str, tuple[jax.Array, jax.Array]]
  fc: tuple[jax.Array, jax.Array] | None


def inception_outputs(
  weights: InceptionWeights, images: jax.Array, numbers: jax.Array
) -> dict[str, jax.Array]:
  """As a feature network: of uint8 [N, H, W, 3] the features and the probabilities of classes.

  Returns:
    'features' [N, 2048]; where there is a last layer 'probabilities' [N, 1008], without its bias.
  """
  del numbers
  features = inception_pools(weights, images)[WIDTH]
  if weights.fc is None:
    return {'features': features}
  return {'features': features, 'probabilities': jax.nn.softmax(unbiased_logits(weights, features))}


def inception_pools(weights: InceptionWeights, images: jax.Array) -> dict[int, jax.Array]:
  """Means over pixels after four parts of the network, by their width.

  Args:
    weights: of the network.
    images: uint8 [N, H, W, 3] of any size.

  Returns:
    [N, 64], [N, 192] and [N, 768] (after the first and second max pool and Mixed_6e), [N, 2048].
  """
  x, pools = (tf1_bilinear(images, (SIDE, SIDE)) - 128) / 128, {}
  for steps in PARTS:
    x = _run(steps, weights.convs, x)
    pools[x.shape[3]] = x.mean((1, 2))
  return pools


def unbiased_logits(weights: InceptionWeights, features: jax.Array) -> jax.Array:
  """[N, 2048] -> [N, 1008]: the last layer without its bias."""
  return jnp.matmul(features, weights.fc[0], precision=jax.lax.Precision.HIGHEST)


def fold(kernel: np.ndarray, scale, bias, mean, var) -> tuple[np.ndarray, np.ndarray]:
  """A convolution and its batch normalisation as one: float32 kernel [.., in, out], bias [out]."""
  factor = np.float64(scale) / np.sqrt(np.float64(var) + _EPS)
  return np.ascontiguousarray(kernel * factor, np.float32), np.float32(bias - mean * factor)


def _run(steps, convs, x):
  for step in steps:
    if isinstance(step, Conv):
      x = jax.nn.relu(_conv(x, *convs[step.name], step))
    elif isinstance(step, Fork):
      x = jnp.concatenate([_run(branch, convs, x) for branch in step.branches], axis=3)
    else:
      x = _pool(x, step)
  return x


def _conv(x, kernel, bias, conv):
  y = jax.lax.conv_general_dilated(
    x,
    kernel,
    (conv.stride, conv.stride),
    conv.padding,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    precision=jax.lax.Precision.HIGHEST,  # else some devices multiply in less than float32
  )
  return y + bias[None, None, None]


def _pool(x, kind):
  window = (1, 3, 3, 1)
  if kind == MAX_HALVING:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, (1, 2, 2, 1), 'VALID')
  if kind == MAX:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, (1, 1, 1, 1), 'SAME')
  sums = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, (1, 1, 1, 1), 'SAME')
  rows, columns = (np.convolve(np.ones(side), np.ones(3), 'same') for side in x.shape[1:3])
  return sums / jnp.asarray(np.outer(rows, columns)[None, :, :, None], x.dtype)
