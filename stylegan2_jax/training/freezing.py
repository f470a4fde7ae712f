"""Parameters that fine-tuning leaves as they are.

Source: Freeze-D (Mo et al., arXiv 2002.10964): the layers of D next to the image keep what they
learned on other images. The order of the layers is that of StyleGAN2-ADA (arXiv 2006.06676).
"""

import re

import jax

from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import FinetuneSettings

# Of a block, in the order in which an image meets them, and then those of the last one.
_LAYERS = ('fromrgb', 'conv0', 'conv1', 'skip', 'conv', 'fc', 'out')


def discriminator_layers(d_params) -> list[tuple[str, str]]:
  """(block, layer) of D from the image to the logit; the mapped label is none of them.

  >>> discriminator_layers({'b4': {'out': 0, 'conv': 0}, 'b8': {'conv0': 0, 'fromrgb': 0}})
  [('b8', 'fromrgb'), ('b8', 'conv0'), ('b4', 'conv'), ('b4', 'out')]
  """
  blocks = [name for name in d_params if re.fullmatch(r'b\d+', name)]
  blocks.sort(key=lambda name: -int(name[1:]))
  return [(block, layer) for block in blocks for layer in _LAYERS if layer in d_params[block]]


def frozen(params, finetune: FinetuneSettings):
  """Which leaves of the parameters of G or D stay: a tree of bool; None where all are trained.

  Raises:
    UserError: D does not have so many layers.
  """
  if 'synthesis' in params:
    return _within(params, [('mapping',)]) if finetune.freeze_mapping else None
  count, layers = finetune.freeze_d, discriminator_layers(params)
  if count > len(layers):
    raise UserError(
      f'config field finetune.freeze_d = {count} must be at most {len(layers)}, all layers of D'
    )
  return _within(params, layers[:count]) if count else None


def stopped(params, frozen):
  """The parameters, of which those that are frozen have no gradient."""
  if frozen is None:
    return params
  return jax.tree.map(lambda f, x: jax.lax.stop_gradient(x) if f else x, frozen, params)


def kept(frozen, before, after):
  """`after`, with the leaves of `before` where they are frozen: trees of the same form."""
  if frozen is None:
    return after
  return jax.tree.map(lambda f, b, a: b if f else a, frozen, before, after)


def _within(params, places):
  """A tree of bool: which leaves lie below one of the places, each a tuple of names."""

  def is_within(path, _):
    names = tuple(key.key for key in path)
    return any(names[: len(place)] == place for place in places)

  return jax.tree.map_with_path(is_within, params)
