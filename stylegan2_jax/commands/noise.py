"""`launch.py noise`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser

_EPILOG = """\
For each seed: the image; a detail of it, where noise changes most, with the noise drawn anew four
times; how far each pixel varies with the noise; and the image without noise, with noise in fine
layers alone, and in coarse ones alone.

example:
  python launch.py noise --workdir=runs/shapes --seeds=0-3 --out=noise.png
"""
_realizations = values.whole('realizations', 2, 100_000, 'does not fit: write 2 to 100000')
_fine_from = values.whole('fine_from', 1, 2**20, 'does not parse: write a resolution, such as 64')


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('noise', 'Shows what the noise maps do.', _EPILOG)
  common.add_model(new)
  common.add_seeds(new, '0-3')
  new.add_argument(
    '--realizations', type=_realizations, default=100, metavar='N',
    help='of the noise, for the map of deviations (default: 100)',
  )  # fmt: skip
  new.add_argument(
    '--fine_from', type=_fine_from, metavar='RESOLUTION',
    help='where fine layers begin (default: the upper half of the resolutions)',
  )  # fmt: skip
  common.add_truncation(new)
  common.add_label(new)
  common.add_out(new, 'noise.png', 'a .png: one sheet; anything else: a folder of single images')
  return new


def run(flags: argparse.Namespace) -> None:
  """Shows what the noise maps do."""
  backend.prepare()
  from stylegan2_jax.tools import noise as tool

  tool.noise_command(
    **common.drawing(flags),
    seeds=flags.seeds,
    realizations=flags.realizations,
    fine_from=flags.fine_from,
  )
