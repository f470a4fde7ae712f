"""How the values of flags are written: from text to numbers, paths, seeds.

Needs neither JAX nor data. All raise UserError for text that does not parse.
"""

import functools
import math
import os
import pathlib
import re
from collections.abc import Callable

from stylegan2_jax.errors import UserError

_MAX_SEEDS = 100_000


def seeds(flag: str) -> Callable[[str], list[int]]:
  """From the text of a flag to the seeds that it lists; see `parse_seeds`."""
  return functools.partial(parse_seeds, flag=flag)


def parse_seeds(text: str, flag: str = 'seeds') -> list[int]:
  """A list of seeds and ranges of seeds, ends included, in the order given.

  >>> parse_seeds('1,5,9-12')
  [1, 5, 9, 10, 11, 12]

  Raises:
    UserError: it does not parse, a seed is 2**32 or more, or a range is empty or enormous.
  """
  found: list[int] = []
  for part in text.split(','):
    match = re.fullmatch(r'\s*(\d+)\s*(?:-\s*(\d+)\s*)?', part, re.ASCII)
    if match is None:
      raise UserError(f'--{flag}={text} does not parse: write numbers and ranges, as in 1,5,9-12')
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
      raise UserError(f'--{flag}={text}: the range {part.strip()} runs backwards')
    if last >= 2**32 or last - first + len(found) >= _MAX_SEEDS:
      raise UserError(f'--{flag}={text}: at most {_MAX_SEEDS} seeds, each below 2**32')
    found.extend(range(first, last + 1))
  return found


def whole(flag: str, least: int, most: int, fault: str) -> Callable[[str], int]:
  """From text to a whole number in a range; `fault` ends the line about any other text."""

  def parse(text: str) -> int:
    if not re.fullmatch(r'\d{1,18}', text, re.ASCII) or not least <= int(text) <= most:
      raise UserError(f'--{flag}={text} {fault}')
    return int(text)

  return parse


def number(flag: str, holds: Callable[[float], bool], fault: str) -> Callable[[str], float]:
  """From text to a finite number that holds; `fault` ends the line about any other text."""

  def parse(text: str) -> float:
    try:
      value = float(text)
    except ValueError:
      value = math.nan
    if not (math.isfinite(value) and holds(value)):
      raise UserError(f'--{flag}={text} {fault}')
    return value

  return parse


psi = number('truncation_psi', lambda v: True, 'does not parse: write a number, such as 0.7')
cutoff = whole('truncation_cutoff', 0, 99, 'does not parse: write a number of layers')
_number_of_step = whole(
  'step', 0, 10**18, 'does not parse: write the number of a saved step, or best'
)
steps = whole('steps', 1, 999_999, 'does not parse: write a number, such as 10')
seconds = number(
  'seconds', lambda v: 0.1 <= v <= 600, 'does not fit: write a number from 0.1 to 600'
)  # of a film
width = whole('width', 16, 4096, 'does not fit: write a number of pixels from 16 to 4096')
workers = whole('workers', 0, 999, 'does not parse: write a number of processes')


def step(text: str) -> int | str:
  """The number of a saved step, or 'best'."""
  return text if text == 'best' else _number_of_step(text)


def duration(text: str) -> float:
  """Seconds of 90m, 3.5h, 2d, 45s, or of what Slurm writes: [D-]H:MM:SS.

  >>> [duration(text) for text in ('90m', '1:30:00', '1-02:00:00')]
  [5400.0, 5400.0, 93600.0]
  """
  number = re.fullmatch(r'(\d+(?:\.\d+)?)([smhd])', text, re.ASCII)
  clock = re.fullmatch(r'(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)', text, re.ASCII)
  seconds = 0.0
  if number is not None:
    seconds = float(number[1]) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[number[2]]
  elif clock is not None:
    days, hours, minutes, rest = (float(part or 0) for part in clock.groups())
    seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
  if not seconds:
    raise UserError(f'--time_limit={text} does not parse: write 90m, 3.5h, 2d, 45s or 3:30:00')
  return seconds


# The shell leaves the ~ of --out=~/sets alone.
path = os.path.expanduser


def file_path(text: str) -> pathlib.Path:
  """A path that may not be empty."""
  if not text:
    raise UserError('a path is empty: give one, such as datasets/photos')
  return pathlib.Path(path(text))


def size(text: str) -> tuple[int, int]:
  """(width, height) of 64 or 512x384."""
  match = re.fullmatch(r'(\d{1,5})(?:x(\d{1,5}))?', text, re.ASCII)
  if match is None:
    raise UserError(f'--resolution={text} does not parse: write 64, or 512x384 (width x height)')
  return int(match[1]), int(match[2] or match[1])


def color(text: str) -> tuple[int, int, int]:
  """(R, G, B) of a name or #rrggbb."""
  named = {'white': 'ffffff', 'black': '000000', 'grey': '808080', 'gray': '808080'}
  match = re.fullmatch(r'#?([0-9a-fA-F]{6})', named.get(text, text))
  if match is None:
    raise UserError(f'--background={text} does not parse: write white, black, grey or #rrggbb')
  return tuple(bytes.fromhex(match[1]))


def processors() -> int:
  """Those that this process may use."""
  return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
