"""Being asked to stop: by a signal or by a time limit."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

from stylegan2_jax.errors import Preempted
from stylegan2_jax.stop_signals import stop_signals

_SAME_REQUEST = 1.0  # seconds


class StopRequest:
  """Whether this process was asked to stop.

  Until `begin_steps` a signal ends the process at once: nothing would be lost, and a compilation
  cannot be interrupted otherwise. From then on it is a request, which the end of a step answers. A
  second one ends the process at once; one that follows closely is the first again, as schedulers
  signal a process and its parent, which passes signals on. SIGHUP is never such a second one, as
  nobody is there who could mean it.
  """

  def __init__(self, time_limit: float | None = None, ends_process: bool = True):
    """Nothing is listened to yet.

    Args:
      time_limit: seconds from now on; None: no limit.
      ends_process: whether the process is there to train. In one that is not, as in a notebook, a
        signal before the first step is Ctrl-C's KeyboardInterrupt.
    """
    self._ends_process = ends_process
    self._end = None if time_limit is None else time.monotonic() + time_limit
    self._signalled: float | None = None  # when
    self._stepping = False

  @property
  def made(self) -> bool:
    """Whether there was a signal, or the time is up."""
    if self._signalled is not None:
      return True
    return self._end is not None and time.monotonic() >= self._end

  def begin_steps(self) -> None:
    """From now on there is something to save."""
    self._stepping = True

  @contextlib.contextmanager
  def listening(self) -> Iterator[None]:
    """Takes the signals over while the block lasts: all, or Ctrl-C alone in a notebook.

    Signals come to the main thread alone, so in any other this does nothing.
    """
    numbers = stop_signals() if self._ends_process else [signal.SIGINT]
    if threading.current_thread() is not threading.main_thread():
      numbers = []
    self._before = {number: signal.signal(number, self._hear) for number in numbers}
    try:
      yield
    finally:
      for number, handler in self._before.items():
        signal.signal(number, handler)

  def _hear(self, number, frame):
    if not self._stepping:
      if not self._ends_process:
        raise KeyboardInterrupt
      _say(b'\nstopped before the first step; nothing is lost\n')
      os._exit(Preempted.status)
    now = time.monotonic()
    if self._signalled is None:
      self._signalled = now
      _say(b'\nstopping after this step (again: at once)\n')
    elif now - self._signalled > _SAME_REQUEST and number != signal.SIGHUP:
      signal.signal(number, self._before[number])
      signal.raise_signal(number)


def _say(text):
  """Not print: the signal may have come in the middle of one, which refuses to be entered twice."""
  with contextlib.suppress(OSError):  # after SIGHUP the terminal is gone
    os.write(2, text)
