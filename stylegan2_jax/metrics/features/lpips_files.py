"""Weights of LPIPS out of the files that people have: nothing is downloaded.

- VGG16: the state dictionary that torchvision publishes (`features.N.weight`, `features.N.bias`;
  the classifier beside them is left alone);
- the linear weights: `vgg.pth` of LPIPS 0.1 (`lin0.model.1.weight` to `lin4.model.1.weight`, each
  [1, C, 1, 1]);
- or one file with both, under these names or those of the whole LPIPS model (`net.slice1.0.weight`,
  `lin0.model.1.weight`), with any prefix that ends in a dot.

Files may be what torch.save writes, .npz or .safetensors: weight_arrays.py.
"""

import pathlib
import re

import jax.numpy as jnp

from stylegan2_jax.metrics.features.lpips import LpipsWeights
from stylegan2_jax.metrics.features.vgg import WIDTHS
from stylegan2_jax.metrics.features.vgg_files import convolutions
from stylegan2_jax.metrics.features.weight_arrays import checked, read_arrays

_LINEAR = re.compile(r'(?:^|\.)lin([0-4])\.model\.1\.weight$', re.ASCII)
_NO_LINEAR = "give LPIPS's own vgg.pth"
_NO_OTHER = "LPIPS's own vgg.pth must be named too"


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
  return LpipsWeights(convolutions(arrays, vgg), _linear(others, linear or vgg, linear is None))


def _linear(arrays, path, is_one_file):
  """A weight per channel [C] of each group."""
  matches = ((_LINEAR.search(name), value) for name, value in arrays.items())
  found = {f'lin{match[1]}.model.1.weight': value for match, value in matches if match}
  advice = _NO_OTHER if is_one_file else _NO_LINEAR
  parts = [
    checked(found, f'lin{layer}.model.1.weight', (1, channels, 1, 1), path, advice)
    for layer, channels in enumerate(WIDTHS)
  ]
  return tuple(jnp.asarray(part.reshape(-1)) for part in parts)
