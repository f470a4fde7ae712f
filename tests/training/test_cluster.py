"""The real command on two hosts: two processes of two devices each equal one of four."""

import json
import shutil
import signal
import time

import numpy as np
import pytest

from stylegan2_jax.supervisor import HostLost
from tests.helpers import assert_trees_close, assert_trees_equal
from tests.training.processes import finish, free_port, start
from tests.training.workplace import Workplace

STEPS = 4
FIELDS = {'train__batch_size': 8, 'train__micro_batch': 2}


def flags(host, port):
  return (f'--coordinator=127.0.0.1:{port}', '--num_processes=2', f'--process_id={host}')


class Pair:
  """Two processes that train one run. The second host has a workdir of its own, never written."""

  def __init__(self, place, name, steps, **options):
    self.place, self.name, port = place, name, free_port()
    self.names = (name, f'{name}-other')
    self.hosts = [
      place.start(each, steps, devices=2, flags=flags(host, port), **FIELDS, **options)
      for host, each in enumerate(self.names)
    ]

  def said(self):
    return [self.place.said(name) for name in self.names]

  def wait(self, timeout=120):
    """(exit status, output) of both."""
    end = time.monotonic() + timeout
    try:
      statuses = [host.wait(timeout=max(end - time.monotonic(), 0.1)) for host in self.hosts]
    finally:
      for host in self.hosts:
        host.kill()
        host.wait()
    return list(zip(statuses, self.said(), strict=True))


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  return Workplace(tmp_path_factory.mktemp('cluster'))


@pytest.fixture(scope='module')
def alone(place):
  """One process with four devices, for so many steps."""
  done = place.train('alone', STEPS, devices=4, **FIELDS)
  assert done.returncode == 0, done.stderr
  return 'alone'


@pytest.fixture(scope='module')
def pair(place):
  """Two processes with two devices each, with a checkpoint halfway."""
  for status, said in Pair(place, 'pair', STEPS, every=STEPS // 2).wait():
    assert status == 0, said
  return 'pair'


def test_one_process_of_four_devices_is_equalled(place, alone, pair):
  """But for rounding: how many hosts there are decides in which order devices are added up."""
  ours, expected = place.numbers(pair), place.numbers(alone)
  for record, other in zip(ours, expected, strict=True):
    assert record.keys() == other.keys()
    for name, value in other.items():
      assert record[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
  ours, expected = (place.state(name, STEPS) for name in (pair, alone))
  for field in ('g_params', 'd_params', 'ema_params', 'w_avg', 'pl_mean', 'step', 'key'):
    assert_trees_close(getattr(ours, field), getattr(expected, field), 1e-4)


def test_a_stop_changes_nothing(place, pair):
  """From the checkpoint halfway on, equal to the bit; then one host is asked, and both stop."""
  shutil.rmtree(place.copy(pair, 'stopped') / 'checkpoints' / str(STEPS))
  again = Pair(place, 'stopped', 100_000, every=STEPS // 2, keep=100_000)
  place.wait_for_steps('stopped', STEPS + 1, again.hosts[0])
  again.hosts[1].send_signal(signal.SIGTERM)
  for status, said in again.wait():
    assert status == 75, said
  assert f'going on from step {STEPS // 2} ' in place.said('stopped')
  last = place.last_step('stopped')
  assert f'stopped and saved at step {last} ' in place.said('stopped')
  assert [record['step'] for record in place.numbers('stopped')] == list(range(1, last + 1))
  assert place.numbers('stopped')[:STEPS] == place.numbers(pair)
  assert_trees_equal(place.state('stopped', STEPS), place.state(pair, STEPS))


def test_one_host_writes(place, pair):
  assert not (place.path / f'{pair}-other').exists()
  said = place.said(f'{pair}-other')
  assert said.startswith('waiting up to 300 s for all 2 hosts, the first at 127.0.0.1:')
  assert said.count('\n') == 1
  assert '4 x cpu on 2 hosts' in place.said(pair)


@pytest.mark.parametrize(('lost', 'devices'), [(0, 4), (1, 1)])
def test_a_lost_host(place, lost, devices):
  """The other ends in a minute and says so; any number of devices goes on from the checkpoint."""
  name = f'lost-{lost}'
  pair = Pair(place, name, 100_000, every=2)
  place.wait_for_steps(name, 5, pair.hosts[0])
  pair.hosts[lost].kill()
  begun = time.monotonic()
  ended = pair.wait(timeout=60)
  assert time.monotonic() - begun < 60
  assert ended[lost][0] == -signal.SIGKILL
  status, said = ended[1 - lost]
  assert status == 75, said
  assert said.endswith((f'error: {HostLost()}\n', f'error: {HostLost(f"host {lost}")}\n'))
  assert 'stack trace' not in said
  step = place.last_step(name)
  assert step >= 2
  done = place.train(name, step + 1, devices=devices, **FIELDS)
  assert done.returncode == 0, done.stderr
  assert f'going on from step {step} ' in done.stdout
  assert [record['step'] for record in place.numbers(name)] == list(range(1, step + 2))


def test_hosts_of_different_configs(place):
  port = free_port()
  hosts = [
    place.start(f'differ-{host}', STEPS, flags=flags(host, port), **FIELDS, seed=host)
    for host in range(2)
  ]
  assert [host.wait(timeout=120) for host in hosts] == [2, 2]
  line = 'error: host 1 has another config than host 0 ("seed": 1, not "seed": 0): start all hosts'
  for host in range(2):
    assert place.said(f'differ-{host}').splitlines()[1].startswith(line)
    assert not (place.path / f'differ-{host}').exists()


DOUBLE = """
import jax.numpy as jnp
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training.engine import Engine
from tests.helpers import names, random_state, settings
config = settings(
  4,
  network={'g_architecture': 'orig', 'd_architecture': 'orig', 'mapping_layers': 1},
  batch_size=8, micro_batch=2, pl_interval=1, r1_interval=1, adam_b1=0.5, w_avg_beta=0.9,
)
modules = build_networks(config.network, (4, 4), 3, 0, jnp.float64)
engine = Engine(config, modules, random_state(*modules, config.train), None)
engine.compile(lambda name, seconds: None)
share = 8 // HOSTS
found, rng = [], np.random.default_rng(0)
for step in range(2):
  images = rng.integers(0, 256, (8, 4, 4, 3), np.uint8)[HOST * share : (HOST + 1) * share]
  found.append(engine.step(step, {'image': images}).metrics)
assert engine.replica_differences() == []
state = {name: x.tolist() for name, x in names(engine.state()).items()}
print(json.dumps([found, state]))
"""


def test_in_double_precision():
  """Where rounding is no excuse: two steps, each with all phases."""
  both = start(DOUBLE, devices=(2, 2), JAX_ENABLE_X64='1')
  one = start(DOUBLE, devices=(4,), JAX_ENABLE_X64='1')
  ended = [*finish(both, timeout=300), *finish(one, timeout=300)]
  for status, _, err in ended:
    assert status == 0, err
  first, second, (expected_metrics, expected_state) = (json.loads(out) for _, out, _ in ended)
  assert first == second  # to the bit: Python writes floats in full
  metrics, state = first
  for ours, expected in zip(metrics, expected_metrics, strict=True):
    assert ours == pytest.approx(expected, rel=1e-10)
  assert_trees_close(state_arrays(state), state_arrays(expected_state), 1e-10)


def state_arrays(state):
  return {name: np.array(values) for name, values in state.items()}
