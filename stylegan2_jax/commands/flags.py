"""Flags that several commands share, and what their help says about config fields."""

import argparse
from typing import Any

from stylegan2_jax import validation
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser

FIELDS_NOTE = """\
--config.FIELD=VALUE sets a field of the config, for example --config.train.batch_size=8;
configs/default.py explains them all.
"""


def add_model(parser: Parser) -> None:
  """--workdir and --step: the model that a command works with."""
  parser.add_argument(
    '--workdir', type=values.path, metavar='DIR',
    help='the model: folder of a run, one of its checkpoints, or a .safetensors, .pkl or .pt file',
  )  # fmt: skip
  parser.add_argument(
    '--step', type=values.step,
    help='a saved step of the run, or best, by its metrics (default: newest)',
  )  # fmt: skip
  parser.needed = ('workdir',)


def add_seeds(parser: Parser, default: str, flag: str = 'seeds', what: str = '') -> None:
  """--seeds, or another flag that takes such a list."""
  parser.add_argument(
    f'--{flag}', type=values.seeds(flag), default=default,
    help=f'{what}such as 0-23 or 1,5,9-12 (default: {default})',
  )  # fmt: skip


def add_truncation(parser: Parser, psi: bool = True) -> None:
  """--truncation_psi unless `psi` is off, --truncation_cutoff and --truncation_center."""
  if psi:
    parser.add_argument(
      '--truncation_psi', '--psi', type=values.psi, default=1.0, metavar='PSI',
      help='1: all the variety; less: more typical images (default: 1)',
    )  # fmt: skip
  parser.add_argument(
    '--truncation_cutoff', type=values.cutoff, metavar='N',
    help='truncate only the N coarsest layers (default: all)',
  )  # fmt: skip
  parser.add_argument(
    '--truncation_center', choices=validation.CENTERS, default='global',
    help='what truncation goes towards: the one average of all classes, or of each class its '
    'own (default: global)',
  )  # fmt: skip


def add_noise(parser: Parser) -> None:
  """--noise_mode."""
  parser.add_argument(
    '--noise_mode', choices=validation.NOISE_MODES, default='const',
    help='the noise maps: stored, new for each image, or none (default: const)',
  )  # fmt: skip


def add_label(parser: Parser, left_out: str = 'class 0') -> None:
  """--class, as `flags.label`; `left_out` says what happens without."""
  parser.add_argument(
    '--class', dest='label', metavar='LABEL',
    help='for conditional models: a class by name or number, or the numbers of a label vector, '
    f'as in 0.2,0.8,0 (default: {left_out})',
  )  # fmt: skip


def add_out(parser: Parser, default: str, what: str) -> None:
  """--out, a path."""
  parser.add_argument(
    '--out', type=values.file_path, default=default, metavar='PATH',
    help=f'{what} (default: {default})',
  )  # fmt: skip


_DRAWING = {
  'model': 'workdir', 'step': 'step', 'label': 'label', 'out': 'out', 'psi': 'truncation_psi',
  'cutoff': 'truncation_cutoff', 'center': 'truncation_center', 'noise': 'noise_mode',
}  # fmt: skip


def drawing(flags: argparse.Namespace) -> dict[str, Any]:
  """The arguments that tools take for the flags of this file, those that the command has."""
  return {name: getattr(flags, flag) for name, flag in _DRAWING.items() if hasattr(flags, flag)}
