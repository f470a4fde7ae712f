"""The community PyTorch networks in plain NumPy, slow, straight from the keys of a state dict.

Nothing here is shared with the product. NCHW, float64.
"""

import numpy as np


def generator(state: dict, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """z [N, D] -> (w [N, D], images [N, C, H, W]), with the stored noise maps."""
  state = {name: np.asarray(value, np.float64) for name, value in state.items()}
  w = z / np.sqrt((z**2).mean(axis=1, keepdims=True) + 1e-8)
  index = 1
  while f'style.{index}.weight' in state:
    w = _leaky(_linear(state, f'style.{index}', w, 0.01))
    index += 1
  x = np.repeat(state['input.input'], len(z), axis=0)
  x = _styled(state, 'conv1', x, w, state['noises.noise_0'], up=False)
  img = _to_rgb(state, 'to_rgb1', x, w)
  block = 0
  while f'to_rgbs.{block}.bias' in state:
    for number in (2 * block, 2 * block + 1):
      noise = state[f'noises.noise_{number + 1}']
      x = _styled(state, f'convs.{number}', x, w, noise, up=number % 2 == 0)
    name = f'to_rgbs.{block}'
    img = _up(img, state[f'{name}.upsample.kernel']) + _to_rgb(state, name, x, w)
    block += 1
  return w, img


def discriminator(state: dict, img: np.ndarray) -> np.ndarray:
  """Images [N, C, H, W] -> logits [N, 1]."""
  state = {name: np.asarray(value, np.float64) for name, value in state.items()}
  x = _activated(state, 'convs.0.1', _equal_conv(state, 'convs.0.0', img, pad=0))
  block = 1
  while f'convs.{block}.conv1.0.weight' in state:
    name = f'convs.{block}'
    y = _activated(state, f'{name}.conv1.1', _equal_conv(state, f'{name}.conv1.0', x, pad=1))
    y = _filter(_padded(y, 2, 2), state[f'{name}.conv2.0.kernel'])
    y = _equal_conv(state, f'{name}.conv2.1', y, pad=0, stride=2)
    y = _activated(state, f'{name}.conv2.2', y)
    skip = _filter(_padded(x, 1, 1), state[f'{name}.skip.0.kernel'])
    x = (y + _equal_conv(state, f'{name}.skip.1', skip, pad=0, stride=2)) / np.sqrt(2)
    block += 1
  n = len(x)
  group = min(n, 4)
  groups = x.reshape(group, n // group, *x.shape[1:])
  spread = np.sqrt(groups.var(axis=0) + 1e-8).mean(axis=(1, 2, 3))  # of sample n: n mod (N/G)
  x = np.concatenate([x, np.tile(spread, group)[:, None, None, None] * np.ones((n, 1, 4, 4))], 1)
  x = _activated(state, 'final_conv.1', _equal_conv(state, 'final_conv.0', x, pad=1))
  x = _leaky(_linear(state, 'final_linear.0', x.reshape(n, -1)))
  return _linear(state, 'final_linear.1', x)


def _linear(state, name, x, multiplier=1.0):
  weight = state[f'{name}.weight']
  return x @ (weight.T * multiplier / np.sqrt(weight.shape[1])) + state[f'{name}.bias'] * multiplier


def _leaky(x):
  return np.where(x > 0, x, 0.2 * x) * np.sqrt(2)


def _activated(state, name, x):
  return _leaky(x + state[f'{name}.bias'][:, None, None])


def _modulated(state, name, w):
  """The kernels of each sample [N, out, in, k, k], not demodulated."""
  weight = state[f'{name}.weight']
  style = _linear(state, f'{name}.modulation', w)[:, None, :, None, None]
  return weight * style / np.sqrt(np.prod(weight.shape[2:]))


def _styled(state, name, x, w, noise, up):
  kernels = _modulated(state, f'{name}.conv', w)
  kernels /= np.sqrt((kernels**2).sum(axis=(2, 3, 4), keepdims=True) + 1e-8)
  if up:
    x = np.stack([_transposed(a, k) for a, k in zip(x, kernels, strict=True)])
    x = _filter(_padded(x, 1, 1), state[f'{name}.conv.blur.kernel'])
  else:
    x = np.concatenate([_conv(a[None], k, pad=1) for a, k in zip(x, kernels, strict=True)])
  return _activated(state, f'{name}.activate', x + state[f'{name}.noise.weight'] * noise)


def _to_rgb(state, name, x, w):
  kernels = _modulated(state, f'{name}.conv', w)[..., 0, 0]
  return np.einsum('nihw,noi->nohw', x, kernels) + state[f'{name}.bias']


def _up(img, kernel):
  """Zeros between the pixels, then the filter."""
  n, c, h, w = img.shape
  wide = np.zeros((n, c, 2 * h, 2 * w))
  wide[:, :, ::2, ::2] = img
  return _filter(_padded(wide, 2, 1), kernel)


def _padded(x, before, after):
  return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))


def _filter(x, kernel):
  """Convolution of every channel with one filter, without padding."""
  flipped = kernel[::-1, ::-1]
  height, width = x.shape[2] - 3, x.shape[3] - 3
  return sum(
    flipped[i, j] * x[:, :, i : i + height, j : j + width] for i in range(4) for j in range(4)
  )


def _equal_conv(state, name, x, pad, stride=1):
  weight = state[f'{name}.weight']
  return _conv(x, weight / np.sqrt(np.prod(weight.shape[1:])), pad, stride)


def _conv(x, weight, pad, stride=1):
  """Cross-correlation, as PyTorch's convolution."""
  x = _padded(x, pad, pad)
  k = weight.shape[2]
  height, width = x.shape[2] - k + 1, x.shape[3] - k + 1
  taps = [(i, j) for i in range(k) for j in range(k)]
  y = sum(
    np.einsum('nihw,oi->nohw', x[:, :, i : i + height, j : j + width], weight[:, :, i, j])
    for i, j in taps
  )
  return y[:, :, ::stride, ::stride]


def _transposed(x, weight):
  """Each pixel adds its kernel at twice its place: [in, H, W] -> [out, 2H + 1, 2W + 1]."""
  _, h, w = x.shape
  y = np.zeros((len(weight), 2 * h + 1, 2 * w + 1))
  for i in range(3):
    for j in range(3):
      y[:, i : i + 2 * h : 2, j : j + 2 * w : 2] += np.einsum('ihw,oi->ohw', x, weight[:, :, i, j])
  return y
