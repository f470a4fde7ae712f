"""What a step reports: bad numbers really made, wishes to stop, devices that differ."""

import math

import jax
import numpy as np
import pytest

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training import nonfinite, parallel
from stylegan2_jax.training.engine import Engine, Wish
from tests.helpers import limit_devices, names, random_state, settings

LABELS = np.random.default_rng(1).standard_normal((5, 2)).astype(np.float32)
SMALL = {'g_architecture': 'orig', 'd_architecture': 'orig', 'mapping_layers': 1}


def make(**train):
  """A compiled engine without regularizers, on vectors as labels, which can be poisoned."""
  config = settings(4, SMALL, micro_batch=2, pl_weight=0.0, r1_gamma=0.0, **train)
  modules = build_networks(config.network, (4, 4), 3, 2)
  engine = Engine(config, modules, random_state(*modules, config.train), LABELS)
  engine.compile(lambda name, seconds: None)
  return engine


@pytest.fixture(scope='module')
def engine():
  """On four devices."""
  assert parallel.device_count() == 4
  return make()


def batch(poison=False):
  rng = np.random.default_rng(0)
  label = rng.standard_normal((8, 2)).astype(np.float32)
  if poison:
    label[5, 1] = np.nan  # one sample of one device
  return {'image': rng.integers(0, 256, (8, 4, 4, 3), np.uint8), 'label': label}


def d_sizes(state):
  return {name: x.size for name, x in names(state.d_params).items()}


def unfinished(state):
  return {n: x for n, x in names(state).items() if not n.startswith(('step', 'bad_steps'))}


def test_clean(engine):
  """Every gradient of D becomes 0; G is not touched by it; good steps set the count back."""
  before = engine.state()
  good = engine.step(0, batch())
  assert (good.nonfinite, good.bad_params, good.bad_steps, good.wish) == ({}, [], 0, Wish.GO_ON)
  assert all(math.isfinite(value) for value in good.metrics.values())
  for count in (1, 2):
    bad = engine.step(count, batch(poison=True))
    assert math.isnan(bad.metrics['loss_d'])
    assert math.isfinite(bad.metrics['loss_g'])
    assert bad.nonfinite == {'discriminator': d_sizes(before)}
    assert (bad.bad_params, bad.bad_steps) == ([], count)
  state = engine.state()
  assert (state.step, state.bad_steps) == (3, 2)
  assert all(np.isfinite(x).all() for x in names(state).values())
  assert max(np.abs(x).max() for x in names(state.d_opt[0].mu).values()) == 0  # β₁ = 0
  good = engine.step(3, batch())
  assert (good.nonfinite, good.bad_steps) == ({}, 0)
  assert engine.state().bad_steps == 0
  assert engine.replica_differences() == []


def test_skip(monkeypatch):
  """A poisoned phase leaves D and its Adam alone. On one device, which has none to compare with."""
  limit_devices(monkeypatch, 1)
  engine = make(on_nonfinite='skip', w_avg_beta=0.5)
  assert 'compare' not in engine.compiled
  assert engine.replica_differences() == []
  before = engine.state()
  outcome = engine.step(0, batch(poison=True))
  after = engine.state()
  assert outcome.nonfinite == {'discriminator': d_sizes(before)}
  assert (outcome.bad_params, outcome.bad_steps, after.step) == ([], 1, 1)
  old, new = unfinished(before), unfinished(after)
  changed = {name.split('.')[0] for name in old if old[name].tobytes() != new[name].tobytes()}
  assert changed == {'g_params', 'g_opt', 'ema_params', 'w_avg', 'augment'}
  count = after.g_opt[0].count, after.d_opt[0].count
  assert count == (1, 0)
  outcome = engine.step(1, batch())
  assert engine.state().d_opt[0].count == 1
  assert (outcome.nonfinite, outcome.bad_steps) == ({}, 0)


def test_wishes(engine):
  wishes = (*Wish, Wish.GO_ON)
  assert [engine.step(9, batch(), wish).wish for wish in wishes] == [*wishes]


def test_one_device_has_the_wish(engine, monkeypatch):
  """As when one host of several cannot go on, and another was told to stop: all hear of it."""
  monkeypatch.setattr(engine, '_wishes', [parallel.shard(np.array([0, 1, 2, 0], np.int32))])
  assert engine.step(9, batch()).wish is Wish.FAIL


def put(engine, monkeypatch, name, change, devices):
  """Changes a leaf of the state on some devices only."""
  leaves, form = jax.tree.flatten(engine._state)
  index = nonfinite.leaf_names(engine._state).index(name)
  copies = np.array(leaves[index])
  for device in devices:
    change(copies[device : device + 1])
  fresh = [np.array(leaf) for leaf in leaves]
  fresh[index] = copies
  monkeypatch.setattr(engine, '_state', parallel.shard(jax.tree.unflatten(form, fresh)))


def last_bit(x):
  x.reshape(-1).view(np.uint8)[0] ^= 1


def nan(x):
  x.reshape(-1)[0] = np.nan


@pytest.mark.parametrize(
  'name', ['ema_params.synthesis.b4.const', 'd_opt.0.count', 'key', 'g_opt.0.nu.mapping.fc0.bias']
)
def test_a_device_differs(name, engine, monkeypatch):
  put(engine, monkeypatch, name, last_bit, [2])
  assert engine.replica_differences() == [name]


def test_all_devices_have_nan(engine, monkeypatch):
  put(engine, monkeypatch, 'd_params.b4.out.bias', nan, range(4))
  assert engine.replica_differences() == []


def test_a_parameter_is_not_finite(engine, monkeypatch):
  """The poisoned one and what follows from it: everything that was trained through it."""
  put(engine, monkeypatch, 'd_params.b4.out.bias', nan, range(4))
  outcome = engine.step(4, batch())
  assert math.isnan(outcome.metrics['loss_g'])
  assert outcome.bad_params == ['d_params.b4.out.bias']  # the gradients were cleaned
  assert set(outcome.nonfinite) == {'generator', 'discriminator'}
  assert outcome.nonfinite['generator']['mapping.fc0.weight'] == (8 + 8) * 8  # z and label


def test_a_parameter_of_g_is_not_finite(engine, monkeypatch):
  """Seen in the average, which is what is looked at."""
  put(engine, monkeypatch, 'g_params.synthesis.b4.const', nan, range(4))
  assert set(engine.step(4, batch()).bad_params) >= {
    'g_params.synthesis.b4.const',
    'ema_params.synthesis.b4.const',
  }


def test_another_device_has_it(engine, monkeypatch):
  """This host's first device has nothing to name, but ends with the others."""
  put(engine, monkeypatch, 'pl_mean', lambda x: x.fill(np.nan), [3])
  assert engine.step(4, batch()).bad_params == ['the state on another device']
