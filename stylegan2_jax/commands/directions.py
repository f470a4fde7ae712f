"""`launch.py directions`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser

_EPILOG = """\
pca: the principal components of w (GANSpace, arXiv 2004.02546).
sefa: what the weights of the style layers amplify most (SeFa, arXiv 2007.06600).

examples:
  python launch.py directions --workdir=runs/shapes --out=directions.npz
  python launch.py directions --workdir=runs/shapes --method=sefa --layers=coarse --seeds=3,8
"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('directions', 'Finds what w can change, and shows it in strips.', _EPILOG)
  add = new.add_argument
  common.add_model(new)
  add('--method', choices=('pca', 'sefa'), default='pca', help='see below (default: pca)')
  add('--count', type=_count, default=8, metavar='K', help='how many directions (default: 8)')
  add(
    '--layers',
    help='the layers that are moved, and of sefa those whose weights count, such as 0-3,5 or '
    'coarse, middle, fine (default: all)',
  )  # fmt: skip
  add(
    '--samples', type=_samples, default=20_000, metavar='N',
    help='how many w are drawn for standard deviations and pca (default: 20000)',
  )  # fmt: skip
  common.add_seeds(new, '0', what='of the strips, ')
  add(
    '--reach', type=_reach, default=3.0, metavar='SD',
    help='strips go from -SD to +SD standard deviations of w (default: 3)',
  )  # fmt: skip
  add('--steps', type=_steps, default=7, metavar='N', help='images of a strip (default: 7)')
  common.add_truncation(new)
  common.add_noise(new)
  common.add_label(new)
  common.add_out(new, 'directions.npz', 'a .npz of arrays; the sheet gets the same name with .png')
  return new


def run(flags: argparse.Namespace) -> None:
  """Finds directions."""
  backend.prepare()
  from stylegan2_jax.tools import direction_strips as tool

  tool.directions_command(
    **common.drawing(flags),
    method=flags.method,
    count=flags.count,
    layers=flags.layers,
    samples=flags.samples,
    seeds=flags.seeds,
    reach=flags.reach,
    steps=flags.steps,
  )


_count = values.whole('count', 1, 9999, 'does not fit: write a number of directions from 1')
_samples = values.whole('samples', 2, 10**7, 'does not fit: write a number from 2 to 10000000')
_steps = values.whole('steps', 2, 99, 'does not fit: write a number from 2 to 99')
_reach = values.number('reach', lambda v: 0 < v <= 100, 'does not fit: write a number up to 100')
