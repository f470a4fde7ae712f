"""LPIPS: the perceptual distance of two images, from the features of a VGG16.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
(arXiv 1801.03924), version 0.1 of its weights, on VGG16:

  d(a, b) = Σ_l mean over pixels of Σ_c w_lc·(â_lc − b̂_lc)²,   x̂ = x / (‖x‖ over channels + 1e-10)

over l = relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 with one non-negative weight per channel.

The official projector takes the same number as a sum of squared differences of features scaled by
√(w_lc / pixels), of one image at ≤ 256 px ('area' downsampling), and adds no 1e-10 of its own:
equal up to rounding. Images at ≤ 256 px by `shrink` here, too; the metric itself (`lpips`) takes
them as they are.
"""

import jax
import jax.numpy as jnp
from flax import struct

from stylegan2_jax.metrics.features.resizing import shrink
from stylegan2_jax.metrics.features.vgg import MIN_SIDE, Vgg, vgg_features

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of images in [-1, 1]
_EPS = 1e-10


@struct.dataclass
class LpipsWeights:
  """float32: the convolutions of VGG16, and of each of its groups one weight per channel [C]."""

  vgg: Vgg
  linear: tuple[jax.Array, ...]


@struct.dataclass
class Lpips:
  """The distance, in the form that projection takes: of features, one image's many times used.

  Grey images are repeated to three channels. Of images with alpha it is the mean of the distances
  over black and over white, which tells all that can be seen.
  """

  weights: LpipsWeights

  name = 'lpips'
  min_side = MIN_SIDE  # pixels

  def features(self, img: jax.Array) -> list[list[jax.Array]]:
    """Images [N, H, W, C] in [-1, 1], C = 1 to 4 -> of each view the unit features."""
    return [unit_features(self.weights, view) for view in views(shrink(img))]

  def between(self, a: list[list[jax.Array]], b: list[list[jax.Array]]) -> jax.Array:
    """The distances [N] of features."""
    pairs = zip(a, b, strict=True)
    return sum(features_distance(self.weights, p, q) for p, q in pairs) / len(a)


def lpips(weights: LpipsWeights, a: jax.Array, b: jax.Array) -> jax.Array:
  """The distances [N] of images [N, H, W, 3] in [-1, 1], at least 16 pixels on each side."""
  return features_distance(weights, unit_features(weights, a), unit_features(weights, b))


def unit_features(weights: LpipsWeights, img: jax.Array) -> list[jax.Array]:
  """x̂ of the five layers: images [N, H, W, 3] in [-1, 1] -> [N, H', W', C] each."""
  shift, scale = (jnp.asarray(x, jnp.float32)[None, None, None] for x in (_SHIFT, _SCALE))
  outputs = vgg_features(weights.vgg, (img.astype(jnp.float32) - shift) / scale)
  return [x / (_norm(x) + _EPS) for x in outputs]


def features_distance(weights: LpipsWeights, a: list[jax.Array], b: list[jax.Array]) -> jax.Array:
  """The distances [N] of what `unit_features` gives."""
  layers = zip(weights.linear, a, b, strict=True)
  return sum(((p - q) ** 2 * w[None, None, None]).sum(3).mean((1, 2)) for w, p, q in layers)


def views(img: jax.Array) -> list[jax.Array]:
  """What there is to see of images [N, H, W, 1 to 4]: [N, H, W, 3], with alpha two of them."""
  channels = img.shape[3]
  colors = img if channels in (1, 3) else img[..., :-1]
  colors = jnp.broadcast_to(colors, (*img.shape[:3], 3))
  if channels in (1, 3):
    return [colors]
  alpha = (img[..., -1:] + 1) / 2
  return [alpha * colors + (1 - alpha) * background for background in (-1.0, 1.0)]


def _norm(x):
  """‖x‖ over channels [..., 1]; its gradient at 0 is 0, and not the NaN of √."""
  squares = (x**2).sum(3, keepdims=True)
  is_zero = squares == 0
  return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, squares)))
