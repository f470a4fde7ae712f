"""The flags of each command, and how their values are written.

Needs neither JAX nor data.
"""

from stylegan2_jax import ablation_flags, validation
from stylegan2_jax import command_values as values
from stylegan2_jax.command_parser import Parser, new_parser
from stylegan2_jax.data.preparation import options

_FIELDS_NOTE = """\
--config.FIELD=VALUE sets a field of the config, for example --config.train.batch_size=8;
configs/default.py explains them all.
"""
_STATUS_NOTE = """\
Exit status: 0 finished; 75 stopped by Ctrl-C, SIGTERM or --time_limit, or another host was lost:
the same command goes on; 1 cannot go on as it is; 2 bad input.

"""


def parsers() -> dict[str, Parser]:
  """The parser of each command."""
  return {
    'train': _train(),
    'watch': _watch(),
    'progress': _progress(),
    'ablate': ablation_flags.parser(_FIELDS_NOTE),
    'profile': _profile(),
    'summary': _summary(),
    'sample': _sample(),
    'prepare': _prepare(),
    'inspect': _inspect(),
  }


def _train() -> Parser:
  parser = new_parser('train', 'Trains a model, or goes on with one.', _STATUS_NOTE + _FIELDS_NOTE)
  add = parser.add_argument
  add('--config', metavar='FILE', help='a preset; left out, the run in --workdir goes on')
  add(
    '--workdir',
    type=values.path,
    metavar='DIR',
    help='folder of the run: pictures, log, checkpoints',
  )
  add(
    '--time_limit', type=values.duration, metavar='TIME',
    help='save and end with status 75 after 90m, 3.5h, 2d or 3:30:00 (default: no limit)',
  )  # fmt: skip
  add(
    '--dry_run', action='store_true',
    help='only print the plan: networks, memory, steps, where everything goes',
  )  # fmt: skip
  add(
    '--coordinator', metavar='HOST:PORT',
    help='on several hosts: the first one and a free port of it (found by itself under SLURM, '
    'Open MPI and on TPU pods, as the next two)',
  )  # fmt: skip
  add('--num_processes', type=int, metavar='N', help='on several hosts: how many processes train')
  add('--process_id', type=int, metavar='I', help='on several hosts: which of them this is, from 0')
  parser.needed, parser.takes_fields = ('workdir',), True
  return parser


def _watch() -> Parser:
  example = 'example:\n  python launch.py watch --workdir=runs/shapes\n'
  parser = new_parser('watch', 'Shows live how a run stands; Ctrl-C ends.', example)
  add = parser.add_argument
  add('--workdir', type=values.path, metavar='DIR', help='folder of the run')
  add(
    '--once', action='store_true',
    help='only print it, as where the output is no terminal',
  )  # fmt: skip
  parser.needed = ('workdir',)
  return parser


def _progress() -> Parser:
  example = (
    'examples:\n  python launch.py progress --workdir=runs/shapes --out=progress.mp4\n'
    '  python launch.py progress --workdir=runs/shapes --out=progress.md\n'
  )
  parser = new_parser('progress', 'Shows how the pictures of a run came to be.', example)
  add = parser.add_argument
  add('--workdir', type=values.path, metavar='DIR', help='folder of the run')
  add(
    '--out', type=values.path, default='progress.mp4', metavar='PATH',
    help='a .mp4, .gif or .webp: a film; a .md: a table with pictures (default: progress.mp4)',
  )  # fmt: skip
  add(
    '--seconds', type=values.seconds, default=10.0, metavar='N',
    help='length of the film (default: 10)',
  )  # fmt: skip
  add(
    '--width', type=values.width, metavar='N',
    help='of the pictures in pixels (default: as they are, but at most 1024, GIF 640, table 512)',
  )  # fmt: skip
  parser.needed = ('workdir',)
  return parser


def _summary() -> Parser:
  parser = new_parser('summary', 'Prints both networks of a preset layer by layer.', _FIELDS_NOTE)
  parser.add_argument('--config', metavar='FILE', help='a preset')
  parser.needed, parser.takes_fields = ('config',), True
  return parser


def _profile() -> Parser:
  example = 'example:\n  python launch.py profile --config=configs/shapes.py --out=profile\n\n'
  description = 'Says where the time of a training step goes: each phase, and its operations.'
  parser = new_parser('profile', description, example + _FIELDS_NOTE)
  add = parser.add_argument
  add('--config', metavar='FILE', help='a preset; left out, the config of the run in --workdir')
  add('--workdir', type=values.path, metavar='DIR', help='a run, of which the config alone is read')
  add(
    '--steps', type=values.steps, default=10, metavar='N',
    help='how often each phase is timed (default: 10)',
  )  # fmt: skip
  add(
    '--out', type=values.file_path, metavar='DIR',
    help='folder for the traces and operations.csv; each trace takes several MB',
  )  # fmt: skip
  parser.needed, parser.takes_fields = ('out',), True
  return parser


def _sample() -> Parser:
  example = (
    'example:\n  python launch.py sample --workdir=runs/shapes --seeds=0-23 --out=grid.png\n'
  )
  parser = new_parser('sample', 'Draws images from a trained model.', example)
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
    '--truncation_center', choices=validation.CENTERS, default='global',
    help='what --truncation_psi goes towards: the one average of all classes, or of each class its '
    'own (default: global)',
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
  parser = new_parser('prepare', 'Makes a data set of images, for training to read.', example)
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
  parser = new_parser('inspect', 'Reads a prepared data set and says what is in it.', example)
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
