"""The controller of ADA: how strongly to augment, from how sure D is of the training images.

Source: ADA (arXiv 2006.06676), section 3: r_t = E[sign(D(training image))] is held at a target by
moving the augmentation probability p in fixed small steps.
"""

import jax
import jax.numpy as jnp
from flax import struct

from stylegan2_jax.settings import AugmentSettings


@struct.dataclass
class AugmentState:
  """What the controller knows; the same on all devices."""

  p: jax.Array  # [], the augmentation strength
  r_t: jax.Array  # [], of the window that ended last
  sign_sum: jax.Array  # [], over the phases since then: mean sign of the real logits
  sign_count: jax.Array  # [], over the same phases: share of the logits that are finite


def new_augment_state(augment: AugmentSettings, dtype=jnp.float32) -> AugmentState:
  """Before the first step."""
  zero = jnp.zeros((), dtype)
  return AugmentState(p=jnp.asarray(augment.p, dtype), r_t=zero, sign_sum=zero, sign_count=zero)


def mean_sign(real_logits: jax.Array) -> tuple[jax.Array, jax.Array]:
  """(sum of signs / N, share of finite logits) of a micro-batch: what `gather` takes.

  Logits that are not finite have no say: one NaN would make p one for ever.
  """
  finite = jnp.isfinite(real_logits)
  signs = jnp.where(finite, jnp.sign(real_logits), 0)
  return signs.mean(), finite.astype(signs.dtype).mean()


def gather(state: AugmentState, signs: tuple[jax.Array, jax.Array]) -> AugmentState:
  """Notes the real logits of a phase; `signs` as of `mean_sign`, over the global batch."""
  total, count = signs
  return state.replace(sign_sum=state.sign_sum + total, sign_count=state.sign_count + count)


def adapt(
  state: AugmentState, steps_done: jax.Array, batch_size: int, augment: AugmentSettings
) -> AugmentState:
  """The state after a step: every `interval` steps p moves and a new window begins.

  p ← clip(p + sign(r_t − target)·batch·interval / (1000·ada_kimg), 0, p_max). Only 'ada' moves p;
  r_t is measured in any case. The official code has no p_max.

  Args:
    state: before.
    steps_done: int32 [], counting this one.
    batch_size: images in a step.
    augment: settings.
  """
  due = steps_done % augment.interval == 0
  measured = state.sign_count > 0
  r_t = state.sign_sum / jnp.where(measured, state.sign_count, 1)
  p = state.p
  if augment.kind == 'ada':
    images = batch_size * augment.interval
    move = jnp.sign(r_t - augment.target) * (images / (augment.ada_kimg * 1000))
    p = jnp.clip(p + jnp.where(measured, move, 0), 0, augment.p_max).astype(p.dtype)
  zero = jnp.zeros_like(state.sign_sum)
  moved = AugmentState(p=p, r_t=jnp.where(measured, r_t, state.r_t), sign_sum=zero, sign_count=zero)
  return jax.tree.map(lambda new, old: jnp.where(due, new, old), moved, state)
