"""`launch.py interpolate`: its flags, and what it starts."""

import argparse
import re

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.errors import UserError

_EXAMPLES = """\
examples:
  python launch.py interpolate --workdir=runs/shapes --seeds=0-7 --loop --out=walk.mp4
  python launch.py interpolate --workdir=runs/shapes --seeds=0-23 --grid=2x3 --out=walk.webp
"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('interpolate', 'Walks from image to image, as a film.', _EXAMPLES)
  add = new.add_argument
  common.add_model(new)
  common.add_seeds(new, '0-5', what='where the walk passes, ')
  add(
    '--space', choices=('w', 'z'), default='w',
    help='what is interpolated: the intermediate latents w, or the latents z (default: w)',
  )  # fmt: skip
  add(
    '--method', choices=('linear', 'slerp', 'spline'),
    help='straight, on the sphere (z alone), or smooth (default: spline in w, slerp in z)',
  )  # fmt: skip
  add(
    '--frames', type=_frames, metavar='N', help='from a seed to the next (default: 50)'
  )  # fmt: skip
  add('--seconds', type=values.seconds, metavar='N', help='length of the film, instead of --frames')
  add('--fps', type=_fps, default=25, metavar='N', help='frames per second (default: 25)')
  add('--loop', action='store_true', help='back to the first seed, to be shown again and again')
  add(
    '--grid', type=_grid, default=(1, 1), metavar='RxC',
    help='so many rows x columns of walks side by side, which share out the seeds (default: 1x1)',
  )  # fmt: skip
  common.add_truncation(new)
  common.add_noise(new)
  add(
    '--class', dest='labels', action='append', default=[], metavar='LABEL',
    help='for conditional models: a class by name or number, or the numbers of a label vector; '
    'several times: that of the first seed, of the second and so on, in turn (default: class 0)',
  )  # fmt: skip
  common.add_out(
    new, 'walk.mp4', 'a .mp4, .webp or .gif; without a suffix: a folder of single frames'
  )
  return new


def run(flags: argparse.Namespace) -> None:
  """Writes a walk."""
  if flags.frames is not None and flags.seconds is not None:
    raise UserError('--frames and --seconds both say how long the walk is: leave one out')
  backend.prepare()
  from stylegan2_jax.tools import interpolate as tool

  tool.interpolate_command(
    **common.drawing(flags),
    seeds=flags.seeds,
    fps=flags.fps,
    frames=flags.frames or 50,
    seconds=flags.seconds,
    labels=flags.labels,
    space=flags.space,
    method=flags.method,
    loop=flags.loop,
    grid=flags.grid,
  )


_frames = values.whole('frames', 1, 9999, 'does not fit: write a number from 1 to 9999')
_fps = values.whole('fps', 1, 120, 'does not fit: write a number from 1 to 120')


def _grid(text: str) -> tuple[int, int]:
  """(rows, columns) of 2x3."""
  match = re.fullmatch(r'(\d{1,3})x(\d{1,3})', text, re.ASCII)
  if match is None or not int(match[1]) or not int(match[2]):
    raise UserError(f'--grid={text} does not parse: write rows x columns, as in 2x3')
  return int(match[1]), int(match[2])
