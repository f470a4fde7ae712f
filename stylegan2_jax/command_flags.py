"""The flags of each command, and how their values are written.

Needs neither JAX nor data.
"""

import argparse
import difflib
from typing import NoReturn

from stylegan2_jax import command_values as values
from stylegan2_jax import validation
from stylegan2_jax.data.preparation import options
from stylegan2_jax.errors import UserError

_FIELDS_NOTE = """\
--config.FIELD=VALUE sets a field of the config, for example --config.train.batch_size=8;
configs/default.py explains them all.
"""


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
    '--workdir',
    type=values.path,
    metavar='DIR',
    help='folder of the run: pictures, log, checkpoints',
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
  add('--workdir', type=values.path, metavar='DIR', help='folder of the run to draw from')
  add(
    '--seeds',
    type=values.parse_seeds,
    default='0-23',
    help='such as 0-23 or 1,5,9-12 (default: 0-23)',
  )
  add(
    '--truncation_psi', '--psi', type=values.psi, default=1.0, metavar='PSI',
    help='1: all the variety; less: more typical images (default: 1)',
  )  # fmt: skip
  add(
    '--noise_mode', choices=validation.NOISE_MODES, default='const',
    help='the noise maps: stored, new for each image, or none (default: const)',
  )  # fmt: skip
  add(
    '--out', type=values.path, default='samples.png', metavar='PATH',
    help='a .png: one grid; anything else: a folder of single images (default: samples.png)',
  )  # fmt: skip
  add(
    '--class', dest='label', metavar='LABEL',
    help='for conditional models: a class by name or number, or the numbers of a label vector, '
    'as in 0.2,0.8,0 (default: a row of the grid for each class)',
  )  # fmt: skip
  add('--step', type=values.step, help='a saved step of the run (default: the newest)')
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
    '--source', type=values.path, metavar='PATH',
    help='folder, zip or tar of images (also one with a dataset.json); CIFAR-10 or -100 tar.gz; '
    'folder of MNIST idx.gz files; LSUN lmdb; StyleGAN TFRecords; tfds:NAME of the TFDS catalogue',
  )  # fmt: skip
  add(
    '--out', metavar='DIR', type=values.file_path, help='the data set to be, as in datasets/photos'
  )
  add(
    '--resolution', type=values.size, metavar='N|WxH',
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
    '--labels', type=values.path, default='auto', metavar='auto|none|folders|FILE',
    help='labels to train on: those that come with the images, none, names of sub-folders, or a '
    'dataset.json or .csv of file,label (default: auto)',
  )  # fmt: skip
  add(
    '--channels', type=int, choices=(1, 2, 3, 4), default=3,
    help='grey, grey and alpha, RGB, RGBA (default: 3)',
  )  # fmt: skip
  add(
    '--background', type=values.color, default='white', metavar='COLOR',
    help='behind transparent images, around padded ones: white, black, grey, #rrggbb (default: '
    'white)',
  )  # fmt: skip
  add(
    '--format', choices=options.FORMATS, default='png',
    help='of the stored images: png is exact, jpeg smaller (default: png)',
  )  # fmt: skip
  add(
    '--split', default='train', metavar='SPLIT',
    help='of MNIST and CIFAR: train, test or all; of TFDS sets also such as validation or '
    'train[:10%%] (default: train)',
  )  # fmt: skip
  add('--upscale', action='store_true', help='enlarge images that are too small, not skip them')
  add('--strict', action='store_true', help='an image that must be skipped is an error')
  add(
    '--workers', type=values.workers, default=values.processors(), metavar='N',
    help='processes that convert images; 0 does without (default: one per processor)',
  )  # fmt: skip
  parser.needed = ('source', 'out')
  return parser


def _inspect() -> Parser:
  example = 'example:\n  python launch.py inspect --data=datasets/photos\n'
  parser = _parser('inspect', 'Reads a prepared data set and says what is in it.', example)
  add = parser.add_argument
  add(
    '--data',
    type=values.path,
    metavar='PATH|NAME',
    help='folder of the set, or its name in --data_dir',
  )
  add(
    '--data_dir',
    type=values.path,
    default='datasets',
    metavar='DIR',
    help='where names are (default: datasets)',
  )
  add(
    '--out', type=values.file_path, default='contact.png', metavar='PNG',
    help='the contact sheet to draw (default: contact.png)',
  )  # fmt: skip
  parser.needed = ('data',)
  return parser
