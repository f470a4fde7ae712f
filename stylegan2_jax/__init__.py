"""StyleGAN2 in JAX and Flax."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from stylegan2_jax.api import StyleGAN2 as StyleGAN2

__all__ = ['StyleGAN2']


def __getattr__(name: str):
  """Imports the API, and with it JAX, when it is first asked for."""
  if name == 'StyleGAN2':
    from stylegan2_jax.api import StyleGAN2

    return StyleGAN2
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
