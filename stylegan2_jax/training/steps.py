"""The four phases of a training step, and what ends it: pure functions of state and batch.

Each phase draws fresh latents, averages its gradients over all micro-batches of all devices and
makes one Adam update. They are written against a named device axis and know nothing of devices.
Source: StyleGAN2 (arXiv 1912.04958), appendix B; order and details as the official implementation.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from stylegan2_jax.config import TrainSettings
from stylegan2_jax.images import to_float
from stylegan2_jax.networks.discriminator import Discriminator
from stylegan2_jax.networks.generator import Generator
from stylegan2_jax.training import losses
from stylegan2_jax.training.chunks import Chunks, mean_over_chunks
from stylegan2_jax.training.ema import ema_beta, update_ema, update_w_avg
from stylegan2_jax.training.latents import (
  Latents,
  draw_latents,
  label_vectors,
  mix_styles,
  phase_key,
)
from stylegan2_jax.training.optimizers import clean_gradients
from stylegan2_jax.training.regularizers import path_length_loss, r1_loss
from stylegan2_jax.training.state import TrainState, d_optimizer, g_optimizer

Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Recipe:
  """What stays the same through a run."""

  generator: Generator
  discriminator: Discriminator
  train: TrainSettings
  axis_name: str | None = None  # the device axis that gradients are averaged over
  draw: Callable[..., Latents] = draw_latents  # replaceable, so that tests can replay a run


def generator_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """Gmain: the adversarial loss of G.

  Args:
    state: the train state.
    chunks: indices of this device's samples (images are not looked at).
    labels: every label of the data set, or None.
    recipe: networks and settings.

  Returns:
    (state with new g_params, g_opt, w_avg; scalars averaged over the global batch).
  """
  key = phase_key(state.key, state.step, 'generator')

  def loss_fn(params, chunk):
    latents = _draw(recipe, key, chunk, labels)
    ws, w_mean = _map(recipe, params, latents)
    img = _synthesize(recipe, params, ws, latents.noise)
    logits = _discriminate(recipe, state.d_params, img, latents.label)
    loss = losses.generator_loss(logits).mean()
    return loss, (w_mean, {'loss_g': loss})

  gradients, (w_mean, metrics) = _mean_gradient(recipe, loss_fn, state.g_params, chunks)
  state = _update_generator(state, gradients, w_mean, recipe.train)
  return state, metrics


def path_length_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """Greg: path-length regularization of G on the first part of each micro-batch.

  Arguments and results as `generator_step`, and a new pl_mean: the mean over all micro-batches,
  each of which uses its own in its penalty.
  """
  key, train = phase_key(state.key, state.step, 'path_length'), recipe.train

  def loss_fn(params, chunk):
    count = max(chunk.sample.shape[0] // train.pl_batch_shrink, 1)
    latents = _draw(recipe, key, chunk.replace(sample=chunk.sample[:count]), labels, True)
    ws, w_mean = _map(recipe, params, latents)

    def synthesize(params, ws):
      return _synthesize(recipe, params, ws, latents.noise)

    result = path_length_loss(
      synthesize, params, ws, latents.path_noise, state.pl_mean, train.pl_decay, train.pl_weight
    )
    metrics = {'path_length': result.lengths.mean(), 'loss_pl': result.loss}
    return result.loss * train.pl_interval, (w_mean, result.mean, metrics)

  gradients, (w_mean, pl_mean, metrics) = _mean_gradient(recipe, loss_fn, state.g_params, chunks)
  state = _update_generator(state, gradients, w_mean, train).replace(pl_mean=pl_mean)
  return state, {**metrics, 'pl_mean': pl_mean}


def discriminator_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """Dmain: the adversarial loss of D on fakes and on the reals in `chunks`.

  Arguments as `generator_step`; the new state has new d_params, d_opt and w_avg.
  """
  key = phase_key(state.key, state.step, 'discriminator')

  def loss_fn(params, chunk):
    latents = _draw(recipe, key, chunk, labels)
    ws, w_mean = _map(recipe, state.g_params, latents)
    img = _synthesize(recipe, state.g_params, ws, latents.noise)
    fake_logits = _discriminate(recipe, params, img, latents.label)
    real_logits = _discriminate(recipe, params, *_reals(recipe, chunk))
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

  gradients, (w_mean, metrics) = _mean_gradient(recipe, loss_fn, state.d_params, chunks)
  w_avg = update_w_avg(state.w_avg, w_mean, recipe.train.w_avg_beta)
  return _update_discriminator(state, gradients, recipe.train).replace(w_avg=w_avg), metrics


def r1_step(
  state: TrainState, chunks: Chunks, labels: jax.Array | None, recipe: Recipe
) -> tuple[TrainState, Metrics]:
  """Dreg: R1 regularization of D on the reals in `chunks`.

  Arguments as `generator_step` (`labels` is not looked at: reals carry their own); the new state
  has new d_params and d_opt.
  """
  del labels

  def loss_fn(params, chunk):
    img, label = _reals(recipe, chunk)

    def discriminate(params, img):
      return _discriminate(recipe, params, img, label)

    loss, penalty = r1_loss(discriminate, params, img, recipe.train.r1_gamma)
    metrics = {'r1_penalty': penalty.mean(), 'loss_r1': loss}
    return loss * recipe.train.r1_interval, metrics

  gradients, metrics = _mean_gradient(recipe, loss_fn, state.d_params, chunks)
  return _update_discriminator(state, gradients, recipe.train), metrics


def finish_step(state: TrainState, recipe: Recipe) -> TrainState:
  """After the phases: the EMA of G, and the step counter."""
  train = recipe.train
  beta = ema_beta(state.step * train.batch_size, train.batch_size, train.ema_kimg, train.ema_rampup)
  ema_params = update_ema(state.g_params, state.ema_params, beta)
  return state.replace(ema_params=ema_params, step=state.step + 1)


PHASE_STEPS = {
  'generator': generator_step,
  'path_length': path_length_step,
  'discriminator': discriminator_step,
  'r1': r1_step,
}


def _draw(recipe, key, chunk, labels, path_noise=False) -> Latents:
  return recipe.draw(
    key, chunk, recipe.generator, labels, recipe.train.style_mixing_prob, path_noise
  )


def _map(recipe, params, latents: Latents):
  """(ws [m, num_ws, w_dim] after style mixing, mean of the first latent's w [w_dim])."""
  mapping, count = recipe.generator.mapping, latents.z.shape[0]
  z, label = latents.z, latents.label
  if latents.mixing_z is not None:  # both latents in one pass
    z = jnp.concatenate([z, latents.mixing_z])
    label = None if label is None else jnp.concatenate([label, label])
  ws = mapping.apply({'params': params['mapping']}, z, label)
  w_mean = jax.lax.stop_gradient(ws[:count, 0].mean(axis=0))
  if latents.mixing_z is not None:
    ws = mix_styles(ws[:count], ws[count:], latents.mixing_cutoff)
  return ws, w_mean


def _synthesize(recipe, params, ws, noise):
  return recipe.generator.synthesis.apply({'params': params['synthesis']}, ws, noise)


def _discriminate(recipe, params, img, label):
  return recipe.discriminator.apply({'params': params}, img, label)


def _reals(recipe, chunk):
  """(images in [-1, 1], label vectors or None) of a micro-batch."""
  dtype = recipe.discriminator.dtype
  img = chunk.images if chunk.images.dtype != jnp.uint8 else to_float(chunk.images)
  label = None
  if recipe.discriminator.c_dim:
    label = label_vectors(chunk.labels, recipe.discriminator.c_dim, dtype)
  return img.astype(dtype), label


def _mean_gradient(recipe, loss_fn, params, chunks):
  """(cleaned gradient, auxiliary output) of loss_fn(params, chunk), meaned over the batch."""
  gradient_fn = jax.grad(loss_fn, has_aux=True)
  gradients, aux = mean_over_chunks(
    lambda chunk: gradient_fn(params, chunk), chunks, recipe.axis_name
  )
  return clean_gradients(gradients), aux


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
