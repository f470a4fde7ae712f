"""`launch.py export`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.exporters.choices import FORMATS, NOISE_MODES, PARTS, PIXELS

_EXAMPLES = """\
examples:
  python launch.py export --workdir=runs/shapes --out=shapes.stablehlo
  python launch.py export --workdir=runs/shapes --part=synthesis --out=synthesis.stablehlo
  python launch.py export --workdir=runs/shapes --format=official --out=shapes.pt

docs/export.md says how the files are used.
"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('export', 'Writes a trained model for other programs.', _EXAMPLES)
  common.add_model(new)
  formats = '; '.join(f'{name}: {what}' for name, (_, what) in FORMATS.items())
  new.add_argument(
    '--format', choices=tuple(FORMATS), default='stablehlo', help=f'{formats} (default: stablehlo)'
  )
  new.add_argument(
    '--part', choices=PARTS,
    help='of a program: z to images, z to w, w to images, or images to logits '
    '(default: generator)',
  )  # fmt: skip
  new.add_argument(
    '--noise_mode', choices=NOISE_MODES,
    help='of a program that draws: the stored noise maps, or none (default: const)',
  )  # fmt: skip
  new.add_argument(
    '--pixels', choices=PIXELS,
    help='of a program that draws: in [-1, 1], or whole numbers from 0 to 255 (default: float32)',
  )  # fmt: skip
  names = ', '.join(name.format(part='PART') for name, _ in FORMATS.values())
  new.add_argument(
    '--out', type=values.file_path, metavar='FILE', help=f'(default: {names})'
  )  # fmt: skip
  return new


def run(flags: argparse.Namespace) -> None:
  """Writes a trained model for other programs."""
  backend.prepare()
  from stylegan2_jax.tools import export as tool

  tool.export_command(
    model=flags.workdir,
    format=flags.format,
    out=flags.out,
    part=flags.part,
    noise=flags.noise_mode,
    pixels=flags.pixels,
    step=flags.step,
  )
