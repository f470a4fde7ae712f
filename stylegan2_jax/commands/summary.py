"""`launch.py summary`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend, run_settings
from stylegan2_jax.commands.flags import FIELDS_NOTE
from stylegan2_jax.commands.parser import Parser, new_parser


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('summary', 'Prints both networks of a preset layer by layer.', FIELDS_NOTE)
  new.add_argument('--config', metavar='FILE', help='a preset')
  new.needed, new.takes_fields = ('config',), True
  return new


def run(flags: argparse.Namespace) -> None:
  """Prints both networks of a config, layer by layer."""
  settings = run_settings.network_settings(flags.config, flags.overrides)
  backend.prepare()
  from stylegan2_jax.tools import summary as tool

  tool.print_summary(run_settings.adapted(settings, flags.config, flags.overrides, None))
