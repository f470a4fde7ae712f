"""The command line: flags and dispatch. `python launch.py --help` lists the commands.

JAX is imported only once flags and config have proven good, so that help and complaints come
at once.
"""

import argparse
import pathlib
import sys


def _missing(error: ModuleNotFoundError) -> int:
  print(
    f'error: the Python package {error.name} is missing: use .venv/bin/python, which `make train` '
    'sets up, or install the packages of requirements.txt',
    file=sys.stderr,
  )
  return 2


try:
  from stylegan2_jax import backend, command_line
  from stylegan2_jax.errors import UserError
except ModuleNotFoundError as error:
  sys.exit(_missing(error))


def train(flags: argparse.Namespace) -> None:
  """Trains, or goes on with the run that --workdir holds."""
  workdir = pathlib.Path(flags.workdir)
  settings = command_line.training_settings(flags.config, flags.overrides, workdir)
  backend.prepare()
  from stylegan2_jax.training import loop

  loop.train(settings, workdir)


def summary(flags: argparse.Namespace) -> None:
  """Prints both networks of a config, layer by layer."""
  settings = command_line.network_settings(flags.config, flags.overrides)
  backend.prepare()
  from stylegan2_jax.tools import summary as tool

  tool.print_summary(settings)


def sample(flags: argparse.Namespace) -> None:
  """Draws images from a trained model."""
  backend.prepare()
  from stylegan2_jax.tools import sample as tool

  tool.sample_command(
    workdir=pathlib.Path(flags.workdir),
    seeds=flags.seeds,
    truncation_psi=flags.truncation_psi,
    noise_mode=flags.noise_mode,
    out=flags.out,
    label=flags.label,
    step=flags.step,
  )


def prepare(flags: argparse.Namespace) -> None:
  """Makes a data set of images."""
  from stylegan2_jax.tools import prepare as tool

  tool.prepare_command(flags)


def inspect(flags: argparse.Namespace) -> None:
  """Says what is in a prepared data set."""
  from stylegan2_jax.tools import inspect as tool

  tool.inspect_command(flags.data, flags.data_dir, flags.out)


_COMMANDS = {
  'train': train,
  'summary': summary,
  'sample': sample,
  'prepare': prepare,
  'inspect': inspect,
}


def main(argv: list[str]) -> int:
  """Runs one command and returns the exit status: 2 for bad input, 130 after Ctrl-C."""
  try:
    flags = command_line.parse(argv)
    _COMMANDS[flags.command](flags)
  except UserError as error:
    print(f'error: {error}', file=sys.stderr)
    return 2
  except ModuleNotFoundError as error:
    return _missing(error)
  except KeyboardInterrupt:
    print('interrupted', file=sys.stderr)
    return 130
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
