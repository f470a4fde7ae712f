"""`python launch.py --help` lists the commands; stylegan2_jax/commands/ has a file for each."""

import gc
import os
import select
import sys


def _missing(error: ModuleNotFoundError) -> int:
  print(
    f'error: the Python package {error.name} is missing: use .venv/bin/python, which `make train` '
    'sets up, or install the packages of requirements.txt',
    file=sys.stderr,
  )
  return 2


try:
  from stylegan2_jax import commands
  from stylegan2_jax.commands import line
  from stylegan2_jax.errors import CommandError, Preempted
except ModuleNotFoundError as error:
  sys.exit(_missing(error))


def main(argv: list[str]) -> int:
  """Runs one command and returns the exit status.

  See errors.py; 130 after Ctrl-C, 141 where nobody reads the output any more, as with `| head`.
  """
  try:
    status = _run(argv)
  except (BrokenPipeError, SystemExit) as error:
    if _unread(failed=isinstance(error, BrokenPipeError)):
      return 141
    raise
  return 141 if _unread() and not status else status


def _run(argv: list[str]) -> int:
  try:
    flags = line.parse(argv)
    return commands.module(flags.command).run(flags) or 0
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


def _unread(failed: bool = False) -> bool:
  """Whether the reader of standard output is gone. If so, Python will not try again at exit.

  `failed`: whether writing somewhere has.
  """
  if sys.stdout is None or sys.stdout.closed:
    return False
  try:
    sys.stdout.flush()
  except BrokenPipeError:
    failed = True
  except OSError:  # a full disk: Python tells of it at exit
    return False
  if not failed or not _reader_is_gone():
    return False
  os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  return True


def _reader_is_gone() -> bool:
  poll = select.poll()
  poll.register(sys.stdout.fileno(), 0)
  return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


if __name__ == '__main__':
  # Importing and tracing make objects by the million, nearly all of which stay: to look for cycles
  # among them as often as Python does by default took a ninth of the start with a filled cache.
  gc.set_threshold(100_000, 50, 100)
  sys.exit(main(sys.argv[1:]))
