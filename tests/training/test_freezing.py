"""Frozen layers: which they are, that they keep their bits, and that nothing else notices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.settings import FinetuneSettings
from stylegan2_jax.training import freezing
from stylegan2_jax.training.chunks import chunk_layout
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.state import make_state
from stylegan2_jax.training.steps import PHASE_STEPS, finish_step
from tests.helpers import names, networks, random_params, randomized, settings, shapes_of

SETTINGS = settings(8, micro_batch=4)
C_DIM = 2
MODULES = build_networks(SETTINGS.network, (8, 8), 3, C_DIM)
RNG = np.random.default_rng(0)
CHUNKS = jax.tree.map(lambda x: x[0], chunk_layout(8, 4, 1)).replace(
  images=RNG.integers(0, 256, (2, 4, 8, 8, 3), np.uint8), labels=RNG.integers(0, 2, (2, 4))
)
LABELS = jnp.asarray([0, 1, 1])
FROZEN = FinetuneSettings(start='runs/a', freeze_d=5, freeze_mapping=True)
FROZEN_D = ('b8.fromrgb.', 'b8.conv0.', 'b8.conv1.', 'b8.skip.', 'b4.conv.')


def steps(finetune):
  recipe = Recipe(*MODULES, SETTINGS.train, finetune=finetune)
  return {p: jax.jit(functools.partial(step, recipe=recipe)) for p, step in PHASE_STEPS.items()}


@pytest.fixture(scope='module')
def frozen_steps():
  return steps(FROZEN)


@pytest.fixture(scope='module')
def state():
  """Random weights, fresh moments."""
  g_params, d_params = random_params(*MODULES)
  noise = {'b4': {'conv1': (4, 4)}, 'b8': {'conv0': (8, 8), 'conv1': (8, 8)}}
  noise = jax.tree.map(jnp.zeros, noise, is_leaf=lambda x: isinstance(x, tuple))
  return make_state(g_params, d_params, noise, MODULES[0], SETTINGS.train, jax.random.key(1))


@pytest.mark.parametrize(
  ('architecture', 'expected'),
  [
    ('orig', 'b16.fromrgb b16.conv0 b16.conv1 b8.conv0 b8.conv1 b4.conv b4.fc b4.out'),
    (
      'skip',
      'b16.fromrgb b16.conv0 b16.conv1 b8.fromrgb b8.conv0 b8.conv1 b4.fromrgb b4.conv b4.fc '
      'b4.out',
    ),
    (
      'resnet',
      'b16.fromrgb b16.conv0 b16.conv1 b16.skip b8.conv0 b8.conv1 b8.skip b4.conv b4.fc b4.out',
    ),
  ],
)
def test_layers_count_from_the_image(architecture, expected):
  """Those of the label's network are none of them."""
  d_params = shapes_of(*networks(16, c_dim=2, d_architecture=architecture))[1]
  found = ['.'.join(layer) for layer in freezing.discriminator_layers(d_params)]
  assert found == expected.split()
  for count in (1, 3, len(found)):
    frozen = names(freezing.frozen(d_params, FinetuneSettings('a', count)))
    chosen = {name for name, is_frozen in frozen.items() if is_frozen}
    assert {name.rpartition('.')[0] for name in chosen} == set(found[:count])
    assert not any(name.startswith('mapping') for name in chosen)
  with pytest.raises(UserError, match=rf'freeze_d = {len(found) + 1} must be at most {len(found)}'):
    freezing.frozen(d_params, FinetuneSettings('a', len(found) + 1))


def test_frozen_weights_keep_their_bits(state, frozen_steps):
  """Over two rounds of all phases; their moments stay zero, and all else moves."""
  after = state
  for _ in range(2):
    for step in frozen_steps.values():
      after = step(after, CHUNKS, LABELS)[0]
  for field, opt, stays in (
    ('g_params', 'g_opt', lambda name: name.startswith('mapping.')),
    ('d_params', 'd_opt', lambda name: name.startswith(FROZEN_D)),
  ):
    before, now = names(getattr(state, field)), names(getattr(after, field))
    assert 0 < sum(map(stays, before)) < len(before)
    adam = getattr(after, opt)[0]
    assert int(adam.count) == 4
    for name, value in before.items():
      moments = names(adam.mu)[name], names(adam.nu)[name]
      if stays(name):
        assert now[name].tobytes() == value.tobytes(), name
        assert not any(np.any(moment) for moment in moments), name
      else:
        assert np.any(now[name] != value), name
        assert np.any(moments[1]), name
  assert np.any(after.w_avg != state.w_avg)  # it follows, as the draws differ


def test_the_average_of_frozen_weights_stays(state):
  """Whatever the weights of G are, and though an average of equal numbers is rounded."""
  finish = jax.jit(
    functools.partial(finish_step, recipe=Recipe(*MODULES, SETTINGS.train, finetune=FROZEN))
  )
  state = state.replace(ema_params=randomized(state.g_params, 9))
  before, after = names(state.ema_params), names(finish(state, {}, jnp.int32(0))[0].ema_params)
  for name, value in before.items():
    assert (after[name].tobytes() == value.tobytes()) == name.startswith('mapping.'), name


@pytest.mark.parametrize('phase', PHASE_STEPS)
def test_the_others_take_the_step_that_they_would(phase, state, frozen_steps):
  """Of moments that are not zero: those of frozen weights stay, too."""
  state = state.replace(
    g_opt=(state.g_opt[0]._replace(nu=positive(state.g_params, 1)), *state.g_opt[1:]),
    d_opt=(state.d_opt[0]._replace(nu=positive(state.d_params, 2)), *state.d_opt[1:]),
  )
  before = names(state)
  free = names(steps(FinetuneSettings())[phase](state, CHUNKS, LABELS)[0])
  found = names(frozen_steps[phase](state, CHUNKS, LABELS)[0])
  for name, value in free.items():
    field, _, leaf = name.partition('.')
    leaf = leaf.removeprefix('0.mu.').removeprefix('0.nu.')
    stays = leaf.startswith('mapping.') if field[0] == 'g' else leaf.startswith(FROZEN_D)
    if field in ('g_params', 'g_opt', 'd_params', 'd_opt') and stays:
      assert found[name].tobytes() == before[name].tobytes(), name
    else:
      np.testing.assert_allclose(
        found[name], value, rtol=1e-4, atol=1e-5 * np.abs(value).max(initial=0), err_msg=name
      )


def positive(tree, seed):
  return jax.tree.map(lambda x: jnp.abs(x) + 1, randomized(tree, seed))
