"""Which pictures of an input a split means."""

from collections.abc import Mapping, Sequence

from stylegan2_jax.data.inputs import names
from stylegan2_jax.errors import UserError

DEFAULT = 'train'


def choose(split: str, parts: Mapping[str, Sequence[str]], kind: str) -> tuple[str, ...]:
  """Returns the parts that a split means.

  Args:
    split: one of the names, or 'all'.
    parts: by the name of the split.
    kind: what to call the input.

  Raises:
    UserError: there is no such split.

  >>> choose('all', {'train': ('a', 'b'), 'test': ('c',)}, 'CIFAR-10 archive')
  ('a', 'b', 'c')
  """
  if split == 'all':
    return tuple(part for group in parts.values() for part in group)
  if split not in parts:
    raise UserError(f'--split={names.shown(split)}: {kind}s have {", ".join(parts)} and all')
  return tuple(parts[split])


def check_none(split: str, shown: str, kind: str) -> None:
  """Raises UserError if a split is asked for of an input that has only one.

  Args:
    split: the name; the default is taken as no question.
    shown: what to call the input, printable.
    kind: what it is.
  """
  if split != DEFAULT:
    raise UserError(
      f'--split={names.shown(split)}: {shown} is a {kind}, which has no splits: leave --split out'
    )
