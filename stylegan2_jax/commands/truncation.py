"""`launch.py truncation`: its flags, and what it starts."""

import argparse
import math

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import one_line

_MAX_PSIS = 100
_EXAMPLE = """\
example:
  python launch.py truncation --workdir=runs/shapes --seeds=0-7 --psis=-1,-0.5,0,0.5,1
"""


def psis(text: str) -> list[float]:
  """Several ψ.

  >>> psis('-1, 0.5')
  [-1.0, 0.5]

  Raises:
    UserError: one does not parse, or there are very many.
  """
  try:
    found = [float(part) for part in text.split(',')]
  except ValueError:
    found = [math.nan]
  if not all(map(math.isfinite, found)):
    raise UserError(f'--psis={one_line(text)} does not parse: write numbers, as in -1,0,0.5,1')
  if len(found) > _MAX_PSIS:
    raise UserError(f'--psis has {len(found)} numbers: at most {_MAX_PSIS} are drawn')
  return found


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('truncation', 'Draws the same seeds at several psi.', _EXAMPLE)
  common.add_model(new)
  common.add_seeds(new, '0-7')
  new.add_argument(
    '--psis', type=psis, default='-1,-0.5,0,0.5,0.7,1', metavar='PSI,PSI',
    help='the columns: 1 is the image itself, 0 the average one, below 0 the opposite '
    '(default: -1,-0.5,0,0.5,0.7,1)',
  )  # fmt: skip
  common.add_truncation(new, psi=False)
  common.add_noise(new)
  common.add_label(new)
  common.add_out(
    new,
    'truncation.png',
    'a .png: one sheet; anything else: a folder of single images seedNNNN-psiX.png',
  )
  return new


def run(flags: argparse.Namespace) -> None:
  """Draws the same seeds at several ψ."""
  backend.prepare()
  from stylegan2_jax.tools import truncation as tool

  tool.truncation_command(
    **common.drawing(flags),
    seeds=flags.seeds,
    psis=flags.psis,
  )
