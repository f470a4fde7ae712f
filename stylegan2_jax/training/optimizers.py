"""Adam as lazy regularization needs it, and the cleaning of gradients.

Source: StyleGAN2 (arXiv 1912.04958), appendix B, "lazy regularization".
"""

import jax
import jax.numpy as jnp
import optax

from stylegan2_jax.training import freezing


def lazy_adam(
  learning_rate: float, b1: float, b2: float, eps: float, interval: int
) -> optax.GradientTransformation:
  """One Adam for a network's main loss and its regularizer run every `interval` steps.

  With c = k/(k + 1), k the interval, a step takes the learning rate c·lr and decays b1^c and b2^c,
  which makes up for k + 1 updates where there were k. Main and regularizer phases share the state.
  An interval of 0 means that both are one update: nothing is rescaled.
  """
  c = interval / (interval + 1) if interval else 1
  return optax.adam(learning_rate * c, b1=b1**c, b2=b2**c, eps=eps)


def update(optimizer: optax.GradientTransformation, gradients, opt_state, params, frozen=None):
  """One step of an Adam of `lazy_adam`.

  Args:
    optimizer: it.
    gradients: as `params`.
    opt_state: its state.
    params: of a network.
    frozen: which leaves stay as they are, and their moments with them (`freezing`); None: none.

  Returns:
    (new parameters, new state).
  """
  updates, (adam, *rest) = optimizer.update(gradients, opt_state)
  before = opt_state[0]
  adam = adam._replace(
    mu=freezing.kept(frozen, before.mu, adam.mu), nu=freezing.kept(frozen, before.nu, adam.nu)
  )
  return freezing.kept(frozen, params, optax.apply_updates(params, updates)), (adam, *rest)


def clean_gradients(gradients):
  """NaN → 0 and ±∞ → ±1e5, as the official implementation does after reducing over devices."""
  return jax.tree.map(lambda g: jnp.nan_to_num(g, nan=0.0, posinf=1e5, neginf=-1e5), gradients)
