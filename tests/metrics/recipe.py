"""Weights of feature networks made by the reference's recipe: useless, but the same everywhere."""

import zlib

import numpy as np

from stylegan2_jax.metrics.vgg import WIDTHS, conv_shapes


def tensor(name: str, shape) -> np.ndarray:
  """A kernel or bias, float32, by its name (metrics.json, `recipe`)."""
  n = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
  if name.endswith('.bias'):
    return (0.1 * n).astype(np.float32)
  return (n * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


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
