"""`launch.py sample`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands.parser import Parser, new_parser


def parser() -> Parser:
  """The flags of the command."""
  example = (
    'example:\n  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png\n'
  )
  new = new_parser('sample', 'Draws images from a trained model.', example)
  common.add_model(new)
  common.add_seeds(new, '0-23')
  common.add_truncation(new)
  common.add_noise(new)
  common.add_out(new, 'samples.png', 'a .png: one grid; anything else: a folder of single images')
  common.add_label(new, 'a row of the grid for each class')
  return new


def run(flags: argparse.Namespace) -> None:
  """Draws images from a trained model."""
  backend.prepare()
  from stylegan2_jax.tools import sample as tool

  tool.sample_command(
    **common.drawing(flags),
    seeds=flags.seeds,
  )
