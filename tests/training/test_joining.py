"""Hosts that meet, that do not, and that are lost; real processes where there are several."""

import re
import signal
import socket
import time

import jax
import pytest

from stylegan2_jax.cluster import Cluster
from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.supervisor import HostLost
from stylegan2_jax.training import joining
from tests.training.processes import finish, free_port, start


class Parent:
  """Remembers what it is told."""

  def __init__(self):
    self.told = []

  def joined(self):
    self.told.append('joined')

  def ended(self, status, line):
    self.told.append((status, line))


def cluster(address, process_id=1):
  return Cluster('flags', address, 2, process_id)


def refusal(where, meet=0.0):
  """What is said where the others cannot be joined, and what a parent is told."""
  parent = Parent()
  with pytest.raises(UserError) as caught, joining.joined(where, parent, meet):
    pytest.fail('joined')
  assert parent.told == [(2, str(caught.value))]
  return str(caught.value)


def test_alone_nothing_happens():
  parent = Parent()
  with joining.joined(None, parent):
    pass
  assert parent.told == []


@pytest.mark.parametrize('address', ['node1', ':29500', 'node1:', 'node1:0', 'node1:x', 'a:70000'])
def test_an_address_that_is_none(address):
  expected = f'--coordinator={address} must be the name of the first host and a free port of it'
  assert refusal(cluster(address)).startswith(expected)


def test_a_port_that_is_taken():
  with socket.socket() as other:
    other.bind(('', 0))
    other.listen()
    port = other.getsockname()[1]
    said = refusal(cluster(f'127.0.0.1:{port}', process_id=0))
  expected = f'port {port} of --coordinator cannot be used on this host (Address already in use): '
  assert said == f'{expected}name another one on all hosts'


def test_a_first_host_that_does_not_answer():
  address = f'127.0.0.1:{free_port()}'
  said = refusal(cluster(address), meet=0.6)
  assert said.startswith(f'the first host cannot be reached at {address} (Connection refused): ')


@pytest.mark.parametrize('process_id', [0, 1])
def test_a_first_host_that_does_not_exist(process_id):
  said = refusal(cluster('nowhere.invalid:29500', process_id))
  assert said.startswith(
    '--coordinator names the host nowhere.invalid, which this one does not know ('
  )


def test_a_name_that_is_known_late(monkeypatch):
  """As where the network learns it when the first host starts."""
  asked = []

  def lookup(*address, **unused):
    asked.append(address)
    if len(asked) < 3:
      raise socket.gaierror(-2, 'Name or service not known')

  monkeypatch.setattr(joining.socket, 'getaddrinfo', lookup)
  monkeypatch.setattr(joining.time, 'sleep', lambda seconds: None)
  joining._resolve('node1', 29500, seconds=30)
  assert asked == [('node1', 29500)] * 3


def test_waiting_is_told_once(capfd, monkeypatch):
  address = f'127.0.0.1:{free_port()}'
  refusal(cluster(address), meet=0.6)
  said = f'waiting up to 0.6 s for all 2 hosts, the first at {address} ...\n'
  assert capfd.readouterr() == ('', said)
  monkeypatch.setattr(jax.distributed, 'initialize', fail)
  refusal(Cluster('TPU pod'), meet=300)
  assert capfd.readouterr() == ('', 'waiting up to 300 s for all hosts ...\n')


def test_what_jax_cannot_find_out(monkeypatch):
  monkeypatch.setattr(jax.distributed, 'initialize', fail)
  said = refusal(Cluster('SLURM'))
  assert said == (
    'cannot join the other hosts, which SLURM named: coordinator_address should be defined.; '
    'name them by --coordinator, --num_processes and --process_id'
  )


def fail(*unused, **also_unused):
  raise ValueError('coordinator_address should be\ndefined.')


@pytest.mark.parametrize(
  ('error', 'status'),
  [
    (UserError('x'), 2),
    (Preempted('x'), 75),
    (HostLost(), 75),
    (KeyboardInterrupt(), 130),
    (SystemExit(3), 3),
    (SystemExit(None), 0),
    (SystemExit('text'), 1),
    (ZeroDivisionError(), 1),
  ],
)
def test_the_status_of_each_end(error, status):
  assert joining._status(error) == status


@pytest.mark.parametrize(
  'text',
  [
    'UNKNOWN: Gloo all-reduce failed: Connection closed by peer [127.0.0.1]:22',
    'INTERNAL: NCCL operation ncclGroupEnd() failed: remote process exited',
    'UNAVAILABLE: Socket closed',
  ],
)
def test_errors_that_mean_a_lost_host(text):
  with pytest.raises(HostLost), joining._lost_hosts_named():
    raise jax.errors.JaxRuntimeError(text)


def test_errors_that_mean_something_else():
  error = jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: out of memory')
  with pytest.raises(jax.errors.JaxRuntimeError), joining._lost_hosts_named():
    raise error


def test_hosts_with_different_numbers_of_devices():
  """Each says so by itself, and neither waits for the other."""
  ended = finish(start('print("met")', devices=(1, 2)))
  for _, out, err in ended:
    assert out == ''
    assert 'UserError: the hosts have different numbers of devices (host 0: 1, host 1: 2)' in err


@pytest.mark.parametrize('lost', [0, 1])
def test_a_host_that_is_killed(lost):
  """The other's exchange fails at once, or JAX ends it when the heart does not beat any more."""
  program = """
    print('met', flush=True)
    while True:
      hosts.first_says(1)
      time.sleep(0.01)
  """
  processes = start(program)
  try:
    for process in processes:
      assert process.stdout.readline() == 'met\n'
    processes[lost].kill()
    clock = time.monotonic()
    ended = finish(processes, timeout=60)
  finally:
    for process in processes:
      process.kill()
  assert time.monotonic() - clock < 60
  assert ended[lost][0] == -signal.SIGKILL
  status, _, err = ended[1 - lost]
  assert status in (75, -signal.SIGABRT)
  assert re.search(r'HostLost: another host was lost|JAX distributed service detected fatal', err)
