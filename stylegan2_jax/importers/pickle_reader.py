"""Reads files of networks that cannot be trusted: pickles, and what torch.save writes.

Nothing that a file names is imported and nothing is called: unpickling/machine.py. Understood are
the names of NumPy's arrays and PyTorch's tensors, of plain containers, and of what the official
networks are kept in, old names and new ones:

  torch_utils.persistence._reconstruct_persistent_obj   a module of a network; its source text,
                                                        which is beside it, is not looked at
  dnnlib.tflib.network.Network, dnnlib.util.EasyDict, argparse.Namespace
"""

import io
import os
from typing import Any, BinaryIO

from stylegan2_jax.importers.foreign_file import opened
from stylegan2_jax.importers.torch_file import MAGIC, ZIP, read_saved, torch_names
from stylegan2_jax.unpickling import machine
from stylegan2_jax.unpickling.arrays import reconstructor
from stylegan2_jax.unpickling.values import (
  Global,
  Limits,
  Names,
  Object,
  PickleError,
  instances,
)

__all__ = ['Global', 'Object', 'PickleError', 'load', 'load_bytes']


def load(path: str | os.PathLike) -> Any:
  """What a file holds.

  Returns:
    Numbers, str, bytes, None, dict, list, tuple and set; arrays and tensors as read-only NumPy
    arrays, which may be strided; instances of other classes as `Object`s. It is a tree of limited
    size and depth, even where the file refers to the same list twice.

  Raises:
    UserError: it cannot be read, is damaged, or is more than data; one line with the name.
  """
  with opened(path) as (file, limits):
    return _read(file, limits)


def load_bytes(content: bytes) -> Any:
  """What a file of this content holds.

  Raises:
    PickleError: it is damaged, or more than data.
  """
  return _read(io.BytesIO(content), Limits(len(content)))


def _read(file: BinaryIO, limits: Limits) -> Any:
  start = file.read(len(ZIP))
  file.seek(0)
  if start == ZIP:
    return read_saved(file, limits)
  value = machine.load(file, _names(limits), limits)
  if type(value) is int and value == MAGIC:
    file.seek(0)
    return read_saved(file, limits)
  return value


def _names(limits):
  networks = Names(
    functions={'torch_utils.persistence._reconstruct_persistent_obj': _persistent_object},
    classes={'dnnlib.util.EasyDict': dict, **instances('dnnlib.tflib.network.Network')},
  )
  return reconstructor(torch_names(limits) | networks)


def _persistent_object(meta: Any) -> Object:
  """A network or a part of it: its class and state, without the source text."""
  if not isinstance(meta, dict) or meta.get('type') != 'class':
    raise PickleError('it has a persistent object of unknown form')
  name, state = meta.get('class_name'), meta.get('state')
  if not isinstance(name, str) or not isinstance(state, dict):
    raise PickleError('it has a persistent object of unknown form')
  return Object(name, state)
