"""What is said of numbers that are not finite, and what ends the run."""

import math

import numpy as np
import pytest

from stylegan2_jax.errors import TrainingFailed
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import TrainSettings
from stylegan2_jax.training.engine import Engine, Outcome
from stylegan2_jax.training.guards import Guards
from stylegan2_jax.training.state import new_state
from tests.helpers import limit_devices, settings

GOOD = Outcome({'loss_g': 1.0, 'loss_d': 0.5}, {}, [], 0, False)
BAD = GOOD._replace(nonfinite={'r1': {'b4.fc.weight': 12, 'b8.conv0.bias': 300}}, bad_steps=1)


def guards(**train):
  said = []
  return Guards(TrainSettings(**train), said.append), said


def test_finite_numbers_say_nothing():
  guard, said = guards(max_bad_steps=1)
  for step in range(1, 300):
    guard.check(step, GOOD)
  assert said == []


@pytest.mark.parametrize(
  ('mode', 'done'), [('clean', 'NaN became 0 and infinity 1e5'), ('skip', 'updates were left out')]
)
def test_the_line(mode, done):
  guard, said = guards(on_nonfinite=mode)
  guard.check(7, BAD)
  where = 'r1: b8.conv0.bias (300 values), b4.fc.weight (12 values)'
  assert said == [f'warning: gradients not finite in step 7: {where}; {done}']


def test_many_tensors():
  counts = {f'b{i}.weight': i for i in (4, 8, 16, 32, 64)}
  guard, said = guards()
  guard.check(1, BAD._replace(nonfinite={'generator': counts, 'r1': {'b4.bias': 1}}))
  tensors = 'b64.weight (64 values), b32.weight (32 values), b16.weight (16 values) and 2 more'
  assert f'generator: {tensors}, r1: b4.bias (1 values);' in said[0]


def test_not_every_bad_step_is_said():
  guard, said = guards()
  for step in range(1, 1001):
    guard.check(step, BAD if step % 2 else GOOD)
  steps = [int(line.split('step ')[1].split(':')[0]) for line in said]
  assert steps == [1, 3, 5, 7, 9, 199, 399, 599, 799, 999]
  assert said[-1].endswith('; 500 such steps since the start')


def test_steps_in_a_row():
  guard, _ = guards(max_bad_steps=3)
  guard.check(8, BAD._replace(bad_steps=2))
  with pytest.raises(TrainingFailed) as failure:
    guard.check(9, BAD._replace(bad_steps=3))
  assert str(failure.value) == (
    'training broke in step 9: gradients not finite in 3 steps in a row (train.max_bad_steps); '
    'gradients: r1: b8.conv0.bias (300 values), b4.fc.weight (12 values): begin anew with a lower '
    'train.learning_rate, a higher train.r1_gamma or network.num_reduced=0, or go on with '
    'train.on_nonfinite=skip'
  )


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_a_metric(value):
  guard, _ = guards(on_nonfinite='skip')
  with pytest.raises(TrainingFailed) as failure:
    guard.check(9, GOOD._replace(metrics={'loss_g': 1.0, 'r1_penalty': value}))
  assert str(failure.value) == (
    f'training broke in step 9: r1_penalty = {value}: begin anew with a lower '
    'train.learning_rate, a higher train.r1_gamma or network.num_reduced=0'
  )


def test_a_parameter():
  guard, _ = guards()
  bad = GOOD._replace(bad_params=['d_params.b4.out.bias', 'pl_mean'])
  with pytest.raises(TrainingFailed, match=r'step 9: d_params\.b4\.out\.bias, pl_mean not finite:'):
    guard.check(9, bad)


def test_a_huge_learning_rate(monkeypatch):
  """A real run that explodes ends within a few steps, and says of which numbers."""
  limit_devices(monkeypatch, 1)
  config = settings(4, learning_rate=1e30, pl_weight=0.0, r1_gamma=0.0)
  modules = build_networks(config.network, (4, 4), 3, 0)
  engine = Engine(config, modules, new_state(0, *modules, config.train), None)
  engine.compile(lambda name, seconds: None)
  images = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3), np.uint8)
  guard = Guards(config.train, lambda text: None)

  def steps():
    for step in range(5):
      guard.check(step + 1, engine.step(step, {'image': images}))

  expected = r'^training broke in step \d: .*(= (nan|inf)|not finite).*: begin anew with a lower'
  with pytest.raises(TrainingFailed, match=expected) as failure:
    steps()
  assert '\n' not in str(failure.value)
