"""R1 and path length: value and gradient against the penalties written out and differentiated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.training.regularizers import (
  interpolate,
  interpolation_loss,
  path_length_loss,
  r1_loss,
)
from tests.helpers import assert_trees_close, networks, random_params

pytestmark = pytest.mark.usefixtures('x64')

RNG = np.random.default_rng(0)
WS, NOISE = RNG.standard_normal((4, 3, 5)), RNG.standard_normal((4, 6, 2, 3))
OLD_MEAN, DECAY, WEIGHT = 0.7, 0.01, 2.0
NETWORKS = pytest.mark.parametrize(
  ('size', 'channels', 'architecture'),
  [((8, 8), 3, 'skip'), ((6, 8), 1, 'orig'), ((8, 4), 2, 'skip'), ((10, 4), 4, 'resnet')],
)


def toy_generator(params, ws):
  """Two layers of a shape that any generator has: [N, L, w_dim] -> [N, 6, 2, 3]."""
  hidden = jnp.tanh(ws.reshape(len(ws), -1) @ params['first'])
  return (jnp.sin(hidden @ params['second']) * 3).reshape(-1, 6, 2, 3)


def toy_params():
  rng = np.random.default_rng(1)
  return {'first': rng.standard_normal((15, 7)) / 4, 'second': rng.standard_normal((7, 36)) / 3}


def plain_path_length(synthesize, params, ws, noise, old_mean, decay, weight):
  """The penalty as the paper writes it, one reverse pass inside, mean updated and not detached."""
  y = noise / np.sqrt(noise.shape[1] * noise.shape[2])
  v = jax.grad(lambda ws: (synthesize(params, ws) * y).sum())(ws)
  lengths = jnp.sqrt(jnp.square(v).sum(axis=2).mean(axis=1))
  mean = old_mean + decay * (lengths.mean() - old_mean)
  return weight * jnp.square(lengths - mean).mean(), (lengths, mean)


def path_length(synthesize, params, ws, noise, old_mean, decay, weight):
  result = path_length_loss(synthesize, params, ws, noise, old_mean, decay, weight)
  return result.loss, (result.lengths, result.mean)


def both(synthesize, params, ws, noise, old_mean=OLD_MEAN, decay=DECAY):
  """((value, others), gradients by params and ws) of our form and of the plain one."""

  def of(loss):
    def fn(params, ws):
      return loss(synthesize, params, ws, noise, old_mean, decay, WEIGHT)

    return jax.jit(jax.value_and_grad(fn, (0, 1), has_aux=True))(params, ws)

  return of(path_length), of(plain_path_length)


@pytest.mark.parametrize('decay', [0.01, 0.5, 1.0])
def test_path_length(decay):
  """A large decay makes the undetached mean a large part of the gradient."""
  ours, plain = both(toy_generator, toy_params(), WS, NOISE, decay=decay)
  assert_trees_close(ours, plain, 1e-12)


@NETWORKS
def test_path_length_of_a_generator(size, channels, architecture):
  generator, discriminator = networks(
    size, channels, dtype=jnp.float64, g_architecture=architecture
  )
  params, _ = random_params(generator, discriminator)
  z, noise = RNG.standard_normal((2, 8)), RNG.standard_normal((2, *size, channels))

  def synthesize(params, ws):
    return generator.apply({'params': params}, ws, method='synthesize')

  def of(loss):
    """By all parameters: those of the mapping are reached through ws."""

    @jax.jit
    @jax.value_and_grad
    def run(params):
      ws = generator.apply({'params': params}, z, method='map')
      return loss(synthesize, params, ws, noise, OLD_MEAN, DECAY, WEIGHT)[0]

    return run(params)

  assert_trees_close(of(path_length), of(plain_path_length), 1e-9)


def test_the_mean_moves_by_the_decay():
  @jax.jit
  def run(params):
    return path_length_loss(toy_generator, params, WS, NOISE, OLD_MEAN, DECAY, WEIGHT)

  result = run(toy_params())
  expected = OLD_MEAN + DECAY * (float(result.lengths.mean()) - OLD_MEAN)
  np.testing.assert_allclose(result.mean, expected, rtol=1e-14)
  np.testing.assert_allclose(
    result.loss, WEIGHT * np.square(np.asarray(result.lengths) - expected).mean(), rtol=1e-13
  )


def test_only_the_loss_carries_a_gradient():
  def others(params):
    result = path_length_loss(toy_generator, params, WS, NOISE, OLD_MEAN, DECAY, WEIGHT)
    return result.lengths.sum() + result.mean

  for value in jax.tree.leaves(jax.grad(others)(toy_params())):
    np.testing.assert_array_equal(value, 0)


def test_a_path_of_length_zero():
  """Finite, and the other samples' gradients as ever (sample 0's pictures ignore ws)."""
  mask = np.array([0.0, 1, 1, 1]).reshape(4, 1, 1, 1)

  def synthesize(params, ws):
    return toy_generator(params, ws) * mask

  (value, (lengths, _)), gradients = both(synthesize, toy_params(), WS, NOISE, old_mean=0.0)[0]
  assert lengths[0] == 0
  assert lengths[1] > 0

  def without_it(params, ws):
    """The plain penalty with the length 0 put in as a constant."""
    rest = plain_path_length(toy_generator, params, ws[1:], NOISE[1:], 0.0, DECAY, WEIGHT)[1][0]
    lengths = jnp.concatenate([jnp.zeros(1), rest])
    return WEIGHT * jnp.square(lengths - DECAY * lengths.mean()).mean()

  expected = jax.jit(jax.value_and_grad(without_it, (0, 1)))(toy_params(), WS)
  assert_trees_close((value, gradients), expected, 1e-12)


def test_all_paths_of_length_zero():
  def synthesize(params, ws):
    return 0 * toy_generator(params, ws)

  value, gradients = both(synthesize, toy_params(), WS, NOISE)[0]
  np.testing.assert_allclose(value[0], WEIGHT * (OLD_MEAN * (1 - DECAY)) ** 2, rtol=1e-14)
  for gradient in jax.tree.leaves(gradients):
    np.testing.assert_array_equal(gradient, 0)


def plain_r1(discriminate, params, img, gamma):
  """The penalty as the paper writes it."""
  gradient = jax.grad(lambda x: discriminate(params, x).sum())(img)
  penalty = jnp.square(gradient).sum(axis=(1, 2, 3))
  return gamma / 2 * penalty.mean(), penalty


def both_r1(discriminate, params, img, gamma):
  def of(loss):
    fn = jax.value_and_grad(lambda p: loss(discriminate, p, img, gamma), has_aux=True)
    return jax.jit(fn)(params)

  return of(lambda *arguments: r1_loss(*arguments)[:2]), of(plain_r1)


def toy_discriminator(params, img):
  hidden = jnp.tanh(img.reshape(len(img), -1) @ params['second'].T)
  return jnp.sin(hidden @ params['first'].T)[:, :1]


def test_r1():
  ours, plain = both_r1(toy_discriminator, toy_params(), NOISE, 3.0)
  assert_trees_close(ours, plain, 1e-12)


@NETWORKS
def test_r1_of_a_discriminator(size, channels, architecture):
  """The minibatch statistic ties samples together: the sum's gradient holds that too.

  It is also all by which the penalty feels biases: their gradients are 1e-8 beside 0.1.
  """
  modules = networks(size, channels, dtype=jnp.float64, d_architecture=architecture)
  _, params = random_params(*modules)
  img = RNG.standard_normal((4, *size, channels))

  def discriminate(params, img):
    return modules[1].apply({'params': params}, img)

  ours, plain = both_r1(discriminate, params, img, 0.5)
  assert_trees_close(ours, plain, 1e-9, least=1e-4)


def test_r1_where_the_discriminator_is_flat():
  def flat(params, img):
    return 0 * toy_discriminator(params, img)

  (value, penalty), gradients = both_r1(flat, toy_params(), NOISE, 3.0)[0]
  assert value == penalty.sum() == 0
  assert all(np.all(g == 0) for g in jax.tree.leaves(gradients))


def plain_interpolation(discriminate, params, img, weight):
  """The penalty of WGAN-GP as the paper writes it."""
  gradient = jax.grad(lambda x: discriminate(params, x).sum())(img)
  norms = jnp.sqrt(jnp.square(gradient).sum(axis=(1, 2, 3)))
  return weight * jnp.square(norms - 1).mean(), jnp.square(norms)


def test_interpolation_loss(x64):
  params, img = toy_params(), jnp.asarray(NOISE, jnp.float64)

  def of(loss):
    fn = jax.value_and_grad(lambda p: loss(toy_discriminator, p, img, 10.0)[:2], has_aux=True)
    return jax.jit(fn)(params)

  (value, squared), gradient = of(interpolation_loss)
  (expected, expected_squared), expected_gradient = of(plain_interpolation)
  np.testing.assert_allclose(value, expected, rtol=1e-12)
  np.testing.assert_allclose(squared, expected_squared, rtol=1e-12)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
    gradient,
    expected_gradient,
  )


def test_interpolation_loss_of_a_flat_discriminator():
  """No gradient, so no direction to make it longer in: the full penalty, and no NaN."""

  def flat(params, img):
    return params['second'].sum() * 0 + img.sum(axis=(1, 2, 3))[:, None] * 0

  value, gradient = jax.value_and_grad(lambda p: interpolation_loss(flat, p, NOISE, 10.0).loss)(
    toy_params()
  )
  assert value == 10
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))


def test_interpolate():
  fake, real = np.full((2, 1, 1, 3), 1.0, np.float32), np.full((2, 1, 1, 3), -1.0, np.float32)
  found = interpolate(fake, real, np.array([0.0, 0.75], np.float32))
  np.testing.assert_array_equal(found[:, 0, 0, 0], [-1.0, 0.5])
