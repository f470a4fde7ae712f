"""Other ways to compute what stylegan2_jax/ops computes: to see which is fast on a backend."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from stylegan2_jax.ops.conv import conv2d, downsample_conv2d, upsample_conv2d
from stylegan2_jax.ops.fir import RESAMPLE_TAPS, filter2d, upfirdn2d
from stylegan2_jax.ops.modulated_conv import demodulation, modulated_conv2d
from stylegan2_jax.ops.winograd import winograd_conv2d

_NHWC = ('NHWC', 'HWIO', 'NHWC')
_TAPS = np.asarray(RESAMPLE_TAPS)


def conv_nhwc(x, weight):
  """3×3, stride 1, by the backend's own convolution."""
  return jax.lax.conv_general_dilated(x, weight, (1, 1), 'SAME', dimension_numbers=_NHWC)


def conv_nchw(x, weight):
  """3×3, stride 1, in the other layout, with both transpositions."""
  y = jax.lax.conv_general_dilated(
    x.transpose(0, 3, 1, 2),
    weight.transpose(3, 2, 0, 1),
    (1, 1),
    'SAME',
    dimension_numbers=('NCHW', 'OIHW', 'NCHW'),
  )
  return y.transpose(0, 2, 3, 1)


def conv_im2col(x, weight, stride=1, padding=1):
  """One product of all windows [N·H·W, k·k·C_in] with the kernel."""
  k, _, c_in, c_out = weight.shape
  columns = jnp.concatenate(list(_windows(x, k, stride, padding)), axis=3)
  y = columns.reshape(-1, k * k * c_in) @ weight.reshape(-1, c_out)
  return y.reshape(*columns.shape[:3], c_out)


def conv_shifted(x, weight):
  """Nine products of the shifted image, added up."""
  k, _, c_in, c_out = weight.shape
  total = 0
  for piece, tap in zip(_windows(x, k, 1, 1), weight.reshape(k * k, c_in, c_out), strict=True):
    total += piece.reshape(-1, c_in) @ tap
  return total.reshape(*x.shape[:3], c_out)


def upsample_dilated(x, weight):
  """The transposed convolution as a convolution over zeros between the pixels; FIR after it."""
  y = jax.lax.conv_general_dilated(
    x, weight[::-1, ::-1], (1, 1), [(2, 2)] * 2, (2, 2), dimension_numbers=_NHWC
  )
  return upfirdn2d(y, RESAMPLE_TAPS, padding=((1, 1), (1, 1)), gain=4)


def upsample_phases(x, weight):
  """The same as one small convolution for each phase of the output's pixels."""
  n, h, w, _ = x.shape
  rows = []
  for py in range(2):
    row = []
    for px in range(2):
      taps = weight[py::2, px::2][::-1, ::-1]
      pads = [(k - 1, 1) for k in taps.shape[:2]]  # every phase has h + 1 by w + 1 pixels
      row.append(jax.lax.conv_general_dilated(x, taps, (1, 1), pads, dimension_numbers=_NHWC))
    rows.append(jnp.stack(row, axis=3))  # [N, h + 1, w + 1, 2, C]
  y = jnp.stack(rows, axis=2).reshape(n, 2 * h + 2, 2 * w + 2, -1)[:, : 2 * h + 1, : 2 * w + 1]
  return upfirdn2d(y, RESAMPLE_TAPS, padding=((1, 1), (1, 1)), gain=4)


def upsample_fir_first(x, weight):
  """FIR first, with a pixel more at every side, then an ordinary 3×3 at twice the resolution."""
  x = upfirdn2d(x, RESAMPLE_TAPS, up=2, padding=((3, 2), (3, 2)), gain=4)
  return conv2d(x, weight[::-1, ::-1])


def upsample_merged(x, weight):
  """FIR merged into the kernel: 6×6 taps over zeros between the pixels."""
  taps = np.zeros((6, 6, 3, 3))
  for (i, a), (j, b) in itertools.product(itertools.product(range(4), range(3)), repeat=2):
    taps[i + a, j + b, a, b] = 4 * _TAPS[i] * _TAPS[j]
  merged = jnp.einsum('ijab,abco->ijco', jnp.asarray(taps, weight.dtype), weight)
  return jax.lax.conv_general_dilated(
    x, merged[::-1, ::-1], (1, 1), [(3, 3)] * 2, (2, 2), dimension_numbers=_NHWC
  )


def downsample_im2col(x, weight):
  """FIR, then all windows at stride 2."""
  x = upfirdn2d(x, RESAMPLE_TAPS, padding=((2, 2), (2, 2)))
  return conv_im2col(x, weight, 2, 0)


def downsample_to_depth(x, weight):
  """FIR, then 2×2 pixels as channels and a 2×2 convolution of them."""
  x = upfirdn2d(x, RESAMPLE_TAPS, padding=((2, 3), (2, 3)))
  n, h, w, c = x.shape
  x = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
  kernel = jnp.pad(weight, ((0, 1), (0, 1), (0, 0), (0, 0))).reshape(2, 2, 2, 2, c, -1)
  kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 4 * c, -1)
  return jax.lax.conv_general_dilated(
    x.reshape(n, h // 2, w // 2, 4 * c), kernel, (1, 1), 'VALID', dimension_numbers=_NHWC
  )


def fir_derived(x):
  """Separable shifted sums whose gradient JAX derives."""
  for axis in (1, 2):
    pads = [(0, 0)] * 4
    pads[axis] = (2, 1)
    padded, n = jnp.pad(x, pads), x.shape[axis]
    x = sum(t * jax.lax.slice_in_dim(padded, i, i + n, axis=axis) for i, t in enumerate(_TAPS))
  return x


def fir_square(x):
  """All 16 taps at once."""
  return upfirdn2d(x, np.outer(_TAPS, _TAPS), padding=((2, 1), (2, 1)))


def fir_depthwise(x):
  """A convolution with a group for each channel."""
  c = x.shape[3]
  kernel = jnp.asarray(np.tile(np.outer(_TAPS, _TAPS)[:, :, None, None], (1, 1, 1, c)), x.dtype)
  return jax.lax.conv_general_dilated(
    x, kernel, (1, 1), [(2, 1)] * 2, dimension_numbers=_NHWC, feature_group_count=c
  )


def modulated_grouped(x, weight, styles):
  """A kernel for each sample, as the paper writes it, in one convolution with N groups."""
  n, h, w, c = x.shape
  kernels = weight[None] * styles[:, None, None, :, None]  # [N, 3, 3, C_in, C_out]
  kernels = kernels * demodulation(weight, styles)[:, None, None, None, :]
  kernels = kernels.transpose(1, 2, 3, 0, 4).reshape(3, 3, c, -1)
  y = jax.lax.conv_general_dilated(
    x.transpose(1, 2, 0, 3).reshape(1, h, w, n * c),
    kernels,
    (1, 1),
    'SAME',
    dimension_numbers=_NHWC,
    feature_group_count=n,
  )
  return y.reshape(h, w, n, -1).transpose(2, 0, 1, 3)


def _windows(x, k, stride, padding):
  """The k·k shifted views of x that a kernel's taps see."""
  x = jnp.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
  h, w = ((side - k) // stride + 1 for side in x.shape[1:3])
  for a, b in itertools.product(range(k), range(k)):
    end = (x.shape[0], a + (h - 1) * stride + 1, b + (w - 1) * stride + 1, x.shape[3])
    yield jax.lax.slice(x, (0, a, b, 0), end, (1, stride, stride, 1))


# The first form of each group is the one that the networks use.
GROUPS = {
  'conv': {
    'chosen by shape': functools.partial(conv2d, padding=1),
    'native, NHWC': conv_nhwc,
    'Winograd, 2×2 of 3×3': winograd_conv2d,
    'native, NCHW': conv_nchw,
    'im2col': conv_im2col,
    'nine products': conv_shifted,
  },
  'up': {
    'product, scatter, FIR': upsample_conv2d,
    'dilated, FIR': upsample_dilated,
    'four phases, FIR': upsample_phases,
    'FIR first, then 3×3': upsample_fir_first,
    'FIR merged into 6×6': upsample_merged,
  },
  'down': {
    'FIR, native stride 2': downsample_conv2d,
    'FIR, im2col': downsample_im2col,
    'FIR, space to depth': downsample_to_depth,
  },
  'fir': {
    'shifted sums, transpose stated': filter2d,
    'shifted sums, derived': fir_derived,
    '16 taps': fir_square,
    'depthwise': fir_depthwise,
  },
  'modulated': {
    'activations scaled': modulated_conv2d,
    'a kernel per sample': modulated_grouped,
  },
}
