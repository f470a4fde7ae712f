"""The real command with metrics: stopped and killed while it measures, and on two hosts.

In place of the real metrics is one that draws images and waits where it is told to.
"""

import json
import signal
import time

import pytest

from tests.helpers import assert_trees_equal
from tests.training.processes import free_port
from tests.training.workplace import Workplace

STEPS, EVERY = 6, 2
_METRICS = """
import os, sys, time, types

def evaluate(metrics, fakes, reals, scratch, say, stop):
  import jax, numpy as np
  from stylegan2_jax.errors import Preempted
  for metric in metrics:
    images = next(fakes.batches(0, 5, 5))
    np.random.seed(1)
    jax.block_until_ready(jax.random.normal(jax.random.key(0), (3,)))
    say(f'measuring at {scratch.name}')
    while os.environ.get('WAIT_AT') == scratch.name and not stop():
      time.sleep(0.01)
    if stop():
      raise Preempted('stopped')
    values = {metric.headline: float(images.mean())}
    yield types.SimpleNamespace(metric=metric, values=values, recipe={}, seconds=0.5)

evaluation = types.ModuleType('stylegan2_jax.metrics.evaluation')
evaluation.evaluate, evaluation.check = evaluate, lambda *asked: None
sys.modules[evaluation.__name__] = evaluation
"""


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """With a run that measured nothing."""
  place = Workplace(tmp_path_factory.mktemp('measuring'))
  (place.path / 'instead').mkdir()
  (place.path / 'instead' / 'sitecustomize.py').write_text(_METRICS)
  place.variables = {'PYTHONPATH': str(place.path / 'instead')}
  done = place.train('straight', STEPS, every=EVERY)
  assert (done.returncode, done.stderr) == (0, '')
  return place


def metrics_of(place, name):
  lines = (place.path / name / 'metrics.jsonl').read_text().splitlines()
  return {record['step']: record['values'] for record in map(json.loads, lines)}


def wait_and_signal(place, name, step, number):
  """The exit status of a run that gets a signal while it measures at a step."""
  place.variables['WAIT_AT'] = str(step)
  try:
    process = place.start(name, STEPS, every=EVERY, metrics__names='swd')
    place.wait_for_words(name, f'measuring at {step}\n', process)
    assert process.poll() is None, place.said(name)
    process.send_signal(number)
    return process.wait(timeout=120)
  finally:
    del place.variables['WAIT_AT']
    process.kill()
    process.wait()


def test_stopped_and_killed(place):
  """Not one bit of the training is another, and each metric is there once."""
  assert wait_and_signal(place, 'ended', 2, signal.SIGTERM) == 75
  assert 'stopped and saved at step 2 ' in place.said('ended')
  assert place.last_step('ended') == 2
  assert not (place.path / 'ended' / 'metrics.jsonl').exists()
  assert wait_and_signal(place, 'ended', 4, signal.SIGKILL) == -signal.SIGKILL
  assert place.said('ended').index('measuring at 2\n') < place.said('ended').index('0.0/0.0 kimg')
  done = place.train('ended', STEPS, every=EVERY, metrics__names='swd')
  assert (done.returncode, done.stderr) == (0, '')
  assert_trees_equal(place.state('ended', STEPS), place.state('straight', STEPS))
  assert place.numbers('ended') == place.numbers('straight')
  found = metrics_of(place, 'ended')
  assert list(found) == [2, 4, 6]
  assert len({values['swd'] for values in found.values()}) == 3  # of other weights each


def test_one_of_two_hosts_measures(place):
  """A stop that both get ends both in the same place; then they go on."""
  fields = {'metrics__names': 'swd', 'train__micro_batch': 2, 'every': EVERY}

  def pair():
    port = free_port()
    flags = [f'--coordinator=127.0.0.1:{port}', '--num_processes=2']
    return [
      place.start(name, STEPS, devices=2, flags=[*flags, f'--process_id={host}'], **fields)
      for host, name in enumerate(('first', 'second'))
    ]

  place.variables['WAIT_AT'] = '2'
  hosts = pair()
  del place.variables['WAIT_AT']
  try:
    place.wait_for_words('first', 'measuring at 2\n', hosts[0])
    time.sleep(1)  # the other one waits for the first
    for host in hosts:
      host.send_signal(signal.SIGTERM)
    assert [host.wait(timeout=120) for host in hosts] == [75, 75]
    assert place.last_step('first') == 2
    hosts = pair()
    assert [host.wait(timeout=120) for host in hosts] == [0, 0], place.said('first')
  finally:
    for host in hosts:
      host.kill()
      host.wait()
  assert list(metrics_of(place, 'first')) == [2, 4, 6]
  assert not (place.path / 'second').exists()
  assert 'measuring' not in place.said('second')
