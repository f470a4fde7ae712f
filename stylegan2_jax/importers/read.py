"""A model from a file of another project: which kind it is, and where it is from."""

import dataclasses
import hashlib
import os
import pathlib
from typing import Any

from stylegan2_jax import validation
from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import community, official, tensorflow
from stylegan2_jax.importers.imported import Imported
from stylegan2_jax.importers.pickle_reader import load
from stylegan2_jax.words import listing, one_line, reason

_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_LAYOUTS = (official, tensorflow, community)
_KNOWN = (
  'official PyTorch or TensorFlow pickles of StyleGAN2 and StyleGAN2-ADA, and .pt files of the '
  'community PyTorch version'
)
_NOTICE = """\
The weights of this model were not trained with this software. They were imported from

  file     {name}
  size     {size:,} bytes
  sha256   {digest}
  form     {kind}

Their licence is that of whoever published them, which the file does not state: look it up where
it came from, and keep to it. (The networks that NVIDIA published, for example, may only be used
non-commercially.) It applies to what is derived from them too, as fine-tuned models and exported
files. This notice goes with them.
"""


def read_model(path: str | os.PathLike) -> Imported:
  """The model in a file of another project. Nothing in it is executed.

  Raises:
    UserError: it cannot be read, is damaged or of another kind, or holds networks that this project
      does not have.
  """
  path = pathlib.Path(path)
  value = load(path)
  try:
    layout = next((layout for layout in _LAYOUTS if layout.recognises(value)), None)
    if layout is None:
      raise UserError(f'it holds no StyleGAN2 ({_outline(value)}); known are {_KNOWN}')
    imported = layout.convert(value)
    validation.validate_networks(imported.settings)
  except UserError as error:
    raise UserError(f'cannot import {path}: {error}') from None
  except MemoryError:
    raise UserError(f'cannot import {path}: it needs more memory than there is') from None
  except _FAULTS as error:  # a value of a kind that no file of networks has in its place
    raise UserError(
      f'cannot import {path}: it is damaged, or was changed ({reason(error)}): fetch it again'
    ) from None
  return dataclasses.replace(imported, notice=_notice(path, imported))


def _notice(path: pathlib.Path, imported: Imported) -> str:
  with path.open('rb') as file:
    digest = hashlib.file_digest(file, 'sha256').hexdigest()
  text = _NOTICE.format(
    name=one_line(path.name), size=path.stat().st_size, digest=digest, kind=imported.kind
  )
  return '\n'.join([text, *imported.remarks]).rstrip() + '\n'


def _outline(value: Any) -> str:
  """What a file seems to hold, for a message."""
  if isinstance(value, dict):
    return f'a dict of {listing(list(value), 4)}' if value else 'an empty dict'
  return f'a {type(value).__name__}'
