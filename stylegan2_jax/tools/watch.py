"""`launch.py watch`: a live view of a run in the terminal."""

import itertools
import pathlib
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from stylegan2_jax.reporting import status
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.tools.watch_view import View

_SECONDS, _CURVES_EVERY = 1.0, 5  # between looks; looks between new curves


class _Console(Console):
  """Leaves it to the command what becomes of output that nobody reads."""

  def on_broken_pipe(self) -> None:
    """Called while the error is handled."""
    raise


def watch_command(workdir: pathlib.Path, once: bool) -> None:
  """Shows how a run stands, every second, until Ctrl-C; touches nothing in its folder.

  Args:
    workdir: folder of the run; where there is none yet, it is waited for.
    once: only print it. So it is where the output is no terminal.

  Raises:
    UserError: there is no run and it is not waited for, or its config is damaged.
  """
  run, console = RunDirectory(workdir), _Console(highlight=False)
  if not once and console.is_terminal:
    _follow(run, console)
  console.print(View(str(workdir), status.read(run)))


def _follow(run, console):
  """Until Ctrl-C, on a screen of its own."""
  try:
    with Live(console=console, screen=True, auto_refresh=False) as live:
      curves = None
      for number in itertools.count():
        view, curves = _look(run, console.height, curves if number % _CURVES_EVERY else None)
        live.update(view, refresh=True)
        time.sleep(_SECONDS)
  except KeyboardInterrupt:
    pass


def _look(run, height, curves):
  if not run.exists():
    return Text(f'waiting for a run in {run.path} ... (Ctrl-C ends)'), None
  found = status.read(run, curves)
  return View(str(run.path), found, height), found.curves or None
