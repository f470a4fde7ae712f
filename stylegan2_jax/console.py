"""What a run says: a progress bar on a terminal, plain lines elsewhere, and a log file."""

import contextlib
import os
import pathlib
import sys
import threading
import time
from collections.abc import Iterator

from tqdm import tqdm

from stylegan2_jax.durations import clock

_SECONDS_BETWEEN_LINES = 30


class Console:
  """Says lines on standard output and in a log file, and shows how far training is.

  It never fails for want of somebody who listens, nor for want of room.
  """

  def __init__(self, log_path: pathlib.Path):
    """Appends to the log file."""
    self._log = log_path.open('ab', buffering=0)
    self._lock = threading.Lock()  # compilations report from threads
    self._output = _Output()
    self._bar = None

  def say(self, text: str) -> None:
    """Prints a line (above the bar, where there is one) and logs it with the time."""
    with self._lock:
      if self._bar is None:
        print(text, file=self._output, flush=True)
      else:
        self._bar.write(text, file=self._output)
      self._write(text)

  def log(self, text: str) -> None:
    """Only logs a line."""
    with self._lock:
      self._write(text)

  def begin(self, done_kimg: float, total_kimg: float) -> None:
    """Starts to show progress."""
    self._total = total_kimg
    self._begun = self._shown = (time.perf_counter(), done_kimg)
    if self._output.isatty():
      self._bar = tqdm(
        total=total_kimg,
        initial=done_kimg,
        mininterval=0.5,
        miniters=0,  # every 0.5 s, however little was done
        file=self._output,
        dynamic_ncols=True,
        bar_format='{l_bar}{bar}| {n:.1f}/{total:.1f} kimg [{elapsed}<{remaining}{postfix}]',
      )

  def progress(self, kimg: float, numbers: dict[str, float]) -> None:
    """Shows where training is: the bar every time, a plain line every half minute."""
    now = time.perf_counter()
    if self._bar is not None:
      self._bar.set_postfix_str(self._details(now, kimg, self._begun, numbers), refresh=False)
      self._bar.update(min(kimg, self._total) - self._bar.n)
    elif self._shown is self._begun or now - self._shown[0] > _SECONDS_BETWEEN_LINES:
      details = self._details(now, kimg, self._shown, numbers)
      rate = (kimg - self._begun[1]) / (now - self._begun[0])  # kimg per second
      left = clock((self._total - kimg) / rate)
      self.say(f'{kimg:.1f}/{self._total:.1f} kimg  {left} left  {details}')
      self._shown = (now, kimg)

  @staticmethod
  def _details(now: float, kimg: float, since: tuple[float, float], numbers: dict) -> str:
    """The numbers, and the images per second since (time, kimg)."""
    texts = [f'{name} {value:.3g}' for name, value in numbers.items()]
    rate = 1000 * (kimg - since[1]) / (now - since[0])
    return '  '.join([*texts, f'{rate:.0f} images/s'])

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """The time that a block takes counts for no speed."""
    now = time.perf_counter()
    try:
      yield
    finally:
      gone = time.perf_counter() - now
      first = self._shown is self._begun
      self._begun = (self._begun[0] + gone, self._begun[1])
      self._shown = self._begun if first else (self._shown[0] + gone, self._shown[1])
      if self._bar is not None:
        self._bar.unpause()

  def close(self) -> None:
    """Ends the bar and the log."""
    if self._bar is not None:
      self._bar.close()
      self._bar = None
    self._output.settle()
    self._log.close()

  def _write(self, text: str) -> None:
    line = f'{time.strftime("%Y-%m-%d %H:%M:%S")} {text}\n'
    with contextlib.suppress(OSError):  # a full disk ends a run where its numbers are written
      self._log.write(line.encode(errors='backslashreplace'))


class _Output:
  """Standard output for print and tqdm, but one that never fails: the log has the lines as well.

  tqdm would not give its own lock back after an exception.
  """

  def __init__(self):
    stream = sys.stdout  # None if it was closed before Python began
    self._stream = None if stream is None or stream.closed else stream

  def write(self, text: str) -> None:
    if self._stream is not None:
      with contextlib.suppress(OSError, UnicodeEncodeError):
        self._stream.write(text)

  def flush(self) -> None:
    if self._stream is not None:
      with contextlib.suppress(OSError):
        self._stream.flush()

  def isatty(self) -> bool:
    return self._stream is not None and self._stream.isatty()

  def settle(self) -> None:
    """Drops what could not be written: Python would try again at exit, and change the status."""
    try:
      if self._stream is not None:
        self._stream.flush()
    except OSError:
      with contextlib.suppress(OSError), open(os.devnull, 'wb') as nowhere:
        os.dup2(nowhere.fileno(), self._stream.fileno())

  def __getattr__(self, name):
    return getattr(self._stream, name)  # tqdm asks for the encoding and the width
