"""`launch.py profile`: its flags, and what it starts."""

import argparse
import pathlib

from stylegan2_jax import backend, run_settings
from stylegan2_jax.commands import values
from stylegan2_jax.commands.flags import FIELDS_NOTE
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.errors import UserError


def parser() -> Parser:
  """The flags of the command."""
  example = 'example:\n  python launch.py profile --config=configs/shapes.py --out=profile\n\n'
  description = 'Says where the time of a training step goes: each phase, and its operations.'
  new = new_parser('profile', description, example + FIELDS_NOTE)
  add = new.add_argument
  add('--config', metavar='FILE', help='a preset; left out, the config of the run in --workdir')
  add('--workdir', type=values.path, metavar='DIR', help='a run, of which the config alone is read')
  add(
    '--steps', type=values.steps, default=10, metavar='N',
    help='how often each phase is timed (default: 10)',
  )  # fmt: skip
  add(
    '--out', type=values.file_path, metavar='DIR',
    help='folder for the traces and operations.csv; each trace takes several MB',
  )  # fmt: skip
  new.needed, new.takes_fields = ('out',), True
  return new


def run(flags: argparse.Namespace) -> None:
  """Times and traces the phases of a training step."""
  if flags.config is None and flags.workdir is None:
    raise UserError('--config is missing: name a preset, or the --workdir of a run')
  workdir = None if flags.workdir is None else pathlib.Path(flags.workdir)
  settings = run_settings.training_settings(flags.config, flags.overrides, workdir)
  backend.prepare(deterministic=settings.train.deterministic)
  from stylegan2_jax.tools import profile as tool

  tool.profile_command(
    run_settings.adapted(settings, flags.config, flags.overrides, workdir), flags.out, flags.steps
  )
