"""`launch.py checkpoints`: its flags, and what it starts."""

import argparse

from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser


def parser() -> Parser:
  """The flags of the command."""
  example = 'example:\n  python launch.py checkpoints --workdir=runs/shapes\n'
  new = new_parser('checkpoints', 'Lists the saved steps of a run.', example)
  new.add_argument('--workdir', type=values.path, metavar='DIR', help='folder of the run')
  new.needed = ('workdir',)
  return new


def run(flags: argparse.Namespace) -> None:
  """Lists the saved steps of a run."""
  from stylegan2_jax.tools import checkpoints as tool

  tool.checkpoints_command(flags.workdir)
