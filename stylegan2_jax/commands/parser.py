"""How the flags of a command are read, and how mistakes in them are answered."""

import argparse
import difflib
from typing import NoReturn

from stylegan2_jax.errors import UserError


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


def new_parser(command: str, description: str, epilog: str) -> Parser:
  """The parser of a command, still without flags."""
  return Parser(
    prog=f'python launch.py {command}',
    usage=f'python launch.py {command} [FLAGS]',
    description=description,
    epilog=epilog,
    allow_abbrev=False,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
