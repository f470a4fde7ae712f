"""VGG16 up to its second hidden layer: the features of precision and recall, density and coverage.

Source: Kynkäänniemi et al., "Improved Precision and Recall Metric" (arXiv 1904.06991), section 2:
the 4096 numbers of a VGG16 (arXiv 1409.1556) after its second fully connected layer and the ReLU.

Implementations differ in the weights (those of the paper's code come from another port than
torchvision's) and in how images get to 224x224 pixels. Here: torchvision's weights; bilinear
interpolation with half-pixel centres that averages where it shrinks (antialiased), without rounding
to whole numbers; then (x/255 − mean)/std with the mean and standard deviation of each colour that
torchvision trained with. So numbers compare with those of the same recipe.

Checked by hand with PyTorch 1.13 and torchvision 0.14, on random weights: from pixels to features,
by interpolate(antialias=True), the largest difference was 4e-6 of the largest feature.
"""

import jax
import jax.numpy as jnp
from flax import struct

from stylegan2_jax.metrics.features.vgg import Vgg, vgg_features

SIDE = 224  # pixels
HIDDEN = 4096
LAST_SIDE = 7  # pixels, after five poolings
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HIGHEST = jax.lax.Precision.HIGHEST  # else some devices multiply in less than float32


@struct.dataclass
class VggClassifier:
  """float32: the convolutions, and kernels and biases of two hidden layers.

  The kernels are [7·7·512, 4096], rows in the order of [H, W, C], and [4096, 4096].
  """

  vgg: Vgg
  hidden: tuple[tuple[jax.Array, jax.Array], ...]


def classifier_outputs(
  weights: VggClassifier, images: jax.Array, numbers: jax.Array
) -> dict[str, jax.Array]:
  """As a feature network: of uint8 [N, H, W, 3] of any size the 'features' [N, 4096]."""
  del numbers
  return {'features': hidden_features(weights, normalised(images))}


def normalised(images: jax.Array) -> jax.Array:
  """Images as the network was trained on: uint8 [N, H, W, 3] -> float32 [N, 224, 224, 3]."""
  shape = (images.shape[0], SIDE, SIDE, 3)
  x = jax.image.resize(images.astype(jnp.float32), shape, 'bilinear', precision=_HIGHEST)
  mean, std = (jnp.asarray(v, jnp.float32)[None, None, None] for v in (_MEAN, _STD))
  return (x / 255 - mean) / std


def hidden_features(weights: VggClassifier, img: jax.Array) -> jax.Array:
  """The second hidden layer: normalised images [N, 224, 224, 3] -> [N, 4096]."""
  x = vgg_features(weights.vgg, img)[-1]  # [N, 14, 14, 512]
  window = (1, 2, 2, 1)
  x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, 'VALID')
  x = x.reshape(x.shape[0], -1)
  for kernel, bias in weights.hidden:
    x = jax.nn.relu(jnp.matmul(x, kernel, precision=_HIGHEST) + bias[None])
  return x
