"""The operations in their slow plain forms: loops, zeros inserted and multiplied, flips."""

import numpy as np

RESAMPLE = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def upfirdn2d(x, filter_, up=1, down=1, padding=((0, 0), (0, 0)), flip_filter=False, gain=1.0):
  """Zeros inserted, padded or cropped, filtered pixel by pixel, subsampled."""
  filter_ = np.asarray(filter_, np.float64)
  if filter_.ndim == 1:
    filter_ = np.outer(filter_, filter_)
  if not flip_filter:
    filter_ = filter_[::-1, ::-1]
  n, h, w, c = x.shape
  wide = np.zeros((n, h * up, w * up, c))
  wide[:, ::up, ::up] = x
  for axis, (before, after) in zip((1, 2), padding, strict=True):
    pads = [(0, 0)] * 4
    pads[axis] = (max(before, 0), max(after, 0))
    wide = np.pad(wide, pads)
    wide = wide.take(range(max(-before, 0), wide.shape[axis] - max(-after, 0)), axis)
  kh, kw = filter_.shape
  height, width = wide.shape[1] - kh + 1, wide.shape[2] - kw + 1
  y = np.zeros((n, height, width, c))
  for i in range(height):
    for j in range(width):
      y[:, i, j] = np.einsum('nabc,ab->nc', wide[:, i : i + kh, j : j + kw], filter_)
  return gain * y[:, ::down, ::down]


def conv2d(x, weight, stride=1, padding=0):
  """Correlation of [N, H, W, C_in] with [k, k, C_in, C_out], pixel by pixel."""
  k = weight.shape[0]
  x = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
  height, width = (x.shape[1] - k) // stride + 1, (x.shape[2] - k) // stride + 1
  y = np.zeros((len(x), height, width, weight.shape[3]))
  for i in range(height):
    for j in range(width):
      piece = x[:, i * stride : i * stride + k, j * stride : j * stride + k]
      y[:, i, j] = np.einsum('nabc,abcd->nd', piece, weight)
  return y


def transposed_conv2d(x, weight):
  """Every pixel of [N, H, W, C_in] scatters its k·k taps at stride 2."""
  n, h, w, _ = x.shape
  k = weight.shape[0]
  y = np.zeros((n, 2 * h + k - 2, 2 * w + k - 2, weight.shape[3]))
  for i in range(h):
    for j in range(w):
      taps = np.einsum('nc,abcd->nabd', x[:, i, j], weight)
      y[:, 2 * i : 2 * i + k, 2 * j : 2 * j + k] += taps
  return y


def upsample_conv2d(x, weight):
  """Upsampling by the resample filter, then the convolution (its kernel flipped, as scattered)."""
  p = weight.shape[0] // 2
  x = upfirdn2d(x, RESAMPLE, up=2, padding=((p + 2, p + 1),) * 2, gain=4)
  return conv2d(x, weight[::-1, ::-1])


def downsample_conv2d(x, weight):
  """The convolution at full resolution of the filtered image, of which every other pixel stays."""
  p = weight.shape[0] // 2
  x = upfirdn2d(x, RESAMPLE, padding=((p + 1, p + 1),) * 2)
  return conv2d(x, weight)[:, ::2, ::2]


def modulated_conv2d(x, weight, styles, demodulate=True, up=1):
  """One kernel per sample: modulated, normalised, convolved."""
  k, samples = weight.shape[0], []
  for image, style in zip(x, styles, strict=True):
    kernel = weight * style[:, None]
    if demodulate:
      kernel = kernel / np.sqrt(np.square(kernel).sum(axis=(0, 1, 2)) + 1e-8)
    one = image[None]
    samples.append(upsample_conv2d(one, kernel) if up == 2 else conv2d(one, kernel, 1, k // 2))
  return np.concatenate(samples)
