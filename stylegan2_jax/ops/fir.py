"""FIR resampling: upsample, filter, downsample (`upfirdn2d`) and its shorthands.

Source: StyleGAN2 (arXiv 1912.04958), section 4.2 and appendix B; the resample filter is
outer([1, 3, 3, 1]) / 64 (spec of the official implementation).

Every filter is a sum of shifted slices, which XLA fuses into one pass over memory; a depthwise
convolution computes the same, but far slower on a CPU. The automatic gradient of such a
sum is a sum of padded arrays, which does not fuse, so the transpose is stated explicitly: the
transpose of an upfirdn2d is an upfirdn2d with up and down exchanged and the filter flipped.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.ops.linear_map import linear_map

RESAMPLE_TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)

Padding = tuple[tuple[int, int], tuple[int, int]]  # ((top, bottom), (left, right)); < 0 crops


def upfirdn2d(
  x: jax.Array,
  filter_: Sequence[float] | np.ndarray = RESAMPLE_TAPS,
  up: int = 1,
  down: int = 1,
  padding: Padding = ((0, 0), (0, 0)),
  flip_filter: bool = False,
  gain: float = 1.0,
) -> jax.Array:
  """Upsample by zero insertion, pad or crop, filter, keep every `down`-th pixel.

  Args:
    x: images [N, H, W, C].
    filter_: constant taps, [k] (separable: used on both axes) or [kh, kw].
    up: factor of zero insertion.
    down: factor of subsampling, after the filter.
    padding: ((top, bottom), (left, right)) in upsampled pixels; negative numbers crop.
    flip_filter: False is convolution (the filter is mirrored), True is correlation.
    gain: scale of the result.

  Returns:
    [N, (H·up + top + bottom − kh) // down + 1, …, C] in the dtype of x.
  """
  taps = np.asarray(filter_, np.float64)
  if taps.ndim == 1:  # two passes: the gain belongs to the first
    rows, columns = taps[:, None] * gain, taps[None, :]
    x = _upfirdn(x, rows, (up, 1), (down, 1), (padding[0], (0, 0)), flip_filter)
    return _upfirdn(x, columns, (1, up), (1, down), ((0, 0), padding[1]), flip_filter)
  return _upfirdn(x, taps * gain, (up, up), (down, down), padding, flip_filter)


def upsample2d(x: jax.Array) -> jax.Array:
  """Twice the resolution, as for the RGB skip of G: [N, H, W, C] -> [N, 2H, 2W, C]."""
  return upfirdn2d(x, up=2, padding=((2, 1), (2, 1)), gain=4)


def downsample2d(x: jax.Array) -> jax.Array:
  """Half the resolution, as for the image skip of D: [N, H, W, C] -> [N, H/2, W/2, C]."""
  return upfirdn2d(x, down=2, padding=((1, 1), (1, 1)))


def filter2d(x: jax.Array, filter_: Sequence[float] = RESAMPLE_TAPS) -> jax.Array:
  """Filters at the same resolution: [N, H, W, C] -> [N, H, W, C]."""
  k = len(filter_)
  return upfirdn2d(x, filter_, padding=((k // 2, (k - 1) // 2),) * 2)


def _upfirdn(x, taps, up, down, padding, flip_filter):
  """upfirdn2d with factors for each axis, and its transpose stated."""
  if not flip_filter:
    taps = taps[::-1, ::-1]
  out_size = [
    (n * u + sum(p) - k) // d + 1
    for n, u, d, p, k in zip(x.shape[1:3], up, down, padding, taps.shape, strict=True)
  ]
  back_padding = tuple(
    (k - 1 - p[0], n * u - m * d + p[0] - u + 1)
    for n, m, u, d, p, k in zip(x.shape[1:3], out_size, up, down, padding, taps.shape, strict=True)
  )

  forward = _Correlation(_hashable(taps), up, down, padding)
  transpose = _Correlation(_hashable(taps[::-1, ::-1]), down, up, back_padding)
  return linear_map(forward, transpose, x)


@dataclasses.dataclass(frozen=True)
class _Correlation:
  """A function of x that equals another with the same fields, so that compilations are shared."""

  taps: tuple[tuple[float, ...], ...]
  up: tuple[int, int]
  down: tuple[int, int]
  padding: Padding

  def __call__(self, x: jax.Array) -> jax.Array:
    return _correlate(x, np.asarray(self.taps), self.up, self.down, self.padding)


def _hashable(taps: np.ndarray) -> tuple[tuple[float, ...], ...]:
  return tuple(tuple(row) for row in taps.tolist())


def _correlate(x, taps, up, down, padding):
  """Σ_k taps[k]·x_padded[o·down + k] over both axes; polyphase where up > 1."""
  for axis in (0, 1):
    if up[axis] > 1:
      return _polyphase(x, taps, up, down, padding, axis)
  kh, kw = taps.shape
  x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*p, 0) for p in padding), (0, 0, 0)])
  height, width = (x.shape[1] - kh) // down[0] + 1, (x.shape[2] - kw) // down[1] + 1
  total = jnp.zeros((), x.dtype)
  for i, j in itertools.product(range(kh), range(kw)):
    if taps[i, j] != 0:
      ends = (i + (height - 1) * down[0] + 1, j + (width - 1) * down[1] + 1)
      piece = jax.lax.slice(
        x, (0, i, j, 0), (x.shape[0], *ends, x.shape[3]), (1, down[0], down[1], 1)
      )
      total = total + piece * np.asarray(taps[i, j], x.dtype)
  return jnp.broadcast_to(total, (x.shape[0], height, width, x.shape[3]))


def _polyphase(x, taps, up, down, padding, axis):
  """Output pixels of equal index modulo `up` see the same every up-th taps and no zeros."""
  factor, (before, after) = up[axis], padding[axis]
  size, k = x.shape[1 + axis], taps.shape[axis]
  full = size * factor + before + after - k + 1  # the output's length before subsampling
  count = -(-full // factor)
  phases = []
  for phase in range(factor):
    first = (before - phase) % factor
    sub_taps = np.take(taps, range(first, k, factor), axis)
    if sub_taps.size == 0:  # fewer taps than phases: this one meets only inserted zeros
      sub_taps = np.take(np.zeros_like(taps), [0], axis)
    start = -((phase + first - before) // factor)
    end = count + sub_taps.shape[axis] - 1 - size - start
    sub_up, sub_down, sub_padding = list(up), list(down), list(padding)
    sub_up[axis], sub_down[axis], sub_padding[axis] = 1, 1, (start, end)
    phases.append(_correlate(x, sub_taps, sub_up, sub_down, sub_padding))
  y = jnp.stack(phases, axis=2 + axis)  # [N, H, (up,) W, (up,) C]
  y = y.reshape(*y.shape[: 1 + axis], count * factor, *y.shape[3 + axis :])
  return jax.lax.slice_in_dim(y, 0, full, stride=down[axis], axis=1 + axis)
