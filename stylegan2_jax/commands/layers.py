"""`launch.py layers`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser

_EPILOG = """\
Of generators of the architecture skip, whose image is the sum of the RGB of all resolutions: how
much each contributes, as a table and a bar chart, and how the images of seeds are built up.

example:
  python launch.py layers --workdir=runs/shapes --seeds=0-2 --out=layers.png
"""
_samples = values.whole('samples', 2, 1_000_000, 'does not fit: write 2 to 1000000')


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('layers', 'Shows what each resolution contributes.', _EPILOG)
  common.add_model(new)
  common.add_seeds(new, '0-2', what='images that are built up, ')
  new.add_argument(
    '--samples', type=_samples, default=1024, metavar='N',
    help='images that the contributions are measured over (default: 1024)',
  )  # fmt: skip
  common.add_truncation(new)
  common.add_noise(new)
  common.add_label(new, 'each in turn')
  common.add_out(
    new, 'layers.png', 'a .png: chart and sheet; anything else: a folder of single images'
  )
  return new


def run(flags: argparse.Namespace) -> None:
  """Shows what each resolution contributes."""
  backend.prepare()
  from stylegan2_jax.tools import layers as tool

  tool.layers_command(
    **common.drawing(flags),
    seeds=flags.seeds,
    samples=flags.samples,
  )
