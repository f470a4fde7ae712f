"""The colour transforms of ADA: one affine map of each pixel's colour.

Source: ADA (arXiv 2006.06676), appendix B.3.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.augment.draws import Draws

# The grey axis, in homogeneous colour (red, green, blue, 1).
_GREY = np.array([1, 1, 1, 0]) / np.sqrt(3)
_ALONG = np.outer(_GREY, _GREY)  # projects onto it
_COLOR, _ONE = np.diag([1, 1, 1, 0]), np.diag([0, 0, 0, 1])
_ACROSS = _COLOR - _ALONG  # projects onto the plane across it
_TURN = np.zeros((4, 4))  # v -> axis × v
_TURN[:3, :3] = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)


def transform(img: jax.Array, draws: Draws) -> jax.Array:
  """Applies the colour transforms in `draws`: [N, H, W, C] -> [N, H, W, C].

  Of grey images (C of 1 or 2) each becomes what grey pixels become on average over red, green and
  blue; their hue and saturation stay. Alpha (the last of 2 or 4 channels) is no colour and stays.
  """
  grey = img.shape[3] < 3
  matrix = color_matrix(draws, grey)
  if matrix is None:
    return img
  matrix = matrix.astype(img.dtype)
  colors = 1 if grey else 3
  linear, offset = matrix[:, :3, :3], matrix[:, :3, 3]
  if grey:
    linear = linear.sum(axis=2, keepdims=True).mean(axis=1, keepdims=True)  # [N, 1, 1]
    offset = offset.mean(axis=1, keepdims=True)  # [N, 1]
  color = jnp.einsum('nhwj,nij->nhwi', img[..., :colors], linear, precision='highest')
  color = color + offset[:, None, None, :]  # [N, H, W, 1 or 3]
  return jnp.concatenate([color, img[..., colors:]], axis=3)


def color_matrix(draws: Draws, grey: bool = False) -> jax.Array | None:
  """The affine map of colours (red, green, blue, 1): [N, 4, 4]; None if none is in the pipeline.

  Args:
    draws: of the images.
    grey: leave hue and saturation out.
  """
  eye, steps = np.eye(4), []
  if draws.brightness is not None:
    shift = np.zeros((4, 4))
    shift[:3, 3] = 1
    steps.append(_mix((1.0, eye), (draws.brightness, shift)))
  if draws.contrast is not None:
    steps.append(_mix((draws.contrast, _COLOR), (1.0, _ONE)))
  if draws.lumaflip is not None:
    steps.append(_mix((1.0, eye), (-2 * draws.lumaflip, _ALONG)))
  if draws.hue is not None and not grey:
    # Rodrigues' formula: along + cos·across + sin·(axis ×).
    steps.append(
      _mix((1.0, _ALONG + _ONE), (jnp.cos(draws.hue), _ACROSS), (jnp.sin(draws.hue), _TURN))
    )
  if draws.saturation is not None and not grey:
    steps.append(_mix((1.0, _ALONG + _ONE), (draws.saturation, _ACROSS)))
  if not steps:
    return None
  matrix = jnp.broadcast_to(steps[0], (max(len(step) for step in steps), 4, 4))
  for step in steps[1:]:
    matrix = jnp.einsum('nij,njk->nik', step, matrix, precision='highest')
  return matrix


def _mix(*terms):
  """Σ factor·matrix over (factor [N] or number, constant matrix [4, 4]): [N, 4, 4]."""
  dtype, total = jnp.result_type(*(factor for factor, _ in terms)), 0.0
  for factor, matrix in terms:
    total = total + jnp.atleast_1d(factor)[:, None, None] * jnp.asarray(matrix[None], dtype)
  return total
