"""What a run says: a progress bar on a terminal, plain lines elsewhere, and a log file."""

import contextlib
import pathlib
import sys
import threading
import time

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 30


class Console:
  """Says lines on standard output and in a log file, and shows how far training is."""

  def __init__(self, log_path: pathlib.Path):
    """Appends to the log file."""
    self._log = log_path.open('ab', buffering=0)
    self._lock = threading.Lock()  # compilations report from threads
    self._bar = None

  def say(self, text: str) -> None:
    """Prints a line (above the bar, where there is one) and logs it with the time."""
    with self._lock:
      with contextlib.suppress(OSError):  # nobody reads it any more, or its disk is full
        if self._bar is None:
          print(text, flush=True)
        else:
          self._bar.write(text)
      self._write(text)

  def log(self, text: str) -> None:
    """Only logs a line."""
    with self._lock:
      self._write(text)

  def begin(self, done_kimg: float, total_kimg: float) -> None:
    """Starts to show progress."""
    self._total = total_kimg
    self._begun = self._shown = (time.perf_counter(), done_kimg)
    if sys.stdout.isatty():
      self._bar = tqdm(
        total=total_kimg,
        initial=done_kimg,
        mininterval=0.5,
        miniters=0,  # every 0.5 s, however little was done
        file=sys.stdout,
        dynamic_ncols=True,
        bar_format='{l_bar}{bar}| {n:.1f}/{total:.1f} kimg [{elapsed}<{remaining}{postfix}]',
      )

  def progress(self, kimg: float, numbers: dict[str, float]) -> None:
    """Shows where training is: the bar every time, a plain line every half minute."""
    now = time.perf_counter()
    if self._bar is not None:
      with contextlib.suppress(OSError):
        self._bar.set_postfix_str(self._details(now, kimg, self._begun, numbers), refresh=False)
        self._bar.update(min(kimg, self._total) - self._bar.n)
    elif self._shown is self._begun or now - self._shown[0] > _SECONDS_BETWEEN_LINES:
      details = self._details(now, kimg, self._shown, numbers)
      rate = (kimg - self._begun[1]) / (now - self._begun[0])  # kimg per second
      left = _clock((self._total - kimg) / rate)
      self.say(f'{kimg:.1f}/{self._total:.1f} kimg  {left} left  {details}')
      self._shown = (now, kimg)

  @staticmethod
  def _details(now: float, kimg: float, since: tuple[float, float], numbers: dict) -> str:
    """The numbers, and the images per second since (time, kimg)."""
    texts = [f'{name} {value:.3g}' for name, value in numbers.items()]
    rate = 1000 * (kimg - since[1]) / (now - since[0])
    return '  '.join([*texts, f'{rate:.0f} images/s'])

  def close(self) -> None:
    """Ends the bar and the log."""
    if self._bar is not None:
      with contextlib.suppress(OSError):
        self._bar.close()
      self._bar = None
    self._log.close()

  def _write(self, text: str) -> None:
    line = f'{time.strftime("%Y-%m-%d %H:%M:%S")} {text}\n'
    with contextlib.suppress(OSError):  # a full disk ends a run where its numbers are written
      self._log.write(line.encode())


def _clock(seconds: float) -> str:
  """h:mm:ss.

  >>> _clock(3723.4)
  '1:02:03'
  """
  minutes, seconds = divmod(int(seconds), 60)
  return f'{minutes // 60}:{minutes % 60:02d}:{seconds:02d}'
