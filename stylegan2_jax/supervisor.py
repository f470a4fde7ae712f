"""A parent for each process of a training on several hosts, to say in one line how it ended.

When a host is lost, the C++ code of JAX aborts the processes of the others, whose Python code then
has no say any more. So the training runs in a child of the command. The parent passes on signals
and the child's standard error, and turns such an end into a message and exit status 75.

Imports neither JAX nor anything that does.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from stylegan2_jax.errors import CommandError, Preempted, UserError
from stylegan2_jax.stop_signals import stop_signals

_VARIABLE = 'STYLEGAN2_JAX_SUPERVISOR'  # of the child: the pipe to its parent, and who that is
_JOINED = b'joined\n'
_LONGEST = 2000  # characters of a line: a pipe takes four times as many bytes at once
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux

# What JAX's C++ code writes when the hosts lose one another, beginning with its first line. All of
# it comes from threads of its own: Python code has nothing to say after it.
_COORDINATION = re.compile(
  rb'[EF]\d{4} [\d:.]+ +\d+ (coordination_service\w*\.cc|preemption_sync_manager\.cc|client\.h):'
)
_MAY_BECOME_ONE = re.compile(rb'[EF](\d[^\n]*)?\Z')
_UNHEALTHY = re.compile(rb'stopped sending heartbeats\):\n((?:\d+\n)+)')


class HostLost(CommandError):
  """Another host is gone, and with it the training on this one; its checkpoints are there."""

  status = Preempted.status

  def __init__(self, host: str = 'another host'):
    super().__init__(
      f'{host} was lost, or ended with an error of its own: start the same command again, on any '
      'number of hosts, and the run goes on from its newest checkpoint'
    )


class Parent:
  """The child's connection to the process that watches it."""

  def __init__(self, pipe: int):
    self._pipe = pipe

  def joined(self) -> None:
    """Says that this process has found the others."""
    os.write(self._pipe, _JOINED)

  def ended(self, status: int, line: str) -> None:
    """Says how the command ends, and its last line: both count even if the parting fails."""
    os.write(self._pipe, b'%d %s\n' % (status, ' '.join(line.split())[:_LONGEST].encode()))


def parent(environ: dict[str, str] | None = None) -> Parent | None:
  """The process that watches this one, if there is one. Call it once, early.

  Where the system can, this process ends when that one does.
  """
  environ = os.environ if environ is None else environ
  value = environ.pop(_VARIABLE, '')  # children of this process have nothing to do with it
  if not value:
    return None
  pipe, process = map(int, value.split(':'))
  os.set_inheritable(pipe, False)
  if sys.platform == 'linux':
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
  if os.getppid() != process:  # it was gone before it could be watched
    os._exit(Preempted.status)
  return Parent(pipe)


def for_child(environ: Mapping[str, str], pipe: int) -> dict[str, str]:
  """The variables of a child whose `parent` is this process, and which ends with it.

  `pipe`: a file descriptor that the child inherits, to which it says how it stands.
  """
  return {**environ, _VARIABLE: f'{pipe}:{os.getpid()}'}


def run(command: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
  """Runs a command that calls `parent`, and says how it ended where it cannot.

  Args:
    command: program and arguments.
    environ: its variables; those of this process if not given.

  Returns:
    The exit status: the command's own; 75 if another host was lost; 2 if they never met.
  """
  reading, writing = os.pipe()
  environ = for_child(os.environ if environ is None else environ, writing)
  child, waiting = None, []

  def pass_on(number, frame):
    if child is None:
      waiting.append(number)
    elif child.poll() is None:
      child.send_signal(number)

  before = {number: signal.signal(number, pass_on) for number in stop_signals()}
  try:
    child = subprocess.Popen(
      command,
      env=environ,
      stderr=subprocess.PIPE,
      pass_fds=(writing,),
      process_group=0,  # so that the terminal's Ctrl-C arrives once, from here
    )
    os.close(writing)
    for number in waiting:
      child.send_signal(number)
    valve = _pass_through(child)
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)
  with open(reading, 'rb') as pipe:
    return _status(child.returncode, pipe.read(), valve)


def _pass_through(child) -> '_Valve':
  """Copies the child's standard error while it lives."""
  valve = _Valve(sys.stderr.fileno())
  pump = threading.Thread(target=valve.copy, args=(child.stderr.fileno(),), daemon=True)
  pump.start()
  child.wait()
  pump.join(timeout=5)  # a child of the child may keep it open
  return valve


class _Valve:
  """Copies bytes until JAX begins to write that hosts were lost; holds the rest."""

  def __init__(self, target: int):
    self.held = b''
    self.shown = b''  # the last of what was copied
    self._target, self._begun = target, b''

  def copy(self, source: int) -> None:
    """Until the end of `source`."""
    while data := os.read(source, 2**16):
      self.take(data)
    self._show(self._begun)

  def take(self, data: bytes) -> None:
    """Some more bytes."""
    if self.held:
      self.held += data
      return
    *lines, rest = re.split(rb'(?<=\n)', self._begun + data)
    for i, line in enumerate(lines):
      if _COORDINATION.match(line):
        self.held, self._begun = b''.join([*lines[i:], rest]), b''
        return
      self._show(line)
    self._begun = rest if _MAY_BECOME_ONE.match(rest) else b''
    if not self._begun:
      self._show(rest)

  def _show(self, data):
    self.shown = (self.shown + data)[-4 * _LONGEST :]
    _write(self._target, data)


def _status(returncode: int, said: bytes, valve: _Valve) -> int:
  """The exit status, with a last line where the child could not write one."""
  *_, last = said.splitlines() or [b'']
  status, _, line = last.partition(b' ')
  if status.isdigit():
    if valve.held and line not in valve.shown:
      same = line.decode() == str(HostLost())
      _complain(str(HostLost(_lost(valve.held))) if same else line.decode())
    return int(status)
  if returncode == -signal.SIGABRT and valve.held:
    joined = said.startswith(_JOINED)
    error = HostLost(_lost(valve.held)) if joined else UserError(_NEVER_MET)
    _complain(str(error))
    return error.status
  _write(sys.stderr.fileno(), valve.held)
  if returncode < 0:
    _complain(f'training was ended by signal {-returncode} ({signal.Signals(-returncode).name})')
    return 128 - returncode
  return returncode


_NEVER_MET = (
  'the hosts did not find one another: start as many as --num_processes says within five minutes, '
  'with the same --coordinator, whose port the others must be able to reach'
)


def _lost(held: bytes) -> str:
  """Which host it was, as far as one can tell."""
  found = _UNHEALTHY.search(held)
  if not found:
    return 'another host'
  hosts = sorted({int(number) for number in re.findall(rb'(\d+)\n', found[1])})
  return f'host {hosts[0]}' if len(hosts) == 1 else f'hosts {", ".join(map(str, hosts))}'


def _complain(line: str) -> None:
  print(f'error: {line}', file=sys.stderr, flush=True)


def _write(target: int, data: bytes) -> None:
  with contextlib.suppress(OSError):  # nobody reads it any more
    while data:
      data = data[os.write(target, data) :]
