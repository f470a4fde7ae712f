"""How a training in a child process ends, and what its parent says of it."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from stylegan2_jax import supervisor
from stylegan2_jax.supervisor import HostLost

ROOT = pathlib.Path(__file__).parents[1]
# As JAX 0.10 writes them.
POLLED = 'E1122 23:08:47.925862   28914 coordination_service_agent.cc:289] Polled an error\n'
UNHEALTHY = (
  'E1122 23:08:47.908147   28883 coordination_service.cc:1549] [1022] Use error polling to '
  'propagate the following error to all tasks: UNAVAILABLE: The following tasks are unhealthy '
  '(stopped sending heartbeats):\n1\nThe tasks have crashed.\n'
)
FATAL = (
  'F1122 23:08:47.926069   28914 client.h:80] Terminating process because the JAX distributed '
  'service detected fatal errors.\n*** Check failure stack trace: ***\n    @ 0x7f (unknown)\n'
)
PRELUDE = """
import os, signal, sys, time
from stylegan2_jax import supervisor
def say(text):
  os.write(2, text.encode())
"""
PARENT = """
import sys
from stylegan2_jax import supervisor
sys.exit(supervisor.run([sys.executable, '-c', sys.argv[1]]))
"""


def start(program):
  return subprocess.Popen(
    [sys.executable, '-c', PARENT, PRELUDE + program],
    cwd=ROOT,
    text=True,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )


def run(program):
  """(exit status, standard output, standard error) of a program under supervision."""
  process = start(program)
  out, err = process.communicate(timeout=60)
  return process.returncode, out, err


@pytest.mark.parametrize('status', [0, 2, 75])
def test_what_a_program_says_is_passed_on(status):
  program = f"parent = supervisor.parent(); print('out'); say('a\\nb'); sys.exit({status})"
  assert run(program) == (status, 'out\n', 'a\nb')


@pytest.mark.parametrize(
  ('noise', 'name'), [(UNHEALTHY + FATAL, 'host 1'), (POLLED + FATAL, 'another host')]
)
def test_a_lost_host_is_one_line(noise, name):
  program = (
    'parent = supervisor.parent(); parent.joined()\n'
    f"say('warning: before\\n'); say({noise!r}); os.abort()"
  )
  status, _, err = run(program)
  assert err == f'warning: before\nerror: {HostLost(name)}\n'
  assert status == 75


def test_noise_that_comes_in_pieces():
  pieces = ', '.join(repr(FATAL[i : i + 7]) for i in range(0, len(FATAL), 7))
  program = (
    'supervisor.parent().joined()\n'
    f'for piece in ["x\\n", {pieces}]:\n  say(piece); time.sleep(0.002)\n'
    'os.abort()'
  )
  assert run(program) == (75, '', f'x\nerror: {HostLost()}\n')


def test_hosts_that_never_met():
  status, _, err = run(f'supervisor.parent(); say({FATAL!r}); os.abort()')
  assert status == 2
  assert err.startswith('error: the hosts did not find one another: start as many as')
  assert err.count('\n') == 1


def test_other_aborts_lose_nothing():
  status, _, err = run("supervisor.parent().joined(); say('malloc(): corrupted\\n'); os.abort()")
  assert (status, err) == (
    134,
    'malloc(): corrupted\nerror: training was ended by signal 6 (SIGABRT)\n',
  )


def test_noise_without_an_abort_is_shown():
  program = f'supervisor.parent().joined(); say({POLLED!r} + "and more"); sys.exit(1)'
  assert run(program) == (1, '', f'{POLLED}and more')


def test_a_kill_is_told():
  status, _, err = run('supervisor.parent(); os.kill(os.getpid(), signal.SIGKILL)')
  assert (status, err) == (137, 'error: training was ended by signal 9 (SIGKILL)\n')


def test_the_status_counts_that_was_said_before_the_parting_failed():
  program = (
    'parent = supervisor.parent(); parent.joined()\n'
    "parent.ended(2, 'no such file'); say('error: no such file\\n')\n"
    f'say({FATAL!r}); os.abort()'
  )
  assert run(program) == (2, '', 'error: no such file\n')


def test_the_last_line_is_shown_even_after_the_noise():
  program = (
    'parent = supervisor.parent(); parent.joined(); say({!r})\n'
    'line = str(supervisor.HostLost())\n'
    "parent.ended(75, line); say('error: ' + line); os.abort()"
  )
  assert run(program.format(UNHEALTHY)) == (75, '', f'error: {HostLost("host 1")}\n')
  assert run(program.format(POLLED)) == (75, '', f'error: {HostLost()}\n')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_the_child_once(number):
  process = start(
    'heard = []\n'
    f'signal.signal({int(number)}, lambda *unused: heard.append(1))\n'
    "supervisor.parent(); print('ready', flush=True); time.sleep(1)\n"
    'print(len(heard))'
  )
  assert process.stdout.readline() == 'ready\n'
  process.send_signal(number)
  out, err = process.communicate(timeout=60)
  assert (process.returncode, out, err) == (0, '1\n', '')


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems do not end orphans')
def test_the_child_ends_with_its_parent():
  process = start('supervisor.parent(); print(os.getpid(), flush=True); time.sleep(60)')
  child = int(process.stdout.readline())
  process.kill()
  process.communicate(timeout=60)
  end = time.monotonic() + 10
  while alive(child):
    assert time.monotonic() < end, 'the child lives on'
    time.sleep(0.01)


def alive(process):
  try:
    return pathlib.Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
  except OSError:
    return False


def test_no_parent():
  assert supervisor.parent({}) is None


def test_grandchildren_are_told_nothing():
  program = 'supervisor.parent(); print("SUPERVISOR" in " ".join(os.environ))'
  assert run(program)[1] == 'False\n'


def test_what_the_parent_needs():
  """The parent of a training must be light: it imports none of the heavy libraries."""
  script = (
    'import sys\nfrom stylegan2_jax import cluster, supervisor\n'
    'assert not {"jax", "numpy"} & set(sys.modules)'
  )
  subprocess.run([sys.executable, '-c', script], cwd=ROOT, check=True, env={**os.environ})
