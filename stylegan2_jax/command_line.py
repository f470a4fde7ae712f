"""The grammar of the command line: commands, flags, `--config.field=value`, lists of seeds.

Needs neither JAX nor data.
"""

import argparse
import difflib
import math
import re
from collections.abc import Sequence
from typing import NoReturn

from stylegan2_jax import presets, validation
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory

_OVERVIEW = """\
StyleGAN2: train it, look at it, draw from it.

commands:
  train      train a model, or go on with one (the default: the word may be left out)
  summary    print both networks layer by layer
  sample     draw images from a trained model

examples:
  python launch.py --config=configs/shapes.py --workdir=runs/shapes
  python launch.py --config=configs/shapes.py --config.train.total_kimg=50 --workdir=runs/short
  python launch.py --workdir=runs/shapes                       go on where it stopped
  python launch.py summary --config=configs/wide32.py
  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png

`python launch.py COMMAND --help` lists the flags of a command.
"""

_FIELDS_NOTE = """\
--config.FIELD=VALUE sets a field of the config, for example --config.train.batch_size=8;
configs/default.py explains them all.
"""

_MAX_SEEDS = 100_000


class _Parser(argparse.ArgumentParser):
  """Complains by a `UserError` of one line, instead of printing its usage and leaving."""

  def error(self, message: str) -> NoReturn:
    raise UserError(f'{message}; {self.prog} --help lists the flags')

  def complain_about(self, argument: str) -> NoReturn:
    """Refuses an argument that is no flag, with the nearest name that is one."""
    name = argument.split('=')[0]
    known = [option for action in self._actions for option in action.option_strings]
    close = difflib.get_close_matches(name.split('.')[0], known, 1)
    self.error(f'unknown argument {name}' + (f', did you mean {close[0]}?' if close else ''))


def parse(argv: Sequence[str]) -> argparse.Namespace:
  """The command with its flags, and `overrides`: the text of each `--config.FIELD=VALUE`.

  >>> flags = parse(['--workdir=runs/a', '--config.seed=3'])
  >>> flags.command, flags.workdir, flags.overrides
  ('train', 'runs/a', {'seed': '3'})

  Raises:
    UserError: an unknown command or flag, or a value that does not parse.
    SystemExit: after printing help.
  """
  rest, overrides = _take_overrides(argv)
  if not argv or (rest and rest[0] in ('-h', '--help', 'help')):
    print(_OVERVIEW, end='')
    raise SystemExit(0)
  parsers = {'train': _train_parser(), 'summary': _summary_parser(), 'sample': _sample_parser()}
  command = 'train' if not rest or rest[0].startswith('-') else rest.pop(0)
  if command not in parsers:
    raise UserError(f'unknown command {command}: choose one of {", ".join(parsers)}')
  if command == 'sample' and overrides:
    raise UserError('sample takes no --config: it reads the config of the run in --workdir')
  flags, unknown = parsers[command].parse_known_args(rest)
  if unknown:
    parsers[command].complain_about(unknown[0])
  needed = 'config' if command == 'summary' else 'workdir'
  if getattr(flags, needed) is None:
    parsers[command].error(f'--{needed} is missing')
  flags.command, flags.overrides = command, overrides
  return flags


def training_settings(config: str | None, overrides: dict[str, str], workdir) -> Settings:
  """The settings to train with: of a preset, or without one those of the run in `workdir`.

  Raises:
    UserError: neither is there, or the settings are wrong on any number of devices.
  """
  if config is not None:
    settings = presets.load_settings(config, overrides)
  elif RunDirectory(workdir).exists():
    settings = presets.override(RunDirectory(workdir).read_settings(), overrides)
  else:
    raise UserError(
      f'there is no run in {workdir} to go on with: '
      'to start one there name a preset, such as --config=configs/shapes.py'
    )
  validation.validate(settings, num_devices=1)
  return settings


def network_settings(config: str, overrides: dict[str, str]) -> Settings:
  """The settings of a preset, of which the fields that define the networks are checked.

  Raises:
    UserError: the preset, an override, or such a field is wrong.
  """
  settings = presets.load_settings(config, overrides)
  validation.validate_networks(settings)
  return settings


def parse_seeds(text: str) -> list[int]:
  """A list of seeds and ranges of seeds, ends included, in the order given.

  >>> parse_seeds('1,5,9-12')
  [1, 5, 9, 10, 11, 12]

  Raises:
    UserError: it does not parse, a seed is 2**32 or more, or a range is empty or enormous.
  """
  seeds: list[int] = []
  for part in text.split(','):
    match = re.fullmatch(r'\s*(\d+)\s*(?:-\s*(\d+)\s*)?', part, re.ASCII)
    if match is None:
      raise UserError(f'--seeds={text} does not parse: write numbers and ranges, as in 1,5,9-12')
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
      raise UserError(f'--seeds={text}: the range {part.strip()} runs backwards')
    if last >= 2**32 or last - first + len(seeds) >= _MAX_SEEDS:
      raise UserError(f'--seeds={text}: at most {_MAX_SEEDS} seeds, each below 2**32')
    seeds.extend(range(first, last + 1))
  return seeds


def _psi(text: str) -> float:
  try:
    value = float(text)
  except ValueError:
    value = math.nan
  if not math.isfinite(value):
    raise UserError(f'--truncation_psi={text} does not parse: write a number, such as 0.7')
  return value


def _step(text: str) -> int:
  if not re.fullmatch(r'\d+', text, re.ASCII):
    raise UserError(f'--step={text} does not parse: write the number of a saved step')
  return int(text)


def _take_overrides(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
  """Parts `--config.FIELD=VALUE` (or `--config.FIELD VALUE`) from the other arguments."""
  rest, overrides = [], {}
  arguments = list(argv)
  while arguments:
    argument = arguments.pop(0)
    if not argument.startswith('--config.'):
      rest.append(argument)
      continue
    field, equals, value = argument.removeprefix('--config.').partition('=')
    if not equals:
      if not arguments or arguments[0].startswith('--'):
        raise UserError(f'{argument} needs a value: {argument}=VALUE')
      value = arguments.pop(0)
    overrides[field] = value
  return rest, overrides


def _parser(command: str, description: str, epilog: str) -> _Parser:
  return _Parser(
    prog=f'python launch.py {command}',
    usage=f'python launch.py {command} [FLAGS]',
    description=description,
    epilog=epilog,
    allow_abbrev=False,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )


def _train_parser() -> _Parser:
  parser = _parser('train', 'Trains a model, or goes on with one.', _FIELDS_NOTE)
  parser.add_argument(
    '--config', metavar='FILE', help='a preset; left out, the run in --workdir goes on'
  )
  parser.add_argument(
    '--workdir', metavar='DIR', help='folder of the run: pictures, log, checkpoints'
  )
  return parser


def _summary_parser() -> _Parser:
  parser = _parser('summary', 'Prints both networks of a preset layer by layer.', _FIELDS_NOTE)
  parser.add_argument('--config', metavar='FILE', help='a preset')
  return parser


def _sample_parser() -> _Parser:
  example = (
    'example:\n  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png\n'
  )
  parser = _parser('sample', 'Draws images from a trained model.', example)
  add = parser.add_argument
  add('--workdir', metavar='DIR', help='folder of the run to draw from')
  add('--seeds', type=parse_seeds, default='0-23', help='such as 0-23 or 1,5,9-12 (default: 0-23)')
  add(
    '--truncation_psi', '--psi', type=_psi, default=1.0, metavar='PSI',
    help='1: all the variety; less: more typical images (default: 1)',
  )  # fmt: skip
  add(
    '--noise_mode', choices=validation.NOISE_MODES, default='const',
    help='the noise maps: stored, new for each image, or none (default: const)',
  )  # fmt: skip
  add(
    '--out', default='samples.png', metavar='PATH',
    help='a .png: one grid; anything else: a folder of single images (default: samples.png)',
  )  # fmt: skip
  add('--class', dest='class_name', metavar='NAME', help='class to draw, for conditional models')
  add('--step', type=_step, help='a saved step of the run (default: the newest)')
  return parser
