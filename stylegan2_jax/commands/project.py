"""`launch.py project`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser

_EXAMPLES = """\
examples:
  python launch.py project --workdir=runs/shapes --target=photo.png --out=projected
  python launch.py project --workdir=runs/shapes --target=photos/ --space=w+ --video
  python launch.py project --workdir=runs/shapes --target=photo.png --vgg=vgg16.pth --lpips=vgg.pth

A projection that was interrupted goes on with the same command.
"""


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('project', 'Finds the latents of given images.', _EXAMPLES)
  add = new.add_argument
  common.add_model(new)
  add(
    '--target', dest='targets', type=values.path, action='append', default=[], metavar='PATH',
    help='an image, a folder or a zip of images; may be given several times',
  )  # fmt: skip
  add(
    '--seeds', type=values.seeds('seeds'), default=[],
    help='instead of --target: images of the model itself, such as 0-15',
  )  # fmt: skip
  add(
    '--transform', choices=('center-crop', 'pad', 'none'), default='center-crop',
    help='what becomes of targets of another shape; none refuses them (default: center-crop)',
  )  # fmt: skip
  add(
    '--space', choices=('w', 'w+'), default='w',
    help='one w for all layers, or w+: one for each, which comes closer (default: w)',
  )  # fmt: skip
  add(
    '--steps', type=values.whole('steps', 1, 100_000, 'does not fit: write a number from 1'),
    default=1000, metavar='N', help='of the optimization (default: 1000)',
  )  # fmt: skip
  add('--learning_rate', type=_rate, default=0.1, metavar='N', help='its highest (default: 0.1)')
  add(
    '--distance', choices=('auto', 'lpips', 'wavelet'), default='auto',
    help='lpips needs weights; auto: lpips with --vgg, else wavelet (default: auto)',
  )  # fmt: skip
  add(
    '--vgg', type=values.path, metavar='FILE',
    help='the weights of VGG16 as torchvision publishes them (.pth), or a .npz or .safetensors',
  )  # fmt: skip
  add(
    '--lpips', type=values.path, metavar='FILE',
    help='the linear weights of LPIPS (its vgg.pth), where they are not in the other file',
  )  # fmt: skip
  add(
    '--class', dest='label', metavar='LABEL',
    help='for conditional models: a class by name or number, or the numbers of a label vector',
  )  # fmt: skip
  add('--batch_size', type=_count, metavar='N', help='images at a time (default: by their size)')
  add('--seed', type=_seed, default=0, metavar='N', help='of the random numbers (default: 0)')
  add('--video', action='store_true', help='also write a film of how the images come about')
  add(
    '--save_every', type=_seconds, default=30.0, metavar='SECONDS',
    help='how often the state is saved (default: 30)',
  )  # fmt: skip
  common.add_out(new, 'projected', 'a folder')
  return new


def run(flags: argparse.Namespace) -> None:
  """Projects images."""
  backend.prepare()
  from stylegan2_jax.tools import project as tool

  tool.project_command(
    model=flags.workdir,
    targets=flags.targets,
    seeds=flags.seeds,
    out=flags.out,
    space=flags.space,
    steps=flags.steps,
    distance=flags.distance,
    vgg=flags.vgg,
    lpips=flags.lpips,
    transform=flags.transform,
    label=flags.label,
    step=flags.step,
    seed=flags.seed,
    batch_size=flags.batch_size,
    learning_rate=flags.learning_rate,
    video=flags.video,
    save_seconds=flags.save_every,
  )


_count = values.whole('batch_size', 1, 1024, 'does not fit: write a number from 1 to 1024')
_seed = values.whole('seed', 0, 2**32 - 1, 'does not fit: write a number below 2**32')
_rate = values.number('learning_rate', lambda v: 0 < v <= 10, 'must be between 0 and 10')
_seconds = values.number('save_every', lambda v: v > 0, 'must be a number of seconds above 0')
