"""What each phase changes and what it reports, on one device."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.images import to_float
from stylegan2_jax.networks.builder import build_networks
from stylegan2_jax.training.chunks import chunk_layout
from stylegan2_jax.training.latents import draw_latents, phase_key
from stylegan2_jax.training.steps import PHASE_STEPS, Recipe, finish_step
from tests.helpers import assert_trees_close, names, random_state, settings

SETTINGS = settings(4, micro_batch=4, w_avg_beta=0.9, ema_rampup=0.05)  # two micro-batches of 4
MODULES = build_networks(SETTINGS.network, (4, 4), 3, 0)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 4, 3), np.uint8)
CHUNKS = jax.tree.map(lambda x: x[0], chunk_layout(8, 4, 1)).replace(images=IMAGES)
CHANGES = {
  'generator': {'g_params', 'g_opt', 'w_avg'},
  'path_length': {'g_params', 'g_opt', 'w_avg', 'pl_mean'},
  'discriminator': {'d_params', 'd_opt', 'w_avg', 'augment'},
  'r1': {'d_params', 'd_opt', 'augment'},
}


@pytest.fixture(scope='module')
def state():
  """A state in which nothing is zero."""
  return random_state(*MODULES, SETTINGS.train).replace(step=jnp.int32(3))


@pytest.fixture(scope='module')
def results(state):
  """{phase: (state after, metrics, counts)}, each from the same state before."""
  recipe = Recipe(*MODULES, SETTINGS.train)
  return {
    phase: jax.jit(functools.partial(step, recipe=recipe))(state, CHUNKS, None)
    for phase, step in PHASE_STEPS.items()
  }


@pytest.fixture(scope='module')
def skipping():
  """{phase: the compiled step that leaves out updates by gradients which are not finite}."""
  train = dataclasses.replace(SETTINGS.train, on_nonfinite='skip')
  recipe = Recipe(*MODULES, train)
  return {p: jax.jit(functools.partial(step, recipe=recipe)) for p, step in PHASE_STEPS.items()}


def latents(state, phase, chunk, count=4):
  """What a phase draws for a micro-batch."""
  key = phase_key(state.key, state.step, phase)
  one = jax.tree.map(lambda x: x[chunk], CHUNKS)
  one = one.replace(sample=one.sample[:count])
  return jax.jit(lambda: draw_latents(key, one, MODULES[0], None, 0.9, phase == 'path_length'))()


@pytest.mark.parametrize('phase', PHASE_STEPS)
def test_a_phase_changes_its_fields_only(phase, state, results):
  before, after = names(state), names(results[phase][0])
  assert before.keys() == after.keys()
  changed = {name.split('.')[0] for name in before if np.any(before[name] != after[name])}
  assert changed == CHANGES[phase]


@pytest.mark.parametrize('phase', PHASE_STEPS)
def test_every_parameter_takes_the_step(phase, state, results):
  """Of the learning rate's size, as Adam's first step is."""
  field = 'g_params' if phase in ('generator', 'path_length') else 'd_params'
  before, after = (names(getattr(s, field)) for s in (state, results[phase][0]))
  for name, value in before.items():
    step = np.abs(after[name] - value).max()
    assert step < 0.0026, name
    if phase == 'path_length' and name == 'synthesis.b4.torgb.bias':
      assert step == 0  # added last, it changes no derivative of the picture
    elif not (phase == 'r1' and name.endswith('bias')):  # nor do most biases that of the logit
      assert step > 0, name


@pytest.mark.parametrize('phase', ['generator', 'path_length', 'discriminator'])
def test_w_avg_follows_the_first_latents(phase, state, results):
  """By the mean over all micro-batches, without the second latent of style mixing."""
  count = 2 if phase == 'path_length' else 4
  z = np.concatenate([latents(state, phase, chunk, count).z for chunk in range(2)])
  ws = MODULES[0].mapping.apply({'params': state.g_params['mapping']}, z)
  expected = 0.9 * state.w_avg + 0.1 * ws[:, 0].mean(axis=0)
  np.testing.assert_allclose(results[phase][0].w_avg, expected, rtol=1e-5)


def test_logits_of_reals(state, results):
  """The groups of the minibatch statistic are those of a micro-batch."""
  run = functools.partial(MODULES[1].apply, {'params': state.d_params})
  logits = np.concatenate([jax.jit(run)(to_float(chunk)) for chunk in IMAGES])
  metrics = results['discriminator'][1]
  np.testing.assert_allclose(metrics['logits_real'], logits.mean(), rtol=1e-5)
  np.testing.assert_allclose(metrics['sign_real'], np.sign(logits).mean(), rtol=1e-6)
  gradient = jax.jit(jax.grad(lambda img: run(img).sum()))
  penalties = [jnp.square(gradient(to_float(c))).sum() / 4 for c in IMAGES]
  np.testing.assert_allclose(results['r1'][1]['r1_penalty'], np.mean(penalties), rtol=1e-4)
  gamma = SETTINGS.train.r1_gamma
  np.testing.assert_allclose(results['r1'][1]['loss_r1'], gamma / 2 * np.mean(penalties), rtol=1e-4)


@pytest.mark.parametrize(
  ('phase', 'metric', 'of'),
  [
    ('generator', 'loss_g', lambda logits: np.log1p(np.exp(-logits))),
    ('discriminator', 'logits_fake', lambda logits: logits),
  ],
)
def test_fakes(phase, metric, of, state, results):
  """Mixed styles, noise of their own, and the weights before the step."""

  @jax.jit
  def logits(drawn):
    g_params = {'params': state.g_params}
    first, second = (MODULES[0].apply(g_params, z, method='map') for z in (drawn.z, drawn.mixing_z))
    ws = jnp.where(jnp.arange(2)[None, :, None] < drawn.mixing_cutoff, first, second)
    img = MODULES[0].apply(g_params, ws, drawn.noise, method='synthesize')
    return MODULES[1].apply({'params': state.d_params}, img)

  drawn = [latents(state, phase, chunk) for chunk in range(2)]
  assert 1 in [int(d.mixing_cutoff) for d in drawn]  # at least one does mix
  expected = np.mean([of(np.asarray(logits(d))) for d in drawn])
  np.testing.assert_allclose(results[phase][1][metric], expected, rtol=1e-4)


def test_path_lengths_belong_to_micro_batches(state, results):
  """pl_mean is the mean of the micro-batches' own means: one lerp of the mean of all lengths."""
  after, metrics, _ = results['path_length']
  expected = 0.5 + 0.01 * (metrics['path_length'] - 0.5)
  np.testing.assert_allclose(after.pl_mean, expected, rtol=1e-6)
  assert metrics['pl_mean'] == after.pl_mean


@pytest.mark.parametrize(('phase', 'field'), [('path_length', 'g_opt'), ('r1', 'd_opt')])
def test_a_lazy_loss_is_multiplied_by_its_interval(phase, field, state, results):
  """With β₁ = 0 Adam's first moment is the gradient; metrics show the loss without the factor."""
  every = settings(4, micro_batch=4, pl_interval=1, r1_interval=1).train
  step = functools.partial(PHASE_STEPS[phase], recipe=Recipe(*MODULES, every))
  (after, metrics, _), lazy = jax.jit(step)(state, CHUNKS, None), results[phase]
  interval = {'path_length': 4, 'r1': 16}[phase]
  gradients, expected = (names(getattr(s, field)[0].mu) for s in (lazy[0], after))
  largest = max(np.abs(g).max() for g in gradients.values())
  for name, g in gradients.items():
    np.testing.assert_allclose(g, interval * expected[name], atol=1e-5 * largest, err_msg=name)
  for name, value in metrics.items():
    np.testing.assert_allclose(lazy[1][name], value, rtol=1e-5)


@pytest.mark.parametrize(('shrink', 'count'), [(1, 4), (2, 2), (3, 1), (4, 1)])
def test_path_lengths_take_a_part_of_each_micro_batch(shrink, count, state):
  seen = []

  def draw(key, chunk, *args):
    seen.append(chunk.sample.shape)
    return draw_latents(key, chunk, *args)

  train = settings(4, micro_batch=4, pl_batch_shrink=shrink).train
  step = functools.partial(PHASE_STEPS['path_length'], recipe=Recipe(*MODULES, train, draw=draw))
  jax.eval_shape(step, state, CHUNKS, None)
  assert set(seen) == {(count,)}


def test_the_end_of_a_step(state, results):
  """The EMA moves towards the new parameters, the step counts on, all else stays."""
  before = results['generator'][0]
  finish = jax.jit(functools.partial(finish_step, recipe=Recipe(*MODULES, SETTINGS.train)))
  after, numbers = finish(before, {'generator': results['generator'][2]}, jnp.int32(0))
  beta = 0.5 ** (8 / (3 * 8 * 0.05))  # three steps of 8 images were seen before this one
  ema, params = names(before.ema_params), names(before.g_params)
  for name, value in names(after.ema_params).items():
    expected = beta * ema[name] + (1 - beta) * params[name]
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)
  assert after.step == 4
  for name, value in names(after).items():
    if not name.startswith(('ema_params', 'step')):
      np.testing.assert_array_equal(value, names(before)[name], name)
  told = {'nonfinite': 0, 'bad_state': 0, 'bad_steps': 0, 'wish': 0}
  assert numbers == {**told, 'augment_p': 0, 'r_t': 0}


@pytest.mark.parametrize('phase', PHASE_STEPS)
def test_skipping_changes_nothing_where_all_is_finite(phase, state, results, skipping):
  """But for rounding, as other programs do."""
  after, metrics, counts = skipping[phase](state, CHUNKS, None)
  assert_trees_close(after, results[phase][0], 1e-6)
  for name, value in metrics.items():
    np.testing.assert_allclose(value, results[phase][1][name], rtol=1e-6)
  assert not counts.any()
  assert not results[phase][2].any()


@pytest.mark.parametrize('phase', PHASE_STEPS)
def test_skipping_leaves_the_state_to_the_bit(phase, state, skipping):
  """One weight of D is NaN, and with it every gradient that comes through it."""
  out = state.d_params['b4']['out']
  poisoned = {**out, 'weight': out['weight'].at[0, 0].set(jnp.nan)}
  d_params = {**state.d_params, 'b4': {**state.d_params['b4'], 'out': poisoned}}
  if phase == 'path_length':  # does not look at D
    synthesis = state.g_params['synthesis']
    b4 = {**synthesis['b4'], 'const': synthesis['b4']['const'].at[0].set(jnp.inf)}
    g_params = {**state.g_params, 'synthesis': {**synthesis, 'b4': b4}}
    state = state.replace(g_params=g_params)
  state = state.replace(d_params=d_params)
  after, metrics, counts = skipping[phase](state, CHUNKS, None)
  assert counts.sum() > 0
  assert not all(np.isfinite(value) for value in metrics.values())
  before = names(state)
  for name, value in names(after).items():
    assert value.tobytes() == before[name].tobytes(), name
  if phase == 'path_length':
    assert metrics['pl_mean'] == 0.5


def test_cleaning_goes_on(state):
  """The same poison: G takes a step by gradients of zero, and stays finite."""
  out = state.d_params['b4']['out']
  poisoned = {**out, 'weight': out['weight'] * jnp.nan}
  bad_d = {**state.d_params, 'b4': {**state.d_params['b4'], 'out': poisoned}}
  step = jax.jit(
    functools.partial(PHASE_STEPS['generator'], recipe=Recipe(*MODULES, SETTINGS.train))
  )
  after, _, counts = step(state.replace(d_params=bad_d), CHUNKS, None)
  assert counts.tolist() == [x.size for x in jax.tree.leaves(state.g_params)]
  assert all(not x.any() for x in jax.tree.leaves(after.g_opt[0].mu))  # β₁ = 0
  assert all(np.isfinite(x).all() for x in names(after.g_params).values())


def test_the_end_of_a_bad_step(state):
  """Steps in a row are counted, and what holds no number is told."""
  finish = jax.jit(functools.partial(finish_step, recipe=Recipe(*MODULES, SETTINGS.train)))
  bad = {'generator': jnp.array([0, 3, 0]), 'r1': jnp.array([4])}
  state, numbers = finish(state, bad, jnp.int32(1))
  controller = {'augment_p': 0, 'r_t': 0}
  told = {'nonfinite': 7, 'bad_state': 0, 'bad_steps': 1, 'wish': 1}
  assert numbers == {**told, **controller}
  g_params = {
    **state.g_params,
    'mapping': jax.tree.map(lambda x: x * jnp.inf, state.g_params['mapping']),
  }
  state, numbers = finish(
    state.replace(g_params=g_params, pl_mean=jnp.float32('nan')), bad, jnp.int32(0)
  )
  sizes = [x.size for x in jax.tree.leaves(state.g_params['mapping'])]
  told = {'nonfinite': 7, 'bad_state': sum(sizes) + 1, 'bad_steps': 2, 'wish': 0}
  assert numbers == {**told, **controller}
  state, numbers = finish(state, {'r1': jnp.array([0])}, jnp.int32(0))
  assert numbers['bad_steps'] == state.bad_steps == 0
