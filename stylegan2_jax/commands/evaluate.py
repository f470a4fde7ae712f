"""`launch.py evaluate`: its flags, and what it starts."""

import argparse

from stylegan2_jax import backend
from stylegan2_jax.commands import flags as common
from stylegan2_jax.commands import values
from stylegan2_jax.commands.parser import Parser, new_parser
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics import names

_EXAMPLES = """\
examples:
  python launch.py evaluate --workdir=runs/shapes
  python launch.py evaluate --workdir=runs/ffhq --data=datasets/ffhq --metrics=fid50k_full,ppl2_wend
  python launch.py evaluate --images_a=photos/ --images_b=fakes.zip --metrics=fid5k,pr5k3

metrics: fid50k_full kid50k_full pr50k3_full dc50k5_full is50k ppl2_wend ppl_zfull need weights in
the folder STYLEGAN2_WEIGHTS; swd frechet5k_random kernel5k_random shapes1k need none. Other numbers
of images are asked for by their name, as in fid5k_full; without _full at most so many real images
count. docs/metrics.md explains them.
"""
_seed = values.whole('seed', 0, 2**31, 'does not fit: write a number up to 2**31')


def parser() -> Parser:
  """The flags of the command."""
  new = new_parser('evaluate', 'Measures a model against its data.', _EXAMPLES)
  add = new.add_argument
  common.add_model(new)
  new.needed = ()
  add(
    '--metrics', default='', metavar='NAMES',
    help='such as fid50k_full,swd (default: those that need no weights)',
  )  # fmt: skip
  add(
    '--data', type=values.path, metavar='PATH',
    help='other images to measure against, as config.data.source (default: those trained on)',
  )  # fmt: skip
  add('--images_a', type=values.path, metavar='PATH', help='instead of a model: a folder or zip')
  add('--images_b', type=values.path, metavar='PATH', help='and another, held against it')
  add(
    '--truncation_psi', '--psi', type=values.psi, default=1.0, metavar='PSI',
    help='of the images drawn (default: 1, as all published numbers)',
  )  # fmt: skip
  add('--seed', type=_seed, default=0, metavar='N', help='of the first image (default: 0)')
  add(
    '--out', type=values.file_path, metavar='FILE',
    help="where to add the results, a line of JSON each (default: the run's metrics.jsonl)",
  )  # fmt: skip
  return new


def run(flags: argparse.Namespace) -> None:
  """Measures a model, or two sets of images."""
  names.parse(flags.metrics)
  two = (flags.images_a, flags.images_b)
  if flags.workdir is None and None in two:
    raise UserError('evaluate needs --workdir, a model; or --images_a and --images_b')
  if flags.workdir is not None and two != (None, None):
    raise UserError('give either --workdir, a model, or --images_a and --images_b')
  backend.prepare()
  from stylegan2_jax.tools import evaluate as tool

  if flags.workdir is None:
    tool.evaluate_images(*two, flags.metrics, flags.out)
    return
  tool.evaluate_model(
    model=flags.workdir,
    step=flags.step,
    metrics=flags.metrics,
    data=flags.data,
    psi=flags.truncation_psi,
    seed=flags.seed,
    out=flags.out,
  )
