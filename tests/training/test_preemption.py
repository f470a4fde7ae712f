"""Signals and the time limit, by themselves; test_kills.py has them in real runs."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from stylegan2_jax.training import preemption
from stylegan2_jax.training.preemption import StopRequest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def clock(monkeypatch):
  """A clock that stands still until told: clock[0] is the time."""
  now = [100.0]
  monkeypatch.setattr(preemption.time, 'monotonic', lambda: now[0])
  return now


def send(number):
  os.kill(os.getpid(), number)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_a_request(number, clock, capfd):
  stop = StopRequest()
  before = signal.getsignal(number)
  with stop.listening():
    stop.begin_steps()
    assert not stop.made
    send(number)
    assert stop.made
  assert signal.getsignal(number) is before
  assert capfd.readouterr().err == '\nstopping after this step (again: at once)\n'


def test_a_second_one_ends_at_once(clock):
  stop = StopRequest()
  with stop.listening():
    stop.begin_steps()
    send(signal.SIGINT)
    clock[0] += 2
    with pytest.raises(KeyboardInterrupt):
      send(signal.SIGINT)


def test_an_echo_is_no_second_one(clock, capfd):
  """As where a scheduler signals a process and its parent, which passes it on."""
  stop = StopRequest()
  with stop.listening():
    stop.begin_steps()
    for _ in range(3):
      send(signal.SIGTERM)
    assert stop.made
  assert capfd.readouterr().err.count('stopping') == 1


def test_a_terminal_that_closes_is_no_second_one(clock):
  """Nobody is there who could mean it: what Ctrl-C asked for is still done."""
  stop = StopRequest()
  with stop.listening():
    stop.begin_steps()
    send(signal.SIGINT)
    clock[0] += 2
    send(signal.SIGHUP)
    assert stop.made


def test_a_terminal_that_is_gone_cannot_be_written(clock, monkeypatch):
  def fails(*unused):
    raise OSError(5, 'Input/output error')

  stop = StopRequest()
  monkeypatch.setattr(preemption.os, 'write', fails)
  with stop.listening():
    stop.begin_steps()
    send(signal.SIGHUP)
    assert stop.made


def test_nohup():
  """Where SIGHUP is ignored it stays so."""
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    stop = StopRequest()
    with stop.listening():
      stop.begin_steps()
      send(signal.SIGHUP)
      assert not stop.made
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
  finally:
    signal.signal(signal.SIGHUP, before)


def test_the_time_limit(clock):
  stop = StopRequest(time_limit=5.0)
  clock[0] += 4.9
  assert not stop.made
  clock[0] += 0.1
  assert stop.made
  clock[0] += 1e9
  assert not StopRequest().made


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM', 'SIGHUP'])
def test_before_the_first_step(name):
  """Whatever the main thread waits for, the process ends at once, and says that it may go on."""
  script = (
    'import os, signal, threading\n'
    'from stylegan2_jax.training.preemption import StopRequest\n'
    'with StopRequest().listening():\n'
    f'  os.kill(os.getpid(), signal.{name})\n'
    '  threading.Event().wait(60)\n'
  )
  done = subprocess.run(
    [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=False
  )
  assert done.returncode == 75
  assert 'stopped before the first step; nothing is lost' in done.stderr
