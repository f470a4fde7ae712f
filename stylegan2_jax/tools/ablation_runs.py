"""Trains the runs of an ablation, each in a process of its own, so many at once.

What ends one run (a crash, numbers that are not finite) ends no other. Signals are passed on, and
where the system can the runs end with this process, however it ends.
"""

import contextlib
import os
import pathlib
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from stylegan2_jax import supervisor
from stylegan2_jax.durations import clock
from stylegan2_jax.errors import CommandError, Preempted
from stylegan2_jax.stop_signals import stop_signals
from stylegan2_jax.words import one_line

_LAUNCH = pathlib.Path(__file__).resolve().parents[2] / 'launch.py'
_LOOK = 0.2  # seconds between looks at what has ended
_LONGEST = 300  # characters of a line that is passed on


class Job(NamedTuple):
  """A run to train."""

  title: str  # before each of its lines
  path: pathlib.Path
  prepare: Callable[[], None]  # makes its folder; a CommandError means that it failed


class Outcome(NamedTuple):
  """How a run ended: `status` is 0, 75 for stopped, or that of a failure, which `line` explains."""

  status: int
  line: str


def train_all(
  jobs: Sequence[Job],
  devices: Sequence[str | None],
  say: Callable[[str], None],
  time_limit: float | None = None,
) -> list[Outcome | None]:
  """Trains runs in order, as many at once as there are devices.

  Args:
    jobs: the runs.
    devices: the CUDA device of each place; None leaves the choice to JAX.
    say: takes a line for the console: those of the runs, with their titles, and how each ends.
    time_limit: seconds after which the runs are asked to save and end.

  Returns:
    For each job its outcome; None where it was not started.
  """
  fleet = _Fleet(jobs, devices, say, time_limit)
  with fleet.listening():
    fleet.go()
  return fleet.outcomes


class _Child:
  """A process that trains one run."""

  def __init__(self, number: int, job: Job, place: int, device: str | None):
    self.number, self.job, self.place = number, job, place
    self.last, self.error = '', ''  # lines
    self.silent = False  # whether it has closed its output
    self.begun = time.monotonic()
    self._rest = b''
    nothing = os.open(os.devnull, os.O_WRONLY)
    environ = supervisor.for_child(os.environ, nothing)
    if device is not None:
      environ['CUDA_VISIBLE_DEVICES'] = device
      environ.setdefault('JAX_PLATFORMS', 'cuda,cpu')  # a device that is not there is an error
    try:
      self.process = subprocess.Popen(
        [sys.executable, str(_LAUNCH), 'train', f'--workdir={job.path}'],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(nothing,),
        process_group=0,  # so that the terminal's Ctrl-C arrives once, from here
      )
    finally:
      os.close(nothing)
    self.output = self.process.stdout
    os.set_blocking(self.output.fileno(), False)

  def lines(self, ended: bool = False) -> Iterator[str]:
    """What it has said since the last call; with `ended`, also a last line that lacks its end."""
    with contextlib.suppress(BlockingIOError):
      while data := os.read(self.output.fileno(), 1 << 16):
        self._rest += data
      self.silent = True
    *whole, self._rest = self._rest.split(b'\n')
    if ended:
      whole.append(self._rest)
    for raw in whole:
      line = one_line(raw.decode('utf-8', 'replace'), _LONGEST)
      if line:
        self.last = line
        self.error = line.removeprefix('error: ') if line.startswith('error: ') else self.error
        yield line

  def outcome(self) -> Outcome:
    """Once it has ended and all was read."""
    status = self.process.returncode
    if status < 0:
      return Outcome(128 - status, f'ended by signal {-status} ({signal.Signals(-status).name})')
    return Outcome(status, self.error or self.last or f'exit status {status}')


class _Fleet:
  """The runs that are training, and the queue of those to come."""

  def __init__(self, jobs, devices, say, time_limit):
    self.outcomes: list[Outcome | None] = [None] * len(jobs)
    self._jobs, self._devices, self._say = jobs, devices, say
    self._waiting = list(range(len(jobs)))
    self._free = list(range(len(devices)))
    self._children: list[_Child] = []
    self._seconds: list[float] = []  # of the runs that finished
    self._end = None if time_limit is None else time.monotonic() + time_limit
    self._stopping: int | None = None  # the signal
    self._selector = selectors.DefaultSelector()

  @contextlib.contextmanager
  def listening(self):
    """Passes signals on while the block lasts; no run outlives it."""
    before = {number: signal.signal(number, self._hear) for number in stop_signals()}
    try:
      yield
    finally:
      for child in self._children:
        child.process.kill()
        child.process.wait()
      self._selector.close()
      for number, handler in before.items():
        signal.signal(number, handler)

  def go(self):
    """Until all have ended, or a stop."""
    while self._children or (self._waiting and self._stopping is None):
      while self._waiting and self._free and self._stopping is None:
        self._start(self._waiting.pop(0), self._free.pop(0))
      for key, _ in self._selector.select(_LOOK):
        self._pass_on(key.data)
        if key.data.silent:
          self._selector.unregister(key.fileobj)
      for child in [c for c in self._children if c.process.poll() is not None]:
        self._settle(child)
      if self._end is not None and time.monotonic() >= self._end and self._stopping is None:
        self._say('the time is up: the runs save and stop')
        self._hear(signal.SIGTERM, None)

  def _hear(self, number, frame):
    """A signal, or the end of the time: may come at any moment, so it only sends."""
    self._stopping = number
    for child in self._children:
      child.process.send_signal(number)

  def _start(self, number, place):
    job = self._jobs[number]
    self._say(f'{job.title} starts; its folder is {job.path}')
    try:
      job.prepare()
      child = _Child(number, job, place, self._devices[place])
    except (CommandError, OSError) as error:
      status = error.status if isinstance(error, CommandError) else 1
      self._note(number, Outcome(status, one_line(error, _LONGEST)), place)
      return
    self._children.append(child)
    self._selector.register(child.output, selectors.EVENT_READ, child)
    if self._stopping is not None:  # it came while the child was not yet in the list
      child.process.send_signal(self._stopping)

  def _pass_on(self, child, ended=False):
    for line in child.lines(ended):
      self._say(f'{child.job.title} {line}')

  def _settle(self, child):
    """Of a child that has ended."""
    self._pass_on(child, ended=True)
    if child.output in self._selector.get_map():
      self._selector.unregister(child.output)
    child.output.close()
    self._children.remove(child)
    outcome = child.outcome()
    stopped = self._stopping is not None and outcome.status >= 128
    if outcome.status == 0:
      self._seconds.append(time.monotonic() - child.begun)
    outcome = Outcome(Preempted.status, outcome.line) if stopped else outcome
    self._note(child.number, outcome, child.place)

  def _note(self, number, outcome, place):
    self.outcomes[number] = outcome
    self._free.append(place)
    how = {0: 'finished', Preempted.status: 'stopped'}.get(outcome.status)
    how = how or f'failed: {outcome.line}'
    self._say(f'{self._jobs[number].title} {how}{self._left()}')

  def _left(self):
    """How many are to come, and about how long that takes."""
    count = len(self._waiting) + len(self._children)
    if not count or self._stopping is not None:
      return ''
    if not self._seconds:
      return f'; {count} left'
    rounds = count / len(self._devices)
    return f'; {count} left, {clock(rounds * sum(self._seconds) / len(self._seconds))}'
