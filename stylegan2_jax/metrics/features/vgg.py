"""VGG16's five groups of convolutions (arXiv 1409.1556, configuration D), as a feature network."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

# Numbers of the convolutions among the layers of the usual PyTorch form: after each a ReLU, and
# between the groups a 2x2 max pooling. The outputs of the groups are relu1_2, ..., relu5_3.
GROUPS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
WIDTHS = (64, 128, 256, 512, 512)  # channels of each group
MIN_SIDE = 16  # pixels: less and nothing is left after four poolings

Vgg = Mapping[int, tuple[jax.Array, jax.Array]]  # number -> (kernel [3, 3, in, out], bias [out])


def conv_shapes() -> dict[int, tuple[int, int, int, int]]:
  """The kernel's shape [3, 3, in, out] of each convolution, by its number."""
  shapes, channels = {}, 3
  for group, width in zip(GROUPS, WIDTHS, strict=True):
    for number in group:
      shapes[number] = (3, 3, channels, width)
      channels = width
  return shapes


def vgg_features(weights: Vgg, img: jax.Array) -> list[jax.Array]:
  """The outputs of the groups: of images [N, H, W, 3] five [N, H/2^k, W/2^k, C], floored.

  Args:
    weights: of the convolutions.
    img: normalised as the weights were trained, at least `MIN_SIDE` pixels on each side.

  Raises:
    ValueError: another shape.
  """
  if img.ndim != 4 or img.shape[3] != 3 or min(img.shape[1:3]) < MIN_SIDE:
    raise ValueError(f'VGG16 takes [N, H, W, 3] of at least {MIN_SIDE} pixels, not {img.shape}')
  x, outputs = img, []
  for group in GROUPS:
    if outputs:
      window = (1, 2, 2, 1)
      x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, 'VALID')
    for number in group:
      x = jax.nn.relu(_conv(x, *weights[number]))
    outputs.append(x)
  return outputs


def _conv(x, kernel, bias):
  y = jax.lax.conv_general_dilated(
    x,
    kernel,
    (1, 1),
    ((1, 1), (1, 1)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    precision=jax.lax.Precision.HIGHEST,  # else some devices multiply in less than float32
  )
  return y + bias[None, None, None]
