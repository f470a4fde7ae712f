"""Timing and tracing the compiled functions of a step."""

import numpy as np

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training import profiling
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.state import new_state
from tests import helpers


def test_measure(tmp_path, monkeypatch):
  """Each function runs as often as asked, on the state of the run before; then all is as it was."""
  helpers.limit_devices(monkeypatch, 1)
  settings = helpers.settings(r1_gamma=0.0, pl_weight=0.0)
  networks = build_networks(settings.network, (8, 8), 3, 0)
  engine = Engine(settings, networks, new_state(0, *networks, settings.train), None)
  engine.compile(lambda name, seconds: None)
  compiled, calls = dict(engine.compiled), dict.fromkeys(engine.compiled, 0)

  def counting(name):
    def call(*arguments):
      calls[name] += 1
      return compiled[name](*arguments)

    return call

  counters = {name: counting(name) for name in compiled}
  engine.compiled.update(counters)
  batch = {'image': np.zeros((8, 8, 8, 3), np.uint8)}
  found = profiling.measure(engine, batch, 4, tmp_path)
  assert list(found) == ['generator', 'discriminator', 'average']
  for name, measured in found.items():
    assert calls[name] == 2 + 4 + profiling.TRACED_CALLS
    assert len(measured.seconds) == 4
    assert all(0 < seconds < 60 for seconds in measured.seconds)
    assert measured.trace.is_relative_to(tmp_path / name)
    assert measured.trace.name.endswith('.xplane.pb')
  assert engine.compiled == counters
  state = engine.state()
  assert state.step == 2 + 4 + profiling.TRACED_CALLS
  assert state.g_opt[0].count == state.step
  engine.step(0, batch)  # the state is there: nothing kept one that was donated
