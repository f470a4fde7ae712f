"""Arrays by name out of the files that people have: nothing is downloaded, nothing is executed.

A file is a .npz, a .safetensors, what torch.save writes (read without PyTorch), or a pickle of
nested dicts, whose arrays get names with dots between the keys.
"""

import pathlib
from collections.abc import Mapping

import numpy as np
import safetensors.numpy

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import pickle_reader
from stylegan2_jax.words import reason

_ZIP = b'PK\x03\x04'
_DIRECTORY = 1 << 20  # bytes at the end of a zip that have the names of its files


def read_arrays(path: str | pathlib.Path) -> dict[str, np.ndarray]:
  """All arrays of a file, by name.

  Raises:
    UserError: it cannot be read, is none of the forms, or holds code.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no file {path}: name the weights that you have downloaded')
  suffix = path.suffix.lower()
  try:
    if suffix == '.npz':
      with path.open('rb') as file, np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)
    if suffix == '.safetensors':
      return safetensors.numpy.load_file(path)
    is_script = _is_torchscript(path)
  except Exception as error:  # zip, NumPy and safetensors each have their own
    raise UserError(f'{path} is damaged ({reason(error)}): download it again') from None
  if is_script:
    raise UserError(
      f'{path} is a TorchScript file, which holds code that this program does not run: '
      'give a state dictionary'
    )
  return _of_pickle(path)


def checked(
  arrays: Mapping[str, np.ndarray],
  name: str,
  shape: tuple[int, ...],
  path: str | pathlib.Path,
  advice: str,
) -> np.ndarray:
  """One of the arrays, as float32.

  Args:
    arrays: by name.
    name: of the one.
    shape: that it must have.
    path: of the file, for messages.
    advice: what to do where it is missing or misshapen.

  Raises:
    UserError: it is missing, has another shape or type, or is not finite.
  """
  if name not in arrays:
    raise UserError(f'{path} does not hold {name}: {advice}')
  value = np.asarray(arrays[name])
  if value.shape != shape or value.dtype.kind != 'f':
    form = f'{value.dtype} {list(value.shape)}'
    raise UserError(f'{path} holds {name} as {form}, not float {list(shape)}: {advice}')
  with np.errstate(over='ignore'):  # of float64
    value = np.asarray(value, np.float32)
  if not np.isfinite(value).all():
    raise UserError(f'{path} holds numbers that are not finite in {name}: download it again')
  return value


def _of_pickle(path):
  found = pickle_reader.load(path)
  if not isinstance(found, Mapping):
    raise UserError(f'{path} is no state dictionary: save the model by torch.save(m.state_dict())')
  arrays: dict[str, np.ndarray] = {}
  todo = [('', found)]  # a tree of limited size, as the reader has seen to
  while todo:
    prefix, inner = todo.pop()
    for key, value in inner.items():
      if isinstance(value, Mapping):
        todo.append((f'{prefix}{key}.', value))
      elif isinstance(value, np.ndarray):
        arrays[f'{prefix}{key}'] = value
  return arrays


def _is_torchscript(path):
  """Whether a zip is what torch.jit.save writes: it has constants beside the weights, and code."""
  with path.open('rb') as file:
    if file.read(len(_ZIP)) != _ZIP:
      return False
    size = file.seek(0, 2)
    file.seek(max(0, size - _DIRECTORY))
    return b'/constants.pkl' in file.read()
