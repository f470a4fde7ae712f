"""Weights of LPIPS out of the files that people have: nothing is downloaded.

- VGG16: the state dictionary that torchvision publishes (`features.N.weight`, `features.N.bias`;
  the classifier beside them is left alone);
- the linear weights: `vgg.pth` of LPIPS 0.1 (`lin0.model.1.weight` to `lin4.model.1.weight`, each
  [1, C, 1, 1]);
- or one file with both, under these names or those of the whole LPIPS model (`net.slice1.0.weight`,
  `lin0.model.1.weight`), with any prefix that ends in a dot.

A file is PyTorch's (read without it, and without running what it may contain), a .npz or a
.safetensors.
"""

import pathlib
import re
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import torch_file
from stylegan2_jax.metrics.lpips import LpipsWeights
from stylegan2_jax.metrics.vgg import WIDTHS, conv_shapes
from stylegan2_jax.words import reason

_CONV = re.compile(r'(?:^|\.)(?:features|slice[1-5])\.(\d{1,2})\.(weight|bias)$', re.ASCII)
_LINEAR = re.compile(r'(?:^|\.)lin([0-4])\.model\.1\.weight$', re.ASCII)


def load_lpips(vgg: str | pathlib.Path, linear: str | pathlib.Path | None = None) -> LpipsWeights:
  """The weights of LPIPS on VGG16.

  Args:
    vgg: file with the convolutions, and with the linear weights if there is no other.
    linear: file with the linear weights.

  Raises:
    UserError: a file cannot be read, or something is missing in it or has another shape.
  """
  arrays = read_arrays(vgg)
  others = arrays if linear is None else read_arrays(linear)
  return LpipsWeights(_vgg(arrays, vgg), _linear(others, linear or vgg, linear is None))


def read_arrays(path: str | pathlib.Path) -> dict[str, np.ndarray]:
  """All arrays of a .npz, a .safetensors or a PyTorch file, by name.

  Raises:
    UserError: it cannot be read, or is none of these.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no file {path}: name the weights that you have downloaded')
  suffix = path.suffix.lower()
  try:
    if suffix == '.npz':
      with np.load(path, allow_pickle=False) as file:
        return dict(file)
    if suffix == '.safetensors':
      return safetensors.numpy.load_file(path)
  except Exception as error:  # zip, NumPy and safetensors each have their own
    raise UserError(f'{path} is damaged ({reason(error)}): download it again') from None
  return _of_torch(path)


def _of_torch(path):
  found = torch_file.read_torch(path)
  if not isinstance(found, Mapping):
    raise UserError(f'{path} is no state dictionary: save the model by torch.save(m.state_dict())')
  return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


def _vgg(arrays, path):
  """{number: (kernel HWIO, bias)}."""
  found = {}
  for name, value in arrays.items():
    if match := _CONV.search(name):
      found[int(match[1]), match[2]] = value
  weights = {}
  for number, (height, width, inputs, outputs) in conv_shapes().items():
    kernel = _part(found, (number, 'weight'), (outputs, inputs, height, width), path, _NO_VGG)
    bias = _part(found, (number, 'bias'), (outputs,), path, _NO_VGG)
    weights[number] = jnp.asarray(kernel.transpose(2, 3, 1, 0)), jnp.asarray(bias)
  return weights


def _linear(arrays, path, is_one_file):
  """A weight per channel [C] of each group."""
  found = {}
  for name, value in arrays.items():
    if match := _LINEAR.search(name):
      found[int(match[1])] = value
  advice = _NO_OTHER if is_one_file else _NO_LINEAR
  shapes = [(1, channels, 1, 1) for channels in WIDTHS]
  parts = [_part(found, layer, shape, path, advice) for layer, shape in enumerate(shapes)]
  return tuple(jnp.asarray(part.reshape(-1)) for part in parts)


_NO_VGG = 'give the VGG16 state dictionary of torchvision'
_NO_LINEAR = "give LPIPS's own vgg.pth"
_NO_OTHER = "LPIPS's own vgg.pth must be named too"


def _part(found, key, shape, path, advice):
  """One array as float32 of a shape."""
  name = f'lin{key}.model.1.weight' if isinstance(key, int) else f'features.{key[0]}.{key[1]}'
  if key not in found:
    raise UserError(f'{path} does not hold {name}: {advice}')
  value = np.asarray(found[key])
  if value.shape != shape or value.dtype.kind != 'f':
    form = f'{value.dtype} {list(value.shape)}'
    raise UserError(f'{path} holds {name} as {form}, not float {list(shape)}: {advice}')
  if not np.isfinite(value).all():
    raise UserError(f'{path} holds numbers that are not finite in {name}: download it again')
  return np.asarray(value, np.float32)
