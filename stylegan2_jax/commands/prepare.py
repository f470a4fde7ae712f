"""`launch.py prepare`: its flags, and what it starts."""

import argparse

from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.data.preparation import options


def parser() -> Parser:
  """The flags of the command."""
  example = (
    'examples:\n'
    '  python launch.py prepare --source=photos --out=datasets/photos --resolution=256 \\\n'
    '      --transform=center-crop\n'
    '  python launch.py prepare --source=cifar-10-python.tar.gz --out=datasets/cifar10\n'
  )
  new = new_parser('prepare', 'Makes a data set of images, for training to read.', example)
  add = new.add_argument
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
  new.needed = ('source', 'out')
  return new


def run(flags: argparse.Namespace) -> None:
  """Makes a data set of images."""
  from stylegan2_jax.tools import prepare as tool

  tool.prepare_command(flags)
