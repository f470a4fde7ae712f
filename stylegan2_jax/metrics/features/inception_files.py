"""Weights of the Inception-v3 of FID out of the files that people have: nothing is downloaded.

- the .pth of pytorch-fid and torch-fidelity, pt_inception-2015-12-05-6726825d.pth and
  weights-inception-2015-12-05-6726825d.pth, which are one file: a state dictionary with
  `Mixed_5b.branch1x1.conv.weight` (OIHW), `….bn.weight`, `bias`, `running_mean`, `running_var`,
  and `fc.weight`, `fc.bias`;
- the .pickle of jax-fid, which other JAX code took over: nested dicts of arrays under the same
  names, with `conv.kernel` (HWIO), `bn.scale`, `bias`, `mean`, `var`, `fc.kernel`, `fc.bias`;
- a .npz or .safetensors with either kind of names.

Names may begin with a prefix that ends in a dot. A file without `fc` gives features alone.
"""

import pathlib
import re
from typing import NamedTuple

import numpy as np

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features.inception import InceptionWeights, fold
from stylegan2_jax.metrics.features.inception_layers import CLASSES, WIDTH, conv_shapes
from stylegan2_jax.metrics.features.weight_arrays import checked, read_arrays

FILE = 'pt_inception-2015-12-05-6726825d.pth'
_ADVICE = f'give {FILE} of the package pytorch-fid'


class _Layout(NamedTuple):
  """How names go on behind that of a layer, and which axes make [.., in, out] of its kernel."""

  kernel: str
  norm: tuple[str, str, str, str]  # scale, bias, mean and variance
  axes: tuple[int, int, int, int]

  def of_file(self, shape):
    """A kernel's shape [h, w, in, out] as this layout has it."""
    return tuple(shape[self.axes.index(axis)] for axis in range(4))


_LAYOUTS = (
  _Layout('weight', ('weight', 'bias', 'running_mean', 'running_var'), (2, 3, 1, 0)),
  _Layout('kernel', ('scale', 'bias', 'mean', 'var'), (0, 1, 2, 3)),
)
_FIRST = re.compile(r'(?P<prefix>(?:.*\.)?)Conv2d_1a_3x3\.conv\.(?P<kernel>weight|kernel)', re.S)


def load_inception(path: str | pathlib.Path) -> InceptionWeights:
  """The weights, with batch normalisation folded into the convolutions.

  Raises:
    UserError: the file cannot be read, is of another network, or something is missing in it, has
      another shape or is not finite.
  """
  arrays, layout = _named(read_arrays(path), path)
  _refuse_torchvision(arrays, layout, path)
  convs = {}
  for name, shape in conv_shapes().items():
    of_file = layout.of_file(shape)
    kernel = checked(arrays, f'{name}.conv.{layout.kernel}', of_file, path, _ADVICE)
    norm = [checked(arrays, f'{name}.bn.{part}', shape[3:], path, _ADVICE) for part in layout.norm]
    if (norm[3] < 0).any():
      raise UserError(f'{path} holds negative variances in {name}.bn.{layout.norm[3]}: {_ADVICE}')
    convs[name] = fold(kernel.transpose(layout.axes), *norm)
  return InceptionWeights(convs, _last_layer(arrays, layout, path))


def _named(arrays, path):
  """The arrays without the prefix of their names, and their layout."""
  firsts = sorted(filter(None, map(_FIRST.fullmatch, arrays)), key=lambda m: (len(m[0]), m[0]))
  if not firsts:
    raise UserError(f'{path} holds no Inception-v3 that this program knows: {_ADVICE}')
  prefix, layout = firsts[0]['prefix'], _LAYOUTS[firsts[0]['kernel'] == 'kernel']
  inner = {n.removeprefix(prefix): value for n, value in arrays.items() if n.startswith(prefix)}
  return inner, layout


def _refuse_torchvision(arrays, layout, path):
  last = np.shape(arrays.get(f'fc.{layout.kernel}', ()))
  if 1000 in last or any(name.startswith('AuxLogits.') for name in arrays):
    raise UserError(f"{path} is torchvision's Inception-v3, not the one of FID: {_ADVICE}")


def _last_layer(arrays, layout, path):
  """(kernel [2048, 1008], bias [1008]), or None where the file ends before it."""
  if not any(name.startswith('fc.') for name in arrays):
    return None
  is_torch = layout.kernel == 'weight'
  shape = (CLASSES, WIDTH) if is_torch else (WIDTH, CLASSES)
  kernel = checked(arrays, f'fc.{layout.kernel}', shape, path, _ADVICE)
  bias = checked(arrays, 'fc.bias', (CLASSES,), path, _ADVICE)
  return np.ascontiguousarray(kernel.T if is_torch else kernel), bias
