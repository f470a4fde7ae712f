"""StyleGAN2 in JAX and Flax."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from stylegan2_jax.api import StyleGAN2 as StyleGAN2
  from stylegan2_jax.model_files import list_checkpoints as list_checkpoints

__all__ = ['StyleGAN2', 'list_checkpoints']


def __getattr__(name: str):
  """Imports the API, and with it JAX, when it is first asked for.

  Unless JAX is there already, compiled programs are kept for the next time, as by the commands.
  """
  if name in __all__ and 'jax' not in sys.modules:
    from stylegan2_jax import backend

    backend.prepare()
  if name == 'StyleGAN2':
    from stylegan2_jax.api import StyleGAN2

    return StyleGAN2
  if name == 'list_checkpoints':
    from stylegan2_jax.model_files import list_checkpoints

    return list_checkpoints
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
