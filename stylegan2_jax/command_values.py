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
