"""3×3 convolution by Winograd's minimal filtering: 16 products for 4 pixels, where there were 36.

Source: Lavin and Gray (arXiv 1509.09308), section 4.1, F(2×2, 3×3). With a tile d of 4×4 pixels,
of which the next one starts 2 pixels further, and a kernel g of 3×3 taps, the 2×2 pixels of the
result are Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. Over all channels the product ⊙ is 16 matrix products C_in ->
C_out. Rounding is that of the plain sum: all constants are 0, ±1 and ½. (Of F(4×4, 3×3), with less
than half the products again, it is seven to ten times as large, which is why it is not used.)
"""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.ops.linear_map import linear_map

_B = np.array([[1, 0, 0, 0], [0, 1, -1, 1], [-1, 1, 1, 0], [0, 0, 0, -1]])
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_A = np.array([[1, 0], [1, 1], [1, -1], [0, -1]])


def winograd_conv2d(x: jax.Array, weight: jax.Array) -> jax.Array:
  """Correlation with one zero added at every side, as `conv2d(x, weight, padding=1)`.

  Args:
    x: [N, H, W, C_in], even H and W.
    weight: [3, 3, C_in, C_out].

  Returns:
    [N, H, W, C_out].
  """
  n, h, w, c_in = x.shape
  c_out = weight.shape[3]
  taps = jnp.asarray(np.kron(_G, _G), weight.dtype) @ weight.reshape(9, -1)
  tiles = linear_map(_Tiles(), _OverlapTiles(), x, (0, 1))  # [16, N, H/2, W/2, C_in]
  products = jax.lax.dot_general(
    tiles.reshape(16, -1, c_in), taps.reshape(16, c_in, c_out), (((2,), (1,)), ((0,), (0,)))
  )
  products = products.reshape(16, n, h // 2, w // 2, c_out)
  return linear_map(_Untile(), _Retile(), products, (1, 0))


@dataclasses.dataclass(frozen=True)
class _Tiles:
  """Bᵀ d B of every tile d: [N, H, W, C] -> [16, N, H/2, W/2, C]."""

  def __call__(self, x: jax.Array) -> jax.Array:
    n, h, w, c = x.shape
    x = _apart(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))))
    rows = [
      jax.lax.slice(x, (0, i, 0, 0), (n, i + h - 1, w + 2, c), (1, 2, 1, 1)) for i in range(4)
    ]
    y = _apart(_combined(_B.T, rows, 0))  # [4, N, H/2, W + 2, C]
    columns = [
      jax.lax.slice(y, (0, 0, 0, i, 0), (4, n, h // 2, i + w - 1, c), (1, 1, 1, 2, 1))
      for i in range(4)
    ]
    y = _combined(_B.T, columns, 1)  # [4, 4, N, H/2, W/2, C]
    return _apart(y.reshape(16, n, h // 2, w // 2, c))


@dataclasses.dataclass(frozen=True)
class _OverlapTiles:
  """Transpose of `_Tiles`: tiles are added up where they overlap."""

  def __call__(self, tiles: jax.Array) -> jax.Array:
    tiles = tiles.reshape(4, 4, *tiles.shape[1:])
    columns = [_combination(row, [tiles[:, j] for j in range(4)]) for row in _B]
    y = _apart(_overlapped(columns, 3))  # [4, N, H/2, W, C]
    rows = [_combination(row, list(y)) for row in _B]
    return _overlapped(rows, 1)  # [N, H, W, C]


@dataclasses.dataclass(frozen=True)
class _Untile:
  """Aᵀ m A of the products m of every tile: [16, N, H/2, W/2, C] -> [N, H, W, C]."""

  def __call__(self, products: jax.Array) -> jax.Array:
    _, n, h, w, c = products.shape
    products = products.reshape(4, 4, n, h, w, c)
    y = _combined(_A.T, [products[:, j] for j in range(4)], 4)  # [4, N, H/2, W/2, 2, C]
    y = _apart(y.reshape(4, n, h, 2 * w, c))
    return _combined(_A.T, list(y), 2).reshape(n, 2 * h, 2 * w, c)


@dataclasses.dataclass(frozen=True)
class _Retile:
  """Transpose of `_Untile`."""

  def __call__(self, y: jax.Array) -> jax.Array:
    n, height, width, c = y.shape
    h, w = height // 2, width // 2
    y = y.reshape(n, h, 2, width, c)
    y = _apart(_combined(_A, [y[:, :, i] for i in range(2)], 0))  # [4, N, H/2, W, C]
    y = y.reshape(4, n, h, w, 2, c)
    y = _combined(_A, [y[:, :, :, :, i] for i in range(2)], 1)  # [4, 4, N, H/2, W/2, C]
    return _apart(y.reshape(16, n, h, w, c))


def _combined(matrix: np.ndarray, arrays: Sequence[jax.Array], axis: int) -> jax.Array:
  """The matrix over a list of arrays of one shape; results are stacked along a new axis."""
  return jnp.stack([_combination(row, arrays) for row in matrix], axis)


def _combination(row: np.ndarray, arrays: Sequence[jax.Array]) -> jax.Array:
  """Sum of the arrays, each 0, 1 or -1 times."""
  terms = [x if sign > 0 else -x for sign, x in zip(row, arrays, strict=True) if sign]
  return functools.reduce(jnp.add, terms)


def _overlapped(parts: Sequence[jax.Array], axis: int) -> jax.Array:
  """The four pixels of each tile along an axis, given apart, summed at stride 2.

  Pixel i of tile t lies at 2t + i − 1; what lies outside is dropped: axis of length T -> 2T.
  """

  def moved(x, by):
    pads = [(0, 0, 0)] * x.ndim
    pads[axis] = (by, -by, 0)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), pads)

  even = parts[1] + moved(parts[3], 1)
  odd = parts[2] + moved(parts[0], -1)
  y = jnp.stack([even, odd], axis + 1)
  return y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2 :])


def _apart(x: jax.Array) -> jax.Array:
  """Written to memory here: fused into what reads it, each value would be computed many times."""
  return jax.lax.optimization_barrier(x)
