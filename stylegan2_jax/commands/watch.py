"""`launch.py watch`: its flags, and what it starts."""

import argparse
import pathlib

from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser


def parser() -> Parser:
  """The flags of the command."""
  example = 'example:\n  python launch.py watch --workdir=runs/shapes\n'
  new = new_parser('watch', 'Shows live how a run stands; Ctrl-C ends.', example)
  add = new.add_argument
  add('--workdir', type=values.path, metavar='DIR', help='folder of the run')
  add(
    '--once', action='store_true',
    help='only print it, as where the output is no terminal',
  )  # fmt: skip
  new.needed = ('workdir',)
  return new


def run(flags: argparse.Namespace) -> None:
  """Shows live how a run stands."""
  from stylegan2_jax.tools import watch as tool

  tool.watch_command(pathlib.Path(flags.workdir), flags.once)
