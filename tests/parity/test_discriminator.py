"""The discriminator against the official one: logits, losses, R1, gradients."""

import functools
import re

import jax
import jax.numpy as jnp
import pytest

from stylegan2_jax.importers.official_names import from_tree
from stylegan2_jax.training import losses
from stylegan2_jax.training.regularizers import r1_loss
from tests.parity import reference

NAMES = pytest.mark.parametrize('name', reference.names('discriminator'))
DTYPES = pytest.mark.parametrize(('dtype', 'rtol'), [(jnp.float64, 1e-9), (jnp.float32, 1e-3)])


class Case:
  """A discriminator of the reference with its inputs."""

  def __init__(self, name, dtype):
    self.entry, self.data = reference.index()[name], reference.arrays(name)
    channels = self.data['image'].shape[1]
    _, self.discriminator = reference.networks(
      d=self.entry['config'], dtype=dtype, channels=channels
    )
    self.params = reference.discriminator_weights(reference.under(self.data, 'param/'), dtype)
    self.img = reference.nhwc(self.data['image'], dtype)
    self.label = reference.labels(self.data['c'], dtype)
    self.logits = jax.jit(self._logits)

  def _logits(self, params, img):
    return self.discriminator.apply({'params': params}, img, self.label)


@functools.cache
def load(name, dtype) -> Case:
  """A case, whose compiled functions all tests share."""
  return Case(name, dtype)


@NAMES
@DTYPES
def test_logits_and_losses(name, dtype, rtol, x64):
  case = load(name, dtype)
  logits = case.logits(case.params, case.img)
  assert logits.dtype == dtype
  reference.check(logits, case.data['logits'], rtol, 'logits')
  real = losses.discriminator_real_loss(logits).mean()
  reference.check(real, case.data['loss_real'], rtol, 'loss_real')
  fake = losses.discriminator_fake_loss(logits).mean()
  reference.check(fake, case.data['loss_fake'], rtol, 'loss_fake')


@NAMES
@DTYPES
def test_gradients_of_the_loss(name, dtype, rtol, x64):
  case = load(name, dtype)

  @jax.jit
  @jax.grad
  def gradients(params):
    return losses.discriminator_real_loss(case.logits(params, case.img)).mean()

  expected = reference.under(case.data, 'gradnorm_loss_real/')
  reference.check_norms(gradients(case.params), expected, rtol, 'gradient')


@NAMES
@DTYPES
def test_r1(name, dtype, rtol, x64):
  case = load(name, dtype)
  (loss_key,) = (key for key in case.data if key.startswith('r1_loss_'))
  gamma, interval = re.fullmatch(r'r1_loss_gamma([\d.]+)_interval(\d+)', loss_key).groups()

  @jax.jit
  def loss_and_gradient(params):
    def loss(params):
      value, penalty, _ = r1_loss(case.logits, params, case.img, float(gamma))
      return value * int(interval), penalty

    by_image = jax.grad(lambda x: case.logits(params, x).sum())(case.img)
    return *jax.value_and_grad(loss, has_aux=True)(params), by_image

  (value, penalty), gradients, by_image = loss_and_gradient(case.params)
  reference.check(value, case.data[loss_key], rtol, 'loss')
  reference.check(penalty, case.data['r1_penalty'], rtol, 'penalty')
  expected = case.data['r1_grad_image']
  reference.check(reference.nchw(by_image), expected, rtol, 'gradient by the image')
  reference.check_norms(gradients, reference.under(case.data, 'r1_gradnorm/'), rtol, 'gradient')
  official = from_tree(gradients)
  for parameter, expected in reference.under(case.data, 'r1_grad/').items():
    reference.check(official[parameter], expected, rtol, f'gradient by {parameter}')


@NAMES
def test_sizes(name, x64):
  case = load(name, jnp.float64)
  fresh = jax.eval_shape(case.discriminator.init, jax.random.key(0), case.img, case.label)
  fresh = fresh['params']
  assert sum(x.size for x in jax.tree.leaves(fresh)) == case.entry['num_params']
  assert jax.tree.map(jnp.shape, fresh) == jax.tree.map(jnp.shape, case.params)
