"""`launch.py explore`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser

_EPILOG = """\
example:
  python launch.py explore --workdir=runs/shapes

Only this machine can connect. To explore a model on another one, forward the port from here:
  ssh -L 8765:127.0.0.1:8765 OTHER
"""

port = values.whole('port', 0, 65535, 'does not fit: write a number from 1024 to 65535, or 0: any')


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('explore', 'Serves a page that explores a model; Ctrl-C ends.', _EPILOG)
  common.add_model(new)
  add = new.add_argument
  add(
    '--port', type=port, metavar='N',
    help='where to listen; 0: any (default: 8765, or the next that is free)',
  )  # fmt: skip
  add('--no_browser', action='store_true', help='open no browser')
  add(
    '--favourites', type=values.file_path, metavar='DIR',
    help="folder to keep favourites in (default: favourites in the run's folder; of a model in a "
    'file, NAME-favourites beside it)',
  )  # fmt: skip
  return new


def run(flags: argparse.Namespace) -> None:
  """Serves a page that explores a model."""
  backend.prepare()
  from stylegan2_jax.explorer import serve

  serve.explore_command(
    flags.workdir, flags.step, flags.port, not flags.no_browser, flags.favourites
  )
