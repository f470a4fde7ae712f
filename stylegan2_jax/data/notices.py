"""Plain lines for the person at the terminal."""

import contextlib
import sys
import threading

_ANNOUNCE_AFTER = 2.0  # seconds


def notice(line):
  """Prints one line to stderr at once, so that output which is read by programs stays clean."""
  print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def announced(line):
  """Prints a line if the block takes longer than people wait without a word."""
  timer = threading.Timer(_ANNOUNCE_AFTER, notice, [line])
  timer.daemon = True
  timer.start()
  try:
    yield
  finally:
    timer.cancel()
