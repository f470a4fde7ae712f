"""Plain lines for the person at the terminal."""

import sys


def notice(line):
  """Prints one line to stderr at once, so that output which is read by programs stays clean."""
  print(line, file=sys.stderr, flush=True)
