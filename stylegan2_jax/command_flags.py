"""The flags of each command, and how their values are written.

Needs neither JAX nor data.
"""

import argparse
import difflib
import math
import os
import pathlib
import re
from typing import NoReturn

from stylegan2_jax import validation
from stylegan2_jax.data.preparation import options
from stylegan2_jax.errors import UserError

_FIELDS_NOTE = """\
--config.FIELD=VALUE sets a field of the config, for example --config.train.batch_size=8;
configs/default.py explains them all.
"""

_MAX_SEEDS = 100_000


class Parser(argparse.ArgumentParser):
  """Complains by a `UserError` of one line, instead of printing its usage and leaving."""

  needed: tuple[str, ...] = ()  # flags that must be given
  takes_fields = False  # whether --config.FIELD=VALUE has a meaning

  def error(self, message: str) -> NoReturn:
    """Refuses the command line."""
    raise UserError(f'{message}; {self.prog} --help lists the flags')

  def complain_about(self, argument: str) -> NoReturn:
    """Refuses an argument that is no flag, with the nearest name that is one."""
    name = argument.split('=')[0]
    known = [option for action in self._actions for option in action.option_strings]
    close = difflib.get_close_matches(name.split('.')[0], known, 1)
    self.error(f'unknown argument {name}' + (f', did you mean {close[0]}?' if close else ''))


def parse_seeds(text: str) -> list[int]:
  """A list of seeds and ranges of seeds, ends included, in the order given.

  >>> parse_seeds('1,5,9-12')
  [1, 5, 9, 10, 11, 12]

  Raises:
    UserError: it does not parse, a seed is 2**32 or more, or a range is empty or enormous.
  """
  seeds: list[int] = []
  for part in text.split(','):
    match = re.fullmatch(r'\s*(\d+)\s*(?:-\s*(\d+)\s*)?', part, re.ASCII)
    if match is None:
      raise UserError(f'--seeds={text} does not parse: write numbers and ranges, as in 1,5,9-12')
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
      raise UserError(f'--seeds={text}: the range {part.strip()} runs backwards')
    if last >= 2**32 or last - first + len(seeds) >= _MAX_SEEDS:
      raise UserError(f'--seeds={text}: at most {_MAX_SEEDS} seeds, each below 2**32')
    seeds.extend(range(first, last + 1))
  return seeds


def _psi(text: str) -> float:
  try:
    value = float(text)
  except ValueError:
    value = math.nan
  if not math.isfinite(value):
    raise UserError(f'--truncation_psi={text} does not parse: write a number, such as 0.7')
  return value


def _step(text: str) -> int:
  if not re.fullmatch(r'\d+', text, re.ASCII):
    raise UserError(f'--step={text} does not parse: write the number of a saved step')
  return int(text)


def _size(text: str) -> tuple[int, int]:
  match = re.fullmatch(r'(\d{1,5})(?:x(\d{1,5}))?', text, re.ASCII)
  if match is None:
    raise UserError(f'--resolution={text} does not parse: write 64, or 512x384 (width x height)')
  return int(match[1]), int(match[2] or match[1])


def _color(text: str) -> tuple[int, int, int]:
  named = {'white': 'ffffff', 'black': '000000', 'grey': '808080', 'gray': '808080'}
  match = re.fullmatch(r'#?([0-9a-fA-F]{6})', named.get(text, text))
  if match is None:
    raise UserError(f'--background={text} does not parse: write white, black, grey or #rrggbb')
  return tuple(bytes.fromhex(match[1]))


def _workers(text: str) -> int:
  if not re.fullmatch(r'\d{1,3}', text, re.ASCII):
    raise UserError(f'--workers={text} does not parse: write a number of processes')
  return int(text)


def parsers() -> dict[str, Parser]:
  """The parser of each command."""
  return {
    'train': _train(),
    'summary': _summary(),
    'sample': _sample(),
    'prepare': _prepare(),
    'inspect': _inspect(),
  }


def _parser(command: str, description: str, epilog: str) -> Parser:
  return Parser(
    prog=f'python launch.py {command}',
    usage=f'python launch.py {command} [FLAGS]',
    description=description,
    epilog=epilog,
    allow_abbrev=False,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )


def _train() -> Parser:
  parser = _parser('train', 'Trains a model, or goes on with one.', _FIELDS_NOTE)
  parser.add_argument(
    '--config', metavar='FILE', help='a preset; left out, the run in --workdir goes on'
  )
  parser.add_argument(
    '--workdir', metavar='DIR', help='folder of the run: pictures, log, checkpoints'
  )
  parser.needed, parser.takes_fields = ('workdir',), True
  return parser


def _summary() -> Parser:
  parser = _parser('summary', 'Prints both networks of a preset layer by layer.', _FIELDS_NOTE)
  parser.add_argument('--config', metavar='FILE', help='a preset')
  parser.needed, parser.takes_fields = ('config',), True
  return parser


def _sample() -> Parser:
  example = (
    'example:\n  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png\n'
  )
  parser = _parser('sample', 'Draws images from a trained model.', example)
  add = parser.add_argument
  add('--workdir', metavar='DIR', help='folder of the run to draw from')
  add('--seeds', type=parse_seeds, default='0-23', help='such as 0-23 or 1,5,9-12 (default: 0-23)')
  add(
    '--truncation_psi', '--psi', type=_psi, default=1.0, metavar='PSI',
    help='1: all the variety; less: more typical images (default: 1)',
  )  # fmt: skip
  add(
    '--noise_mode', choices=validation.NOISE_MODES, default='const',
    help='the noise maps: stored, new for each image, or none (default: const)',
  )  # fmt: skip
  add(
    '--out', default='samples.png', metavar='PATH',
    help='a .png: one grid; anything else: a folder of single images (default: samples.png)',
  )  # fmt: skip
  add(
    '--class', dest='label', metavar='LABEL',
    help='for conditional models: a class by name or number, or the numbers of a label vector, '
    'as in 0.2,0.8,0 (default: a row of the grid for each class)',
  )  # fmt: skip
  add('--step', type=_step, help='a saved step of the run (default: the newest)')
  parser.needed = ('workdir',)
  return parser


def _prepare() -> Parser:
  example = (
    'examples:\n'
    '  python launch.py prepare --source=photos --out=datasets/photos --resolution=256 \\\n'
    '      --transform=center-crop\n'
    '  python launch.py prepare --source=cifar-10-python.tar.gz --out=datasets/cifar10\n'
  )
  parser = _parser('prepare', 'Makes a data set of images, for training to read.', example)
  add = parser.add_argument
  add(
    '--source', metavar='PATH',
    help='folder, zip or tar of images (also one with a dataset.json); CIFAR-10 or -100 tar.gz; '
    'folder of MNIST idx.gz files; LSUN lmdb; StyleGAN TFRecords; tfds:NAME of the TFDS catalogue',
  )  # fmt: skip
  add('--out', metavar='DIR', type=pathlib.Path, help='the data set to be, as in datasets/photos')
  add(
    '--resolution', type=_size, metavar='N|WxH',
    help='size of the prepared images (default: that of the first image)',
  )  # fmt: skip
  add(
    '--transform', choices=options.TRANSFORMS, default='none',
    help='how an image of another shape gets this one: none skips it; center-crop; '
    'center-crop-wide, WxH between bars in a square; pad (default: none)',
  )  # fmt: skip
  add(
    '--filter', choices=options.FILTERS, default='lanczos',
    help='for resizing; comparable metrics need the same one (default: lanczos)',
  )  # fmt: skip
  add(
    '--labels', default='auto', metavar='auto|none|folders|FILE',
    help='labels to train on: those that come with the images, none, names of sub-folders, or a '
    'dataset.json or .csv of file,label (default: auto)',
  )  # fmt: skip
  add(
    '--channels', type=int, choices=(1, 2, 3, 4), default=3,
    help='grey, grey and alpha, RGB, RGBA (default: 3)',
  )  # fmt: skip
  add(
    '--background', type=_color, default='white', metavar='COLOR',
    help='behind transparent images and around padded ones: white, black, #rrggbb (default: white)',
  )  # fmt: skip
  add(
    '--format', choices=options.FORMATS, default='png',
    help='of the stored images: png is exact, jpeg smaller (default: png)',
  )  # fmt: skip
  add(
    '--split', choices=('train', 'test', 'all'), default='train',
    help='of published sets that have several (default: train)',
  )  # fmt: skip
  add('--upscale', action='store_true', help='enlarge images that are too small, not skip them')
  add('--strict', action='store_true', help='an image that must be skipped is an error')
  add(
    '--workers', type=_workers, default=_processors(), metavar='N',
    help='processes that convert images (default: one per processor)',
  )  # fmt: skip
  parser.needed = ('source', 'out')
  return parser


def _inspect() -> Parser:
  example = 'example:\n  python launch.py inspect --data=datasets/photos\n'
  parser = _parser('inspect', 'Reads a prepared data set and says what is in it.', example)
  add = parser.add_argument
  add('--data', metavar='PATH|NAME', help='folder of the set, or its name in --data_dir')
  add('--data_dir', default='datasets', metavar='DIR', help='where names are (default: datasets)')
  add(
    '--out', type=pathlib.Path, default='contact.png', metavar='PNG',
    help='the contact sheet to draw (default: contact.png)',
  )  # fmt: skip
  parser.needed = ('data',)
  return parser


def _processors() -> int:
  """Those that this process may use."""
  return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
