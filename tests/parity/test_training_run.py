"""A whole training run, replayed: every logged number and every final parameter."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.importers.official_names import from_tree
from stylegan2_jax.settings import TrainSettings
from stylegan2_jax.training.chunks import Chunks, chunk_layout
from stylegan2_jax.training.ema import ema_beta
from stylegan2_jax.training.latents import Latents
from stylegan2_jax.training.schedule import PHASES, phases_at
from stylegan2_jax.training.state import make_state
from stylegan2_jax.training.steps import PHASE_STEPS, Recipe, finish_step
from tests.parity import reference

NAMES = pytest.mark.parametrize('name', reference.names('training_run'))


def settings(entry) -> TrainSettings:
  """The recipe that index.json states. Its order and its w_avg β are this implementation's own."""
  assert entry['noise_mode'] == 'const'
  assert re.search(r'Gmain.*Greg.*Dmain.*Dreg', entry['order'])
  return TrainSettings(
    batch_size=entry['batch'],
    learning_rate=entry['lr'],
    adam_b1=entry['beta1'],
    adam_b2=entry['beta2'],
    adam_eps=entry['eps'],
    r1_gamma=entry['r1_gamma'],
    r1_interval=entry['d_reg_interval'],
    pl_weight=entry['pl_weight'],
    pl_interval=entry['g_reg_interval'],
    pl_decay=entry['pl_decay'],
    pl_batch_shrink=entry['pl_batch_shrink'],
    style_mixing_prob=entry['style_mixing_prob'],
    ema_kimg=entry['ema_kimg'],
    ema_rampup=entry['ema_rampup'],
  )


class Replay:
  """The run's recipe, whose draws come from the reference instead of from a key."""

  def __init__(self, name, dtype):
    self.entry, self.data, self.dtype = reference.index()[name], reference.arrays(name), dtype
    self.train = settings(self.entry)
    channels = self.data['reals'].shape[2]
    self.generator, self.discriminator = reference.networks(
      self.entry['generator'], self.entry['discriminator'], dtype, channels
    )
    self.recipe = Recipe(self.generator, self.discriminator, self.train, draw=self.draw)
    g_params, self.noise, w_avg = reference.generator_weights(
      reference.under(self.data, 'G0/'), dtype
    )
    d_params = reference.discriminator_weights(reference.under(self.data, 'D0/'), dtype)
    state = make_state(
      g_params, d_params, self.noise, self.generator, self.train, jax.random.key(0)
    )
    self.state = state.replace(w_avg=w_avg)

  def draw(self, key, chunk, generator, labels, style_mixing_prob, path_noise=False):
    """`key` is replaced by (z [batch, z_dim], path noise [batch, H, W, C]) in `step`."""
    z, noise = key
    count = chunk.sample.shape[0]
    return Latents(z[:count], None, self.noise, None, None, noise[:count] if path_noise else None)

  def chunks(self, step) -> Chunks:
    reals = reference.nhwc(self.data['reals'][step % len(self.data['reals'])], self.dtype)
    return jax.tree.map(lambda x: x[0], chunk_layout(len(reals), len(reals), 1)).replace(
      images=reals[None]
    )


@NAMES
@pytest.mark.parametrize(
  ('dtype', 'log_rtol', 'final_rtol'), [(jnp.float64, 1e-10, None), (jnp.float32, 2e-2, 5e-2)]
)
def test_training_run(name, dtype, log_rtol, final_rtol, x64):
  """float64 to 1e-10; float32 within a band, for 24 steps of Adam amplify rounding."""
  run = Replay(name, dtype)
  compiled = {phase: jax.jit(functools.partial(run_phase, run, phase)) for phase in PHASES}
  finish = jax.jit(functools.partial(finish_step, recipe=run.recipe))
  real_logits = jax.jit(lambda p, x: run.discriminator.apply({'params': p}, x).mean())
  state = run.state
  for step in range(run.entry['steps']):
    chunks = run.chunks(step)
    for phase in phases_at(step, run.train):
      z = jnp.asarray(run.data['z'][step, PHASES.index(phase)], dtype)
      noise = jnp.asarray(run.data['pl_noise_unit'][step], dtype).transpose(0, 2, 3, 1)
      state = compiled[phase](state, chunks, (z, noise))
    beta = ema_beta(
      step * run.train.batch_size, run.train.batch_size, run.train.ema_kimg, run.train.ema_rampup
    )
    state = finish(state, {}, jnp.int32(0))[0]
    logged = {
      'pl_mean': state.pl_mean,
      **norms(state),
      'real_logit_mean': real_logits(state.d_params, reference.nhwc(run.data['reals'][0], dtype)),
      'ema_beta': beta,
    }
    expected = reference.under(run.data, 'log/')
    assert set(expected) == set(logged)
    for key, value in logged.items():
      error = abs(float(value) - expected[key][step])
      scale = max(abs(expected[key][step]), 1e-3 if dtype == jnp.float32 else 0)
      assert error <= log_rtol * scale, f'step {step}, {key}: {value}, not {expected[key][step]}'
  for prefix, tree in (
    ('Gfinal/', state.g_params),
    ('Dfinal/', state.d_params),
    ('Gema/', state.ema_params),
  ):
    compare_final(reference.under(run.data, prefix), tree, final_rtol, prefix)
  expected = run.data['Gfinal/mapping.w_avg']
  if final_rtol is None:
    np.testing.assert_array_equal(np.asarray(state.w_avg, np.float32), expected)
  else:
    reference.check(state.w_avg, expected, final_rtol, 'w_avg')


def run_phase(run, phase, state, chunks, draws):
  """One phase with the reference's draws in the key's place."""
  step = PHASE_STEPS[phase]
  recipe = Recipe(
    run.generator, run.discriminator, run.train, draw=lambda _, *args: run.draw(draws, *args)
  )
  return step(state, chunks, None, recipe)[0]


@jax.jit
def norms(state):
  """Roots of the sums of squares over all leaves."""
  fields = {'G': state.g_params, 'D': state.d_params, 'Gema': state.ema_params}
  fields['w_avg'] = state.w_avg
  return {
    f'{name}_norm': jnp.sqrt(sum(jnp.square(x).sum() for x in jax.tree.leaves(tree)))
    for name, tree in fields.items()
  }


def compare_final(expected, tree, rtol, what):
  """Equal after rounding to float32 (rtol None), or within rtol of each tensor's largest value."""
  ours = from_tree(tree)
  names = {name for name in expected if name.split('.')[-1] not in ('noise_const', 'w_avg')}
  assert set(ours) == names
  for name in names:
    if rtol is None:
      np.testing.assert_array_equal(ours[name].astype(np.float32), expected[name], what + name)
    else:
      reference.check(ours[name], expected[name], rtol, what + name)
