"""StyleGAN2 in JAX and Flax."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from stylegan2_jax.api import StyleGAN2 as StyleGAN2
  from stylegan2_jax.commands.values import parse_seeds as parse_seeds
  from stylegan2_jax.model_files import list_checkpoints as list_checkpoints

__all__ = ['StyleGAN2', 'list_checkpoints', 'parse_seeds']

_PLACES = {'StyleGAN2': 'api', 'list_checkpoints': 'model_files', 'parse_seeds': 'commands.values'}


def __getattr__(name: str) -> Any:
  """Imports what is public, and with it JAX, when it is first asked for.

  Unless JAX is there already, compiled programs are kept for the next time, as by the commands.
  """
  if name not in _PLACES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  if 'jax' not in sys.modules:
    from stylegan2_jax import backend

    backend.prepare()
  return getattr(importlib.import_module(f'stylegan2_jax.{_PLACES[name]}'), name)
