"""Nothing compiles after the first step, and the state keeps its form."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training import parallel
from stylegan2_jax.training.chunks import chunk_layout
from stylegan2_jax.training.engine import Engine
from stylegan2_jax.training.steps import PHASE_STEPS, Recipe, finish_step
from tests.helpers import names, random_state, settings, state_shapes


@contextlib.contextmanager
def compilations():
  """A list to which every tracing, lowering and compilation is added."""
  seen = []

  def listen(event, seconds, **unused):
    if event.startswith('/jax/core/compile/'):
      seen.append(event)

  jax.monitoring.register_event_duration_secs_listener(listen)
  try:
    yield seen
  finally:
    jax.monitoring.unregister_event_duration_listener(listen)


def test_the_counter_counts():
  fn = jax.jit(lambda x: x * 3 + 1)
  with compilations() as seen:
    fn(jnp.zeros(3))
  assert '/jax/core/compile/backend_compile_duration' in seen
  with compilations() as seen:
    fn(jnp.zeros(3))
  assert seen == []
  with compilations() as seen:
    fn(jnp.zeros(4))
  assert '/jax/core/compile/backend_compile_duration' in seen


def test_nothing_compiles_after_the_first_step():
  """Of each phase: step 0 has them all; 1 to 6 have them in all combinations."""
  config = settings(4, pl_interval=2, r1_interval=3, batch_size=8, micro_batch=2)
  modules = build_networks(config.network, (4, 4), 3, 0)
  engine = Engine(config, modules, random_state(*modules, config.train), None)
  announced = []
  engine.compile(lambda name, seconds: announced.append(name))
  assert sorted(announced) == ['average', 'compare', *sorted(PHASE_STEPS)]

  def batch(step):
    images = np.random.default_rng(step).integers(0, 256, (8, 4, 4, 3), np.uint8)
    return {'image': images, 'label': np.full(8, -1, np.int32)}

  before = names(engine.state())
  engine.step(0, batch(0))
  with compilations() as seen:
    for step in range(1, 7):
      assert all(np.isfinite(x) for x in engine.step(step, batch(step)).metrics.values())
  assert seen == []
  after = names(engine.state())
  assert after['step'] == 7
  for name, value in before.items():
    assert (after[name].shape, after[name].dtype) == (value.shape, value.dtype), name


def test_only_the_phases_in_use_are_compiled(monkeypatch):
  """Looks at what is asked for; compiles nothing."""
  config = settings(4, pl_weight=0.0, micro_batch=2)
  modules = build_networks(config.network, (4, 4), 3, 0)
  engine = Engine(config, modules, random_state(*modules, config.train), None)
  asked = []
  monkeypatch.setattr(
    parallel, 'compile_all', lambda functions, announce: asked.extend(functions) or functions
  )
  engine.compile(lambda name, seconds: None)
  assert asked[0] == 'average'  # the first to be traced takes the shortest
  assert list(engine.compiled) == ['generator', 'discriminator', 'r1', 'average', 'compare']
  assert sorted(asked) == sorted(engine.compiled)


@pytest.mark.parametrize('c_dim', [0, 3])
@pytest.mark.parametrize(
  'network', [{}, {'num_reduced': 2}, {'num_reduced': 2, 'reduced_dtype': 'float16'}]
)
@pytest.mark.parametrize('phase', [*PHASE_STEPS, 'average'])
def test_a_phase_keeps_shapes_and_dtypes(phase, network, c_dim):
  """Otherwise the next step would compile again."""
  config = settings(8, network)
  modules = build_networks(config.network, (8, 8), 3, c_dim)
  recipe = Recipe(*modules, config.train)
  state = state_shapes(*modules, config.train)
  if phase == 'average':
    bad, wish = {'r1': np.zeros(3, np.int32)}, np.int32(0)
    after, numbers = jax.eval_shape(functools.partial(finish_step, recipe=recipe), state, bad, wish)
    assert {x.shape for x in numbers.values()} == {()}
    controller = {name: numbers.pop(name).dtype.name for name in ('augment_p', 'r_t')}
    assert controller == {'augment_p': 'float32', 'r_t': 'float32'}
    assert {x.dtype.name for x in numbers.values()} == {'int32'}
  else:
    chunks = jax.tree.map(lambda x: x[0], chunk_layout(8, 4, 1))
    chunks = chunks.replace(
      images=np.zeros((2, 4, 8, 8, 3), np.uint8),
      labels=np.zeros((2, 4), np.int32) if c_dim else None,
    )
    labels = np.zeros(10, np.int32) if c_dim else None
    step = functools.partial(PHASE_STEPS[phase], recipe=recipe)
    after, metrics, counts = jax.eval_shape(step, state, chunks, labels)
    trained = state.g_params if phase in ('generator', 'path_length') else state.d_params
    assert (counts.shape, counts.dtype.name) == ((len(jax.tree.leaves(trained)),), 'int32')
    assert {(m.shape, m.dtype.name) for m in metrics.values()} == {((), 'float32')}
  assert after == state
