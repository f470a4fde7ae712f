"""`launch.py progress`: its flags, and what it starts."""

import argparse
import pathlib

from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser


def parser() -> Parser:
  """The flags of the command."""
  example = (
    'examples:\n  python launch.py progress --workdir=runs/shapes --out=progress.mp4\n'
    '  python launch.py progress --workdir=runs/shapes --out=progress.md\n'
  )
  new = new_parser('progress', 'Shows how the pictures of a run came to be.', example)
  add = new.add_argument
  add('--workdir', type=values.path, metavar='DIR', help='folder of the run')
  add(
    '--out', type=values.path, default='progress.mp4', metavar='PATH',
    help='a .mp4, .gif or .webp: a film; a .md: a table with pictures (default: progress.mp4)',
  )  # fmt: skip
  add(
    '--seconds', type=values.seconds, default=10.0, metavar='N',
    help='length of the film (default: 10)',
  )  # fmt: skip
  add(
    '--width', type=values.width, metavar='N',
    help='of the pictures in pixels (default: as they are, but at most 1024, GIF 640, table 512)',
  )  # fmt: skip
  new.needed = ('workdir',)
  return new


def run(flags: argparse.Namespace) -> None:
  """Shows the grids of a run as a film or a table."""
  from stylegan2_jax.tools import progress as tool

  tool.progress_command(pathlib.Path(flags.workdir), flags.out, flags.seconds, flags.width)
