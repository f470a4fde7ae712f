"""How the values of flags are written: from text to numbers, paths, seeds.

Needs neither JAX nor data. All raise UserError for text that does not parse.
"""

import math
import os
import pathlib
import re

from stylegan2_jax.errors import UserError

_MAX_SEEDS = 100_000


def parse_seeds(text: str) -> list[int]:
  """A list of seeds and ranges of seeds, ends included, in the order given.

  >>> parse_seeds('1,5,9-12')
  [1, 5, 9, 10, 11, 12]

  Raises:
    UserError: it does not parse, a seed is 2**32 or more, or a range is empty or enormous.
  """
  seeds: list[int] = []
  for part in text.split(','):
    match = re.fullmatch(r'\s*(\d+)\s*(?:-\s*(\d+)\s*)?', part, re.ASCII)
    if match is None:
      raise UserError(f'--seeds={text} does not parse: write numbers and ranges, as in 1,5,9-12')
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
      raise UserError(f'--seeds={text}: the range {part.strip()} runs backwards')
    if last >= 2**32 or last - first + len(seeds) >= _MAX_SEEDS:
      raise UserError(f'--seeds={text}: at most {_MAX_SEEDS} seeds, each below 2**32')
    seeds.extend(range(first, last + 1))
  return seeds


def psi(text: str) -> float:
  """A number, such as 0.7."""
  try:
    value = float(text)
  except ValueError:
    value = math.nan
  if not math.isfinite(value):
    raise UserError(f'--truncation_psi={text} does not parse: write a number, such as 0.7')
  return value


def step(text: str) -> int:
  """The number of a saved step."""
  if not re.fullmatch(r'\d+', text, re.ASCII):
    raise UserError(f'--step={text} does not parse: write the number of a saved step')
  return int(text)


def steps(text: str) -> int:
  """How often something is done, at least once."""
  if not re.fullmatch(r'[1-9]\d{0,5}', text, re.ASCII):
    raise UserError(f'--steps={text} does not parse: write a number, such as 10')
  return int(text)


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


def seconds(text: str) -> float:
  """The length of a film."""
  try:
    value = float(text)
  except ValueError:
    value = math.nan
  if not 0.1 <= value <= 600:
    raise UserError(f'--seconds={text} does not fit: write a number from 0.1 to 600')
  return value


def width(text: str) -> int:
  """Of a picture in pixels."""
  if not re.fullmatch(r'\d{1,4}', text, re.ASCII) or not 16 <= int(text) <= 4096:
    raise UserError(f'--width={text} does not fit: write a number of pixels from 16 to 4096')
  return int(text)


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


def workers(text: str) -> int:
  """A number of processes."""
  if not re.fullmatch(r'\d{1,3}', text, re.ASCII):
    raise UserError(f'--workers={text} does not parse: write a number of processes')
  return int(text)


def processors() -> int:
  """Those that this process may use."""
  return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
