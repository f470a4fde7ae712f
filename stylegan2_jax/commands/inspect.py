"""`launch.py inspect`: its flags, and what it starts."""

import argparse

from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser


def parser() -> Parser:
  """The flags of the command."""
  example = 'example:\n  python launch.py inspect --data=datasets/photos\n'
  new = new_parser('inspect', 'Reads a prepared data set and says what is in it.', example)
  add = new.add_argument
  add(
    '--data',
    type=values.path,
    metavar='PATH|NAME',
    help='folder of the set, or its name in --data_dir',
  )
  add(
    '--data_dir',
    type=values.path,
    default='datasets',
    metavar='DIR',
    help='where names are (default: datasets)',
  )
  add(
    '--out', type=values.file_path, default='contact.png', metavar='PNG',
    help='the contact sheet to draw (default: contact.png)',
  )  # fmt: skip
  new.needed = ('data',)
  return new


def run(flags: argparse.Namespace) -> None:
  """Says what is in a prepared data set."""
  from stylegan2_jax.tools import inspect as tool

  tool.inspect_command(flags.data, flags.data_dir, flags.out)
