"""Weights of feature networks made by the reference's recipe: useless, but the same everywhere."""

import zlib

import numpy as np

from stylegan2_jax.metrics.features import inception_layers
from stylegan2_jax.metrics.features.vgg import WIDTHS, conv_shapes


def tensor(name: str, shape) -> np.ndarray:
  """Any tensor, float32, by its name (metrics.json, `recipe`)."""
  n = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
  if name.endswith('.running_var'):
    n = 1 + 0.1 * np.abs(n)
  elif name.endswith(('.running_mean', '.bias')):
    n = 0.1 * n
  elif len(shape) == 1:
    n = 1 + 0.1 * n
  else:
    n = n * np.sqrt(2 / np.prod(shape[1:]))
  return n.astype(np.float32)


def vgg_state() -> dict[str, np.ndarray]:
  """VGG16's convolutions as torchvision names and lays them out (OIHW)."""
  state = {}
  for number, (height, width, inputs, outputs) in conv_shapes().items():
    name = f'features.{number}'
    state[f'{name}.weight'] = tensor(f'{name}.weight', (outputs, inputs, height, width))
    state[f'{name}.bias'] = tensor(f'{name}.bias', (outputs,))
  return state


def linear_state() -> dict[str, np.ndarray]:
  """LPIPS's linear weights as its file vgg.pth has them."""
  names = {f'lin{layer}.model.1.weight': width for layer, width in enumerate(WIDTHS)}
  return {n: np.abs(tensor(f'lpips.{n}', (1, width, 1, 1))) for n, width in names.items()}


def inception_state() -> dict[str, np.ndarray]:
  """Inception's tensors as the PyTorch ports name and lay them out (OIHW)."""
  shapes: dict[str, tuple[int, ...]] = {}
  for name, (height, width, inputs, outputs) in inception_layers.conv_shapes().items():
    shapes[f'{name}.conv.weight'] = (outputs, inputs, height, width)
    for part in ('weight', 'bias', 'running_mean', 'running_var'):
      shapes[f'{name}.bn.{part}'] = (outputs,)
  shapes['fc.weight'], shapes['fc.bias'] = (1008, 2048), (1008,)
  return {name: tensor(name, shape) for name, shape in shapes.items()}
