"""A run that goes on with other devices, from checkpoints: 4, then 2, then 1, against 1 all along.

In double precision and over 8 steps: the order of sums differs, and longer runs are chaotic.
"""

import contextlib

import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.saving import CheckpointWriter
from stylegan2_jax.training.engine import Engine
from tests.helpers import assert_trees_close, limit_devices, names, random_state, settings

SETTINGS = settings(
  4,
  network={'g_architecture': 'orig', 'd_architecture': 'orig', 'mapping_layers': 1},  # compile fast
  batch_size=8,
  micro_batch=2,
  pl_interval=2,
  r1_interval=3,
  adam_b1=0.5,  # so that Adam's first moment remembers every phase
  w_avg_beta=0.9,
  ema_kimg=0.1,
)
PARTS = ((4, 0, 3), (2, 3, 6), (1, 6, 8))  # devices, from step, to step


def batch(step):
  """The global batch of a step."""
  return {'image': np.random.default_rng(step).integers(0, 256, (8, 4, 4, 3), np.uint8)}


def run(modules, state, devices, begin, end):
  """The state after the steps, on so many devices."""
  with pytest.MonkeyPatch.context() as patch:
    limit_devices(patch, devices)
    engine = Engine(SETTINGS, modules, state, None)
    engine.compile(lambda name, seconds: None)
    for step in range(begin, end):
      engine.step(step, batch(step))
    return engine.state()


def test_4_then_2_then_1(double, tmp_path):
  modules = build_networks(SETTINGS.network, (4, 4), 3, 0, jnp.float64)
  start = random_state(*modules, SETTINGS.train)
  expected = run(modules, start, 1, 0, 8)
  state, folder = start, tmp_path / 'checkpoints'
  with contextlib.closing(CheckpointWriter(folder, keep=1)) as writer:
    for devices, begin, end in PARTS:
      state = run(modules, state, devices, begin, end)
      writer.save(state, {})
      writer.wait()
      state = Checkpoints(folder).restore_state(end, start)
  assert_trees_close(state, expected, 1e-9)
  moved = names(start)
  assert any(np.any(value != moved[name]) for name, value in names(state).items())
  assert int(state.step) == 8
