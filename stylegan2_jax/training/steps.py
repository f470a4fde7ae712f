"""The four phases of a training step, and what ends it: pure functions of state and batch.

Each phase draws fresh latents, averages its gradients over all micro-batches of all devices and
makes one Adam update. They are written against a named device axis and know nothing of devices.
Gradients that are not finite are counted, and cleaned or the whole phase is left out.
Source: StyleGAN2 (arXiv 1912.04958), appendix B; order and details as the official implementation.
"""

import jax
import jax.numpy as jnp
import optax

from stylegan2_jax.training import losses, nonfinite
from stylegan2_jax.training.chunks import Chunks, mean_over_chunks
from stylegan2_jax.training.ema import ema_beta, update_ema, update_w_avg
from stylegan2_jax.training.latents import phase_key
from stylegan2_jax.training.optimizers import clean_gradients
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.regularizers import path_length_loss, r1_loss
from stylegan2_jax.training.state import TrainState, d_optimizer, g_optimizer

Metrics = dict[str, jax.Array]
PhaseResult = tuple[TrainState, Metrics, jax.Array]


def generator_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Gmain: the adversarial loss of G.

  Args:
    state: the train state.
    chunks: indices of this device's samples (images are not looked at).
    labels: every label of the data set, or None.
    recipe: networks and settings.

  Returns:
    (state with new g_params, g_opt, w_avg; scalars averaged over the global batch; int32 [leaves]:
    how many values of each leaf of the gradient were not finite).
  """
  key = phase_key(state.key, state.step, 'generator')

  def loss_fn(params, chunk):
    latents = recipe.latents(key, chunk, labels)
    ws, w_mean = recipe.map(params, latents)
    img = recipe.synthesize(params, ws, latents.noise)
    logits = recipe.discriminate(state.d_params, img, latents.label)
    loss = losses.generator_loss(logits).mean()
    return loss, (w_mean, {'loss_g': loss})

  gradients, (w_mean, metrics), bad = _mean_gradient(recipe, loss_fn, state.g_params, chunks)
  after = _update_generator(state, gradients, w_mean, recipe.train)
  return _unless(bad, state, after, recipe), metrics, bad


def path_length_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Greg: path-length regularization of G on the first part of each micro-batch.

  Arguments and results as `generator_step`, and a new pl_mean: the mean over all micro-batches,
  each of which uses its own in its penalty.
  """
  key, train = phase_key(state.key, state.step, 'path_length'), recipe.train

  def loss_fn(params, chunk):
    count = max(chunk.sample.shape[0] // train.pl_batch_shrink, 1)
    latents = recipe.latents(key, chunk.replace(sample=chunk.sample[:count]), labels, True)
    ws, w_mean = recipe.map(params, latents)

    def synthesize(params, ws):
      return recipe.synthesize(params, ws, latents.noise)

    result = path_length_loss(
      synthesize, params, ws, latents.path_noise, state.pl_mean, train.pl_decay, train.pl_weight
    )
    metrics = {'path_length': result.lengths.mean(), 'loss_pl': result.loss}
    return result.loss * train.pl_interval, (w_mean, result.mean, metrics)

  gradients, aux, bad = _mean_gradient(recipe, loss_fn, state.g_params, chunks)
  w_mean, pl_mean, metrics = aux
  after = _update_generator(state, gradients, w_mean, train).replace(pl_mean=pl_mean)
  after = _unless(bad, state, after, recipe)
  return after, {**metrics, 'pl_mean': after.pl_mean}, bad


def discriminator_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Dmain: the adversarial loss of D on fakes and on the reals in `chunks`.

  Arguments as `generator_step`; the new state has new d_params, d_opt and w_avg.
  """
  key = phase_key(state.key, state.step, 'discriminator')

  def loss_fn(params, chunk):
    latents = recipe.latents(key, chunk, labels)
    ws, w_mean = recipe.map(state.g_params, latents)
    img = recipe.synthesize(state.g_params, ws, latents.noise)
    fake_logits = recipe.discriminate(params, img, latents.label)
    real_logits = recipe.discriminate(params, *recipe.reals(chunk))
    loss = (
      losses.discriminator_fake_loss(fake_logits).mean()
      + losses.discriminator_real_loss(real_logits).mean()
    )
    metrics = {
      'loss_d': loss,
      'logits_fake': fake_logits.mean(),
      'logits_real': real_logits.mean(),
      'sign_real': jnp.sign(real_logits).mean(),
    }
    return loss, (w_mean, metrics)

  gradients, (w_mean, metrics), bad = _mean_gradient(recipe, loss_fn, state.d_params, chunks)
  w_avg = update_w_avg(state.w_avg, w_mean, recipe.train.w_avg_beta)
  after = _update_discriminator(state, gradients, recipe.train).replace(w_avg=w_avg)
  return _unless(bad, state, after, recipe), metrics, bad


def r1_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Dreg: R1 regularization of D on the reals in `chunks`.

  Arguments as `generator_step` (`labels` is not looked at: reals carry their own); the new state
  has new d_params and d_opt.
  """
  del labels

  def loss_fn(params, chunk):
    img, label = recipe.reals(chunk)

    def discriminate(params, img):
      return recipe.discriminate(params, img, label)

    loss, penalty = r1_loss(discriminate, params, img, recipe.train.r1_gamma)
    metrics = {'r1_penalty': penalty.mean(), 'loss_r1': loss}
    return loss * recipe.train.r1_interval, metrics

  gradients, metrics, bad = _mean_gradient(recipe, loss_fn, state.d_params, chunks)
  after = _update_discriminator(state, gradients, recipe.train)
  return _unless(bad, state, after, recipe), metrics, bad


def finish_step(
  state: TrainState, bad: dict[str, jax.Array], wish: jax.Array, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """After the phases: the EMA of G, the step counter, and what all devices must agree on.

  Args:
    state: the train state.
    bad: each phase's counts of gradient values that are not finite.
    wish: int32 [], what this device's host wants, as `engine.Wish`.
    recipe: networks and settings.

  Returns:
    (new state; int32 scalars `nonfinite`: the sum of `bad`, `bad_state`: how many parameters and
    averages are not finite, `bad_steps`: as in the state, `wish`: the largest of all devices).
  """
  train = recipe.train
  total = sum(counts.sum(dtype=jnp.int32) for counts in bad.values())
  beta = ema_beta(state.step * train.batch_size, train.batch_size, train.ema_kimg, train.ema_rampup)
  ema_params = update_ema(state.g_params, state.ema_params, beta)
  bad_steps = jnp.where(total > 0, state.bad_steps + 1, 0)
  state = state.replace(ema_params=ema_params, step=state.step + 1, bad_steps=bad_steps)
  # What is not finite in g_params is not in their average either.
  watched = (ema_params, state.d_params, state.w_avg, state.pl_mean)
  bad_state = nonfinite.count_each(watched).sum(dtype=jnp.int32)
  if recipe.axis_name is not None:  # one device alone may have it, and all must end together
    bad_state, wish = jax.lax.pmax((bad_state, wish), recipe.axis_name)
  numbers = {'nonfinite': total, 'bad_state': bad_state, 'bad_steps': bad_steps, 'wish': wish}
  return state, numbers


PHASE_STEPS = {
  'generator': generator_step,
  'path_length': path_length_step,
  'discriminator': discriminator_step,
  'r1': r1_step,
}


def _mean_gradient(recipe, loss_fn, params, chunks):
  """Of loss_fn(params, chunk), meaned over the batch: (cleaned gradient, auxiliary output, bad).

  `bad` is int32 [leaves]: how many values of the gradient were not finite.
  """
  gradient_fn = jax.grad(loss_fn, has_aux=True)
  gradients, aux = mean_over_chunks(
    lambda chunk: gradient_fn(params, chunk), chunks, recipe.axis_name
  )
  return clean_gradients(gradients), aux, nonfinite.count_each(gradients)


def _unless(bad, before, after, recipe) -> TrainState:
  """The state after a phase, or the one before it if such phases are to be left out."""
  if recipe.train.on_nonfinite == 'clean':
    return after
  return nonfinite.keep_where(bad.sum() > 0, before, after)


def _update_generator(state, gradients, w_mean, train) -> TrainState:
  updates, g_opt = g_optimizer(train).update(gradients, state.g_opt)
  return state.replace(
    g_params=optax.apply_updates(state.g_params, updates),
    g_opt=g_opt,
    w_avg=update_w_avg(state.w_avg, w_mean, train.w_avg_beta),
  )


def _update_discriminator(state, gradients, train) -> TrainState:
  updates, d_opt = d_optimizer(train).update(gradients, state.d_opt)
  return state.replace(d_params=optax.apply_updates(state.d_params, updates), d_opt=d_opt)
