"""What inputs with a form of their own have in common."""

import contextlib

from stylegan2_jax.data.inputs import names
from stylegan2_jax.errors import UserError


@contextlib.contextmanager
def opening(shown, remedy):
  """Context in which whatever goes wrong with an input becomes a UserError, of printable words."""
  try:
    yield
  except UserError:
    raise
  except Exception as error:  # systems, gzip, tarfile, pickle, NumPy, TFDS: each has its own
    raise UserError(f'cannot read {shown} ({names.reason(error)}): {remedy}') from error


def choose_split(split, parts, kind):
  """Returns the parts that a split means.

  Args:
    split: 'train', 'test' or 'all'.
    parts: dict of tuples, by the name of the split.
    kind: what to call the archive.

  Raises:
    UserError: there is no such split.

  >>> choose_split('all', {'train': ('a', 'b'), 'test': ('c',)}, 'CIFAR-10 archive')
  ('a', 'b', 'c')
  """
  if split == 'all':
    return tuple(part for group in parts.values() for part in group)
  if split not in parts:
    raise UserError(f'--split={names.shown(split)}: {kind}s have {", ".join(parts)} and all')
  return tuple(parts[split])
