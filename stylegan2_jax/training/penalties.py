"""The regularizers that a config asks for, on one micro-batch, with the draws that they need.

The main phases use them every step, the lazy ones once in a while. Gradients of D are taken at the
image itself, through the augmentation that D sees it by.
"""

import jax
import jax.numpy as jnp

from stylegan2_jax.training.ada import mean_sign
from stylegan2_jax.training.chunks import Chunks
from stylegan2_jax.training.latents import phase_key
from stylegan2_jax.training.recipe import Recipe
from stylegan2_jax.training.regularizers import (
  PathLength,
  interpolate,
  interpolation_loss,
  path_length_loss,
  r1_loss,
)
from stylegan2_jax.training.state import TrainState


def path_length(
  state: TrainState, chunk: Chunks, labels: jax.Array | None, recipe: Recipe, params
) -> tuple[PathLength, dict[str, jax.Array], jax.Array]:
  """The path-length penalty on the first 1/pl_batch_shrink of a micro-batch.

  Args:
    state: the train state.
    chunk: without leading axis.
    labels: every label of the data set, or None.
    recipe: networks and settings.
    params: of G; the gradient of the loss is that with respect to these.

  Returns:
    (PathLength, scalars, mean of w [w_dim]).
  """
  key, train = phase_key(state.key, state.step, 'path_length'), recipe.train
  count = max(chunk.sample.shape[0] // train.pl_batch_shrink, 1)
  latents = recipe.latents(key, chunk.replace(sample=chunk.sample[:count]), labels, True)
  ws, w_mean = recipe.map(params, latents)

  def synthesize(params, ws):
    return recipe.synthesize(params, ws, latents.noise)

  result = path_length_loss(
    synthesize, params, ws, latents.path_noise, state.pl_mean, train.pl_decay, train.pl_weight
  )
  return result, {'path_length': result.lengths.mean(), 'loss_pl': result.loss}, w_mean


def penalties(
  state: TrainState, chunk: Chunks, labels: jax.Array | None, recipe: Recipe, params
) -> tuple[jax.Array, dict[str, jax.Array], tuple[jax.Array, jax.Array]]:
  """R1 on reals, R2 on fakes, and WGAN-GP's between them, as far as their weights are not 0.

  Args:
    state: the train state.
    chunk: without leading axis, with images.
    labels: every label of the data set, or None.
    recipe: networks and settings.
    params: of D; the gradient of the loss is that with respect to these.

  Returns:
    (loss []; scalars; what `ada.gather` takes: signs of the real logits, none without R1).
  """
  train, losses, metrics = recipe.train, [], {}
  img, label = recipe.reals(chunk)
  signs = (jnp.zeros((), img.dtype), jnp.zeros((), img.dtype))
  see_real = recipe.view(state, 'r1', chunk, 'real')

  def on(see, label):
    return lambda params, x: recipe.discriminate(params, see(x), label)

  if train.r1_gamma:
    r1 = r1_loss(on(see_real, label), params, img, train.r1_gamma)
    losses.append(r1.loss)
    metrics |= {'r1_penalty': r1.squared.mean(), 'loss_r1': r1.loss}
    signs = mean_sign(r1.logits)
  if train.r2_gamma or train.gp_weight:
    latents = recipe.latents(phase_key(state.key, state.step, 'r1'), chunk, labels)
    fake = recipe.synthesize(state.g_params, recipe.map(state.g_params, latents)[0], latents.noise)
  if train.r2_gamma:
    see_fake = recipe.view(state, 'r1', chunk, 'fake')
    r2 = r1_loss(on(see_fake, latents.label), params, fake, train.r2_gamma)
    losses.append(r2.loss)
    metrics |= {'r2_penalty': r2.squared.mean(), 'loss_r2': r2.loss}
  if train.gp_weight:
    between = interpolate(fake, img, shares(state, chunk, img.dtype))
    gp = interpolation_loss(on(see_real, label), params, between, train.gp_weight)
    losses.append(gp.loss)
    metrics |= {'gradient_norm': jnp.sqrt(gp.squared).mean(), 'loss_gp': gp.loss}
  return sum(losses), metrics, signs


def shares(state: TrainState, chunk: Chunks, dtype) -> jax.Array:
  """How far from the real image towards the fake one each sample's point lies: [m] in [0, 1)."""
  key = phase_key(state.key, state.step, 'interpolation')
  keys = jax.vmap(lambda sample: jax.random.fold_in(key, sample))(chunk.sample)
  return jax.vmap(lambda key: jax.random.uniform(key, (), dtype))(keys)
