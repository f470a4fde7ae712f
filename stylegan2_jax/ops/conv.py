"""Convolutions at the same, twice and half the resolution.

Source: StyleGAN2 (arXiv 1912.04958), appendix B, and the official implementation's paddings. A 1×1
convolution is a matrix product, the transposed stride-2 convolution one matrix product followed by
a scatter of its k·k taps. On CPUs a 3×3 convolution of many channels is 16 smaller products
(`winograd`), and all others have gradients whose axes are in order (`correlation`).
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp

from stylegan2_jax.ops import backend_forms
from stylegan2_jax.ops.correlation import Steps, correlate
from stylegan2_jax.ops.fir import RESAMPLE_TAPS, upfirdn2d
from stylegan2_jax.ops.linear_map import linear_map
from stylegan2_jax.ops.winograd import winograd_conv2d

# Fewer channels in or out, and what goes in and out of the products costs more than they save.
_WINOGRAD_CHANNELS = 96


def conv2d(x: jax.Array, weight: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
  """Correlation, as deep-learning frameworks convolve.

  Args:
    x: [N, H, W, C_in].
    weight: [k, k, C_in, C_out].
    stride: step in pixels.
    padding: zeros added at every side.

  Returns:
    [N, (H + 2·padding − k) // stride + 1, …, C_out].
  """
  if weight.shape[:2] == (1, 1) and stride == 1 and padding == 0:
    n, h, w, c = x.shape
    return (x.reshape(n * h * w, c) @ weight[0, 0]).reshape(n, h, w, -1)
  if backend_forms.takes_cpu_forms():
    if (weight.shape[:2], stride, padding) == ((3, 3), 1, 1) and _winograd_is_faster(x, weight):
      return winograd_conv2d(x, weight)
    return correlate(x, weight, Steps((stride, stride), ((padding, padding),) * 2))
  return jax.lax.conv_general_dilated(
    x,
    weight,
    (stride, stride),
    [(padding, padding)] * 2,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def _winograd_is_faster(x, weight):
  """Whether a 3×3 convolution of x [N, H, W, C_in] is one for `winograd_conv2d`, as measured."""
  even = x.shape[1] % 2 == 0 and x.shape[2] % 2 == 0
  precise = x.dtype in (jnp.float32, jnp.float64)
  return even and precise and min(weight.shape[2:]) >= _WINOGRAD_CHANNELS


def upsample_conv2d(x: jax.Array, weight: jax.Array) -> jax.Array:
  """Transposed stride-2 convolution, then the resample filter with gain 4.

  Args:
    x: [N, H, W, C_in].
    weight: [k, k, C_in, C_out] with odd k; scattered unflipped: out[2i + a] += x[i]·W[a].

  Returns:
    [N, 2H, 2W, C_out].
  """
  k, pad = weight.shape[0], weight.shape[0] // 2
  if k == 1:  # the product commutes with the filter, and costs a quarter before it
    return upfirdn2d(conv2d(x, weight), RESAMPLE_TAPS, up=2, padding=((2, 1), (2, 1)), gain=4)
  x = transposed_conv2d(x, weight)  # [N, 2H + k − 2, 2W + k − 2, C_out]
  before, after = pad + 2 - (k - 1), pad + 1 - (k - 2)
  return upfirdn2d(x, RESAMPLE_TAPS, padding=((before, after),) * 2, gain=4)


def downsample_conv2d(x: jax.Array, weight: jax.Array) -> jax.Array:
  """The resample filter, then a stride-2 convolution.

  Args:
    x: [N, H, W, C_in].
    weight: [k, k, C_in, C_out] with odd k.

  Returns:
    [N, H/2, W/2, C_out].
  """
  k = weight.shape[0]
  padding = ((k // 2 + 1, k // 2 + 1),) * 2
  if k == 1:  # filter only the pixels that are kept
    return conv2d(upfirdn2d(x, RESAMPLE_TAPS, down=2, padding=padding), weight)
  return conv2d(upfirdn2d(x, RESAMPLE_TAPS, padding=padding), weight, stride=2)


def transposed_conv2d(x: jax.Array, weight: jax.Array) -> jax.Array:
  """Stride-2 transposed convolution: out[2i + a] += x[i]·W[a], no flip, no cropping.

  One matrix product C_in -> k·k·C_out, whose columns are then added up.

  Args:
    x: [N, H, W, C_in].
    weight: [k, k, C_in, C_out], k ≥ 2.

  Returns:
    [N, 2H + k − 2, 2W + k − 2, C_out].
  """
  n, h, w, c = x.shape
  k, _, _, c_out = weight.shape
  taps = x.reshape(n * h * w, c) @ weight.transpose(2, 0, 1, 3).reshape(c, -1)
  return linear_map(_Scatter(k), _Gather(k), taps.reshape(n, h, w, k, k, c_out))


@dataclasses.dataclass(frozen=True)
class _Scatter:
  """Adds up taps [N, H, W, k, k, C] that lie 2 pixels apart: [N, 2H + k − 2, 2W + k − 2, C].

  Phase by phase: output pixels of even and odd index receive the even and odd taps.
  """

  k: int

  def __call__(self, taps: jax.Array) -> jax.Array:
    n, h, w, k, _, c = taps.shape
    reach = (k + 1) // 2  # taps of the larger phase; each phase has h + reach − 1 pixels
    phases = []
    for py, px in itertools.product(range(2), range(2)):
      total = jnp.zeros((), taps.dtype)
      for a, b in itertools.product(range(py, k, 2), range(px, k, 2)):
        i, j = a // 2, b // 2
        pads = [(0, 0, 0), (i, reach - 1 - i, 0), (j, reach - 1 - j, 0), (0, 0, 0)]
        total = total + jax.lax.pad(taps[:, :, :, a, b], jnp.zeros((), taps.dtype), pads)
      phases.append(total)  # [N, h + reach − 1, w + reach − 1, C]
    rows = [jnp.stack(phases[2 * py : 2 * py + 2], axis=3) for py in range(2)]
    y = jnp.stack(rows, axis=2)  # [N, h', 2, w', 2, C]
    y = y.reshape(n, 2 * (h + reach - 1), 2 * (w + reach - 1), c)
    return y[:, : 2 * h + k - 2, : 2 * w + k - 2]


@dataclasses.dataclass(frozen=True)
class _Gather:
  """Transpose of `_Scatter`: every pixel's k·k window at stride 2, in one pass over memory.

  Derived by JAX it would be the sum of k·k arrays, each of them all zeros but for one tap.
  """

  k: int

  def __call__(self, y: jax.Array) -> jax.Array:
    n, height, width, c = y.shape
    h, w = (height - self.k) // 2 + 1, (width - self.k) // 2 + 1
    taps = [
      jax.lax.slice(y, (0, a, b, 0), (n, a + 2 * h - 1, b + 2 * w - 1, c), (1, 2, 2, 1))
      for a, b in itertools.product(range(self.k), range(self.k))
    ]  # [N, H, W, C] each
    return jnp.stack(taps, axis=3).reshape(n, h, w, self.k, self.k, c)
