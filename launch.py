"""The command line: `python launch.py --help` lists the commands, commands.py has them."""

import sys


def _missing(error: ModuleNotFoundError) -> int:
  print(
    f'error: the Python package {error.name} is missing: use .venv/bin/python, which `make train` '
    'sets up, or install the packages of requirements.txt',
    file=sys.stderr,
  )
  return 2


try:
  from stylegan2_jax import command_line
  from stylegan2_jax.commands import COMMANDS
  from stylegan2_jax.errors import CommandError, Preempted
except ModuleNotFoundError as error:
  sys.exit(_missing(error))


def main(argv: list[str]) -> int:
  """Runs one command and returns the exit status: see errors.py; 130 after Ctrl-C."""
  try:
    flags = command_line.parse(argv)
    return COMMANDS[flags.command](flags) or 0
  except Preempted as ending:
    return ending.status  # training has said what to do
  except CommandError as error:
    print(f'error: {error}', file=sys.stderr)
    return error.status
  except ModuleNotFoundError as error:
    return _missing(error)
  except KeyboardInterrupt:
    print('interrupted', file=sys.stderr)
    return 130


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
