"""How micro-batches lie on devices changes nothing: 1 × 4 = 4 × 1 = 2 × 2, in double precision."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import AugmentSettings
from stylegan2_jax.training.ada import new_augment_state
from stylegan2_jax.training.engine import Engine
from tests.helpers import assert_trees_close, limit_devices, names, random_state, settings

STEPS = 4
PLAIN = settings(
  network={'g_architecture': 'orig', 'd_architecture': 'orig', 'mapping_layers': 1},  # compile fast
  batch_size=16,
  micro_batch=4,
  pl_interval=2,
  r1_interval=3,
  adam_b1=0.5,  # so that Adam's first moment remembers every phase
  w_avg_beta=0.9,
  ema_kimg=0.1,
)
AUGMENT = AugmentSettings(kind='ada', transforms='blit,color', p=0.5, ada_kimg=0.4, interval=3)
SETTINGS = dataclasses.replace(PLAIN, augment=AUGMENT)
CLASSES = np.array([0, 1, 1, 2], np.int32)


@pytest.fixture(scope='module')
def runs(double):
  """{number of devices: (metrics of each step, final state)} and the state before."""
  modules = build_networks(SETTINGS.network, (8, 8), 3, 3, jnp.float64)
  state = random_state(*modules, SETTINGS.train)
  state = state.replace(augment=new_augment_state(AUGMENT, jnp.float64))
  results = {0: state}
  for count in (1, 2, 4):
    with pytest.MonkeyPatch.context() as patch:
      limit_devices(patch, count)
      results[count] = run(modules, state)
  return results


def run(modules, state):
  """(metrics of each step, final state)."""
  engine = Engine(SETTINGS, modules, state, CLASSES)
  engine.compile(lambda name, seconds: None)
  rng, metrics = np.random.default_rng(0), []
  for step in range(STEPS):
    images = rng.integers(0, 256, (16, 8, 8, 3), np.uint8)
    batch = {'image': images, 'label': rng.integers(0, 3, 16).astype(np.int32)}
    metrics.append(engine.step(step, batch).metrics)
  return metrics, engine.state()


@pytest.mark.parametrize('count', [4, 2])
def test_every_array_of_the_state(runs, count):
  assert_trees_close(runs[count][1], runs[1][1], 1e-10)


@pytest.mark.parametrize('count', [4, 2])
def test_the_metrics(runs, count):
  for ours, expected in zip(runs[count][0], runs[1][0], strict=True):
    assert ours.keys() == expected.keys()
    for name, value in expected.items():
      assert ours[name] == pytest.approx(value, rel=1e-10), name


def test_all_phases_ran_and_moved_everything(runs):
  """Otherwise the comparison would say little."""
  metrics, state = runs[1]
  ran = [{'loss_g', 'loss_d'} | {'loss_pl', 'loss_r1'} & set(m) for m in metrics]
  main = {'loss_g', 'loss_d'}
  assert ran == [main | {'loss_pl', 'loss_r1'}, main, main | {'loss_pl'}, main | {'loss_r1'}]
  before = names(runs[0])
  for name, value in names(state).items():
    if not name.startswith(('noise_maps', 'key', 'bad_steps')):
      assert np.any(value != before[name]), name
  assert {x.dtype.name for x in jax.tree.leaves(state)} == {'float64', 'int32', 'uint32'}
