"""`launch.py mix`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands.parser import Parser, new_parser

_EPILOG = """\
Layers are numbered from the coarsest, 0. coarse, middle and fine are of 1024x1024 models what the
resolutions 4 and 8, 16 and 32, 64 and more do; smaller models share out what they have, and the
command prints how.

example:
  python launch.py mix --workdir=runs/shapes --rows=85,100,75 --cols=55,821 --layers=0-3,5
"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('mix', 'Draws a table of mixed styles.', _EPILOG)
  common.add_model(new)
  common.add_seeds(new, '85,100,75,458', 'rows', 'seeds of the rows, ')
  common.add_seeds(new, '55,821,1789,293', 'cols', 'seeds of the columns, ')
  new.add_argument(
    '--layers', default='coarse,middle',
    help='the layers that are from the column, such as 0-3,5 or fine; all others are from the row '
    '(default: coarse,middle)',
  )  # fmt: skip
  common.add_truncation(new)
  common.add_noise(new)
  common.add_label(new)
  new.add_argument(
    '--col_class', dest='col_label', metavar='LABEL',
    help='the class of the columns, where it is another (default: that of --class)',
  )  # fmt: skip
  common.add_out(
    new, 'mixing.png', 'a .png: one sheet; anything else: a folder of single images ROW-COL.png'
  )
  return new


def run(flags: argparse.Namespace) -> None:
  """Draws a table of mixed styles."""
  backend.prepare()
  from stylegan2_jax.tools import mix as tool

  tool.mix_command(
    **common.drawing(flags),
    rows=flags.rows,
    cols=flags.cols,
    layers=flags.layers,
    col_label=flags.col_label,
  )
