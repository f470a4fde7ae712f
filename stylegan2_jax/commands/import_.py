"""`launch.py import`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser

_EPILOG = """\
Understood are the official PyTorch pickles (StyleGAN2-ADA, and the stylegan2 configuration of
StyleGAN3), the official TensorFlow pickles, and the .pt files of the community PyTorch version.
Nothing that a file contains is executed, and neither PyTorch nor TensorFlow is needed.

example:
  python launch.py import --pickle=ffhq.pkl --workdir=runs/ffhq
"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('import', 'Makes a run of a model from another project.', _EPILOG)
  add = new.add_argument
  add('--pickle', type=values.file_path, metavar='FILE', help='a .pkl or .pt file')
  add('--workdir', type=values.file_path, metavar='DIR', help='folder to make for the model')
  new.needed = ('pickle', 'workdir')
  return new


def run(flags: argparse.Namespace) -> None:
  """Makes a run of a model from another project."""
  backend.prepare()
  from stylegan2_jax.tools import import_model as tool

  tool.import_command(flags.pickle, flags.workdir)
