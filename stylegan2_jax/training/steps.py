"""The four phases of a training step, and what ends it: pure functions of state and batch.

Each phase draws fresh latents, averages its gradients over all micro-batches of all devices and
makes one Adam update. They are written against a named device axis and know nothing of devices.
Gradients that are not finite are counted, and cleaned or the whole phase is left out.
Source: StyleGAN2 (arXiv 1912.04958), appendix B; order and details as the official implementation.
"""

import jax
import jax.numpy as jnp

from stylegan2_jax.training import ada, freezing, nonfinite
from stylegan2_jax.training.chunks import Chunks, mean_over_chunks
from stylegan2_jax.training.ema import ema_beta, update_ema, update_w_avg
from stylegan2_jax.training.latents import phase_key
from stylegan2_jax.training.optimizers import clean_gradients, update
from stylegan2_jax.training.penalties import path_length, penalties
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.state import TrainState, d_optimizer, g_optimizer

Metrics = dict[str, jax.Array]
PhaseResult = tuple[TrainState, Metrics, jax.Array]


def generator_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Gmain: the adversarial loss of G, with the path-length penalty where that is not lazy.

  Args:
    state: the train state.
    chunks: indices of this device's samples; images are looked at by losses that compare with them.
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
    img = recipe.view(state, 'generator', chunk, 'fake')(
      recipe.synthesize(params, ws, latents.noise)
    )
    logits = recipe.discriminate(state.d_params, img, latents.label)
    reals = None
    if recipe.loss.generator_sees_reals:  # by themselves: no gradient goes back to them
      real, label = recipe.reals(chunk)
      reals = recipe.discriminate(
        state.d_params, recipe.view(state, 'generator', chunk, 'real')(real), label
      )
    loss = recipe.loss.generator(logits, reals).mean()
    metrics = {'loss_g': loss}
    if not recipe.train.path_length_not_lazy:
      return loss, ((w_mean,), metrics, None)
    result, path_metrics, path_w_mean = path_length(state, chunk, labels, recipe, params)
    return loss + result.loss, ((w_mean, path_w_mean), metrics | path_metrics, result.mean)

  gradients, aux, bad = _mean_gradient(recipe, loss_fn, state.g_params, chunks)
  w_means, metrics, pl_mean = aux
  return _end_generator(state, gradients, w_means, metrics, pl_mean, bad, recipe)


def path_length_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Greg: path-length regularization of G on the first part of each micro-batch, lazily.

  Arguments and results as `generator_step`, and a new pl_mean: the mean over all micro-batches,
  each of which uses its own in its penalty.
  """

  def loss_fn(params, chunk):
    result, metrics, w_mean = path_length(state, chunk, labels, recipe, params)
    return result.loss * recipe.train.pl_interval, ((w_mean,), metrics, result.mean)

  gradients, aux, bad = _mean_gradient(recipe, loss_fn, state.g_params, chunks)
  w_means, metrics, pl_mean = aux
  return _end_generator(state, gradients, w_means, metrics, pl_mean, bad, recipe)


def discriminator_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Dmain: the adversarial loss of D on fakes and on the reals in `chunks`.

  Arguments as `generator_step`; the new state has new d_params, d_opt and w_avg, and has noted the
  signs of the real logits. Penalties on D's gradient that are not lazy are part of the loss.
  """
  key, train = phase_key(state.key, state.step, 'discriminator'), recipe.train

  def loss_fn(params, chunk):
    latents = recipe.latents(key, chunk, labels)
    ws, w_mean = recipe.map(state.g_params, latents)
    fake = recipe.synthesize(state.g_params, ws, latents.noise), latents.label
    fake_logits, real_logits = recipe.compare(
      state, 'discriminator', chunk, params, fake, recipe.reals(chunk)
    )
    loss = recipe.loss.discriminator(fake_logits, real_logits).mean()
    metrics = {
      'loss_d': loss,
      'logits_fake': fake_logits.mean(),
      'logits_real': real_logits.mean(),
      'sign_real': jnp.sign(real_logits).mean(),
    }
    if train.penalties_not_lazy:
      penalty, penalty_metrics, _ = penalties(state, chunk, labels, recipe, params)
      loss, metrics = loss + penalty, {**metrics, **penalty_metrics}
    return loss, (w_mean, metrics, ada.mean_sign(real_logits))

  gradients, aux, bad = _mean_gradient(recipe, loss_fn, state.d_params, chunks)
  w_mean, metrics, signs = aux
  w_avg = update_w_avg(state.w_avg, w_mean, train.w_avg_beta)
  after = _update_discriminator(state, gradients, recipe).replace(w_avg=w_avg)
  after = _unless(bad, state, after, recipe)
  return after.replace(augment=ada.gather(state.augment, signs)), metrics, bad


def r1_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> PhaseResult:
  """Dreg: the penalties on D's gradient, lazily: R1 on the reals in `chunks`, and those beside it.

  Arguments as `generator_step`; the new state has new d_params and d_opt, and has noted the signs
  of the real logits where R1 has computed them.
  """

  def loss_fn(params, chunk):
    loss, metrics, signs = penalties(state, chunk, labels, recipe, params)
    return loss * recipe.train.r1_interval, (metrics, signs)

  gradients, aux, bad = _mean_gradient(recipe, loss_fn, state.d_params, chunks)
  metrics, signs = aux
  after = _update_discriminator(state, gradients, recipe)
  after = _unless(bad, state, after, recipe)
  return after.replace(augment=ada.gather(state.augment, signs)), metrics, bad


def held_out_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """What D makes of images that it is not trained on, augmented as the others: changes nothing.

  Arguments as `generator_step`, with held-out images in `chunks`.

  Returns:
    (the state; {'logits_held_out': mean over the global batch}).
  """
  del labels

  def measure(chunk):
    img, label = recipe.reals(chunk)
    img = recipe.view(state, 'held_out', chunk, 'real')(img)
    return recipe.discriminate(state.d_params, img, label).mean()

  return state, {'logits_held_out': mean_over_chunks(measure, chunks, recipe.axis_name)}


def finish_step(
  state: TrainState, bad: dict[str, jax.Array], wish: jax.Array, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """After the phases: the EMA of G, ADA's p, the step, and what all devices must agree on.

  Args:
    state: the train state.
    bad: each phase's counts of gradient values that are not finite.
    wish: int32 [], what this device's host wants, as `engine.Wish`.
    recipe: networks and settings.

  Returns:
    (new state; int32 scalars `nonfinite`: the sum of `bad`, `bad_state`: how many parameters and
    averages are not finite, `bad_steps`: as in the state, `wish`: the largest of all devices;
    float32 scalars `augment_p` and `r_t`, as in the state).
  """
  train = recipe.train
  total = sum(counts.sum(dtype=jnp.int32) for counts in bad.values())
  augment = ada.adapt(state.augment, state.step + 1, train.batch_size, recipe.augment)
  beta = ema_beta(state.step * train.batch_size, train.batch_size, train.ema_kimg, train.ema_rampup)
  ema_params = freezing.kept(
    freezing.frozen(state.g_params, recipe.finetune),
    state.ema_params,
    update_ema(state.g_params, state.ema_params, beta),
  )
  bad_steps = jnp.where(total > 0, state.bad_steps + 1, 0)
  state = state.replace(
    ema_params=ema_params, step=state.step + 1, bad_steps=bad_steps, augment=augment
  )
  # What is not finite in g_params is not in their average either.
  watched = (ema_params, state.d_params, state.w_avg, state.pl_mean)
  bad_state = nonfinite.count_each(watched).sum(dtype=jnp.int32)
  if recipe.axis_name is not None:  # one device alone may have it, and all must end together
    bad_state, wish = jax.lax.pmax((bad_state, wish), recipe.axis_name)
  numbers = {'nonfinite': total, 'bad_state': bad_state, 'bad_steps': bad_steps, 'wish': wish}
  numbers |= {'augment_p': augment.p, 'r_t': augment.r_t}
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
  frozen = freezing.frozen(params, recipe.finetune)
  gradient_fn = jax.grad(lambda p, chunk: loss_fn(freezing.stopped(p, frozen), chunk), has_aux=True)
  gradients, aux = mean_over_chunks(
    lambda chunk: gradient_fn(params, chunk), chunks, recipe.axis_name
  )
  return clean_gradients(gradients), aux, nonfinite.count_each(gradients)


def _unless(bad, before, after, recipe) -> TrainState:
  """The state after a phase, or the one before it if such phases are to be left out."""
  if recipe.train.on_nonfinite == 'clean':
    return after
  return nonfinite.keep_where(bad.sum() > 0, before, after)


def _end_generator(state, gradients, w_means, metrics, pl_mean, bad, recipe) -> PhaseResult:
  """Adam on G; w_avg moves once for each pass through the mapping network, pl_mean if it is new."""
  g_params, g_opt = _updated(g_optimizer, gradients, state.g_params, state.g_opt, recipe)
  w_avg = state.w_avg
  for w_mean in w_means:
    w_avg = update_w_avg(w_avg, w_mean, recipe.train.w_avg_beta)
  after = state.replace(g_params=g_params, g_opt=g_opt, w_avg=w_avg)
  if pl_mean is not None:
    after = after.replace(pl_mean=pl_mean)
  after = _unless(bad, state, after, recipe)
  if pl_mean is not None:
    metrics = {**metrics, 'pl_mean': after.pl_mean}
  return after, metrics, bad


def _update_discriminator(state, gradients, recipe) -> TrainState:
  d_params, d_opt = _updated(d_optimizer, gradients, state.d_params, state.d_opt, recipe)
  return state.replace(d_params=d_params, d_opt=d_opt)


def _updated(optimizer, gradients, params, opt_state, recipe):
  frozen = freezing.frozen(params, recipe.finetune)
  return update(optimizer(recipe.train), gradients, opt_state, params, frozen)
