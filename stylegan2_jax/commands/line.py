"""The grammar of the command line: a command, its flags, and `--config.field=value`.

Needs neither JAX nor data.
"""

import argparse
from collections.abc import Sequence

from stylegan2_jax import commands
from stylegan2_jax.errors import UserError

_TITLE = 'StyleGAN2: train it, look at it, draw from it.\n'
_EXAMPLES = """\
examples:
  python launch.py --config=configs/shapes.py --workdir=runs/shapes
  python launch.py --config=configs/shapes.py --config.train.total_kimg=50 --workdir=runs/short
  python launch.py --workdir=runs/shapes                       go on where it stopped
  python launch.py summary --config=configs/wide32.py
  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png
  python launch.py ablate --config=configs/shapes.py --workdir=runs/ablation \\
      --vary=train.r1_gamma=0.1,1,10 --vary=train.pl_weight=0,2 --seeds=3
  python launch.py prepare --source=photos.zip --out=datasets/photos --resolution=64

`python launch.py COMMAND --help` lists the flags of a command.
"""


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
    print(_TITLE, commands.overview(), _EXAMPLES, sep='\n', end='')
    raise SystemExit(0)
  command = 'train' if not rest or rest[0].startswith('-') else rest.pop(0)
  if command not in commands.COMMANDS:
    raise UserError(f'unknown command {command}: choose one of {", ".join(commands.COMMANDS)}')
  parser = commands.module(command).parser()
  if overrides and not parser.takes_fields:
    parser.error(f'{command} takes no --config')
  flags, unknown = parser.parse_known_args(rest)
  if unknown:
    parser.complain_about(unknown[0])
  for name in parser.needed:
    if getattr(flags, name) is None:
      parser.error(f'--{name} is missing')
  flags.command, flags.overrides = command, overrides
  return flags


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
