"""`launch.py ablate`: its flags, and what it starts."""

import argparse
import pathlib
import re

from stylegan2_jax.commands import values
from stylegan2_jax.commands.flags import FIELDS_NOTE
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.errors import UserError

_EPILOG = """\
example:
  python launch.py ablate --config=configs/shapes.py --workdir=runs/ablation \\
      --vary=train.r1_gamma=0.1,1,10 --vary=train.pl_weight=0,2 --seeds=3

Each run is an ordinary one, in WORKDIR/VARIANT/seedN. The same command goes on where it stopped,
with other values it adds variants. One run that fails ends no other. At the end, table.md,
table.csv and curves.png in WORKDIR compare all that is there.

Exit status: 0 all finished; 75 stopped by Ctrl-C, SIGTERM or --time_limit: the same command goes
on; 1 some runs failed; 2 bad input.

"""


number_of_seeds = values.whole(
  'seeds', 1, 999, 'does not fit: write how many, as in 3, which trains 0, 1, 2'
)
jobs = values.whole('jobs', 1, 99, 'does not fit: write how many runs at a time, as in 2')
share = values.number(
  'last', lambda v: 0 < v <= 1, 'does not fit: write a number above 0 and up to 1, such as 0.1'
)  # of a run


def devices(text: str) -> list[str]:
  """CUDA's numbers or names of devices.

  >>> devices('0, 2')
  ['0', '2']
  """
  found = [part.strip() for part in text.split(',')]
  if not all(re.fullmatch(r'[\w/-]+', part, re.ASCII) for part in found):
    raise UserError(f'--devices={text} does not parse: write numbers of devices, as in 0,1')
  if len(set(found)) < len(found):
    raise UserError(f'--devices={text} names a device twice: each trains one run at a time')
  return found


def names(text: str) -> list[str]:
  """Of scalars."""
  found = [part.strip() for part in text.split(',')]
  if not all(found):
    raise UserError(f'--of={text} does not parse: write names of scalars, as in loss_d,sign_real')
  return found


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser(
    'ablate', 'Trains variants of a preset and compares them.', _EPILOG + FIELDS_NOTE
  )
  add = new.add_argument
  add('--config', metavar='FILE', help='a preset, which all variants share')
  add('--workdir', type=values.path, metavar='DIR', help='folder of the ablation')
  add(
    '--vary', action='append', metavar='FIELD=VALUE,VALUE',
    help='values of a field; several times: all combinations. Values with commas in double quotes',
  )  # fmt: skip
  add(
    '--seeds', type=number_of_seeds, default=1, metavar='N',
    help='train each variant with seeds 0 to N-1 (default: 1)',
  )  # fmt: skip
  add(
    '--devices', type=devices, metavar='I,J',
    help='CUDA devices, each of which trains one run at a time (default: one run on all)',
  )  # fmt: skip
  add(
    '--jobs', type=jobs, metavar='N',
    help='without --devices: how many runs at a time, as on a CPU (default: 1)',
  )  # fmt: skip
  add(
    '--of', type=names, default=(), metavar='NAME,NAME',
    help='scalars of stats.jsonl to compare (default: losses, logits, penalties, time of a step)',
  )  # fmt: skip
  add(
    '--last', type=share, default=0.1, metavar='SHARE',
    help='the part of each run, from its end, that the table averages (default: 0.1)',
  )  # fmt: skip
  add(
    '--time_limit', type=values.duration, metavar='TIME',
    help='save and end with status 75 after 90m, 3.5h, 2d or 3:30:00 (default: no limit)',
  )  # fmt: skip
  new.needed, new.takes_fields = ('config', 'workdir', 'vary'), True
  return new


def run(flags: argparse.Namespace) -> None:
  """Trains variants of a preset, and compares them."""
  if flags.devices and flags.jobs:
    raise UserError('--jobs and --devices exclude each other: each device trains one run at a time')
  from stylegan2_jax.tools import ablate as tool

  tool.ablate_command(
    config=flags.config,
    overrides=flags.overrides,
    workdir=pathlib.Path(flags.workdir),
    vary=flags.vary,
    seeds=flags.seeds,
    devices=flags.devices or [None] * (flags.jobs or 1),
    of=flags.of,
    last=flags.last,
    time_limit=flags.time_limit,
  )
