"""The generator against the official one: images, gradients, w_avg, path-length loss."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.importers.official_names import from_tree
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.training.ema import update_w_avg
from stylegan2_jax.training.regularizers import path_length_loss
from tests.parity import reference

DTYPES = pytest.mark.parametrize(('dtype', 'rtol'), [(jnp.float64, 1e-10), (jnp.float32, 1e-4)])
NAMES = pytest.mark.parametrize('name', reference.names('generator'))


class Case:
  """A generator of the reference with its inputs."""

  def __init__(self, name, dtype):
    self.entry, self.data = reference.index()[name], reference.arrays(name)
    channels = self.data['image_const'].shape[1]
    sizes = self.entry['config']
    self.generator, _ = reference.networks(g=sizes, dtype=dtype, channels=channels)
    official = reference.under(self.data, 'param/')
    self.params, self.noise, self.w_avg = reference.generator_weights(official, dtype)
    self.z = jnp.asarray(self.data['z'], dtype)
    self.label = reference.labels(self.data['c'], dtype)
    self.map, self.synthesize = jax.jit(self._map), jax.jit(self._synthesize)

  def _map(self, params, z):
    return self.generator.apply({'params': params}, z, self.label, method='map')

  def _synthesize(self, params, ws, noise):
    return self.generator.apply({'params': params}, ws, noise, method='synthesize')


@functools.cache
def load(name, dtype) -> Case:
  """A case, whose compiled functions all tests share."""
  return Case(name, dtype)


@NAMES
@DTYPES
def test_images(name, dtype, rtol, x64):
  case = load(name, dtype)
  ws = case.map(case.params, case.z)
  assert ws.shape[1] == case.entry['num_ws']
  reference.check(ws, case.data['ws'], rtol, 'ws')
  for key, noise in {'image_const': case.noise, 'image_none': None}.items():
    img = case.synthesize(case.params, ws, noise)
    assert img.dtype == dtype
    reference.check(reference.nchw(img), case.data[key], rtol, key)


@NAMES
@DTYPES
def test_truncation(name, dtype, rtol, x64):
  case = load(name, dtype)
  ws = case.map(case.params, case.z)
  checked = 0
  for key, expected in case.data.items():
    if match := re.fullmatch(r'image_psi([\d.]+)', key):
      img = case.synthesize(case.params, truncate(ws, case.w_avg, float(match[1])), None)
      reference.check(reference.nchw(img), expected, rtol, key)
    elif match := re.fullmatch(r'ws_psi([\d.]+)_cutoff(\d+)', key):
      truncated = truncate(ws, case.w_avg, float(match[1]), int(match[2]))
      reference.check(truncated, expected, rtol, key)
    checked += bool(match)
  assert checked >= 2


@NAMES
def test_w_avg(name, x64):
  case = load(name, jnp.float64)
  w_mean = case.map(case.params, case.z)[:, 0].mean(axis=0)
  w_avg = update_w_avg(case.w_avg, w_mean, 0.995)
  reference.check(w_avg, case.data['w_avg_after_one_training_call'], 1e-12, 'w_avg')


@NAMES
@DTYPES
def test_gradients(name, dtype, rtol, x64):
  case = load(name, dtype)
  cotangent = reference.nhwc(case.data['cotangent'], dtype)

  @jax.jit
  def gradients(params, z):
    def inner(params, z):
      return (case.synthesize(params, case.map(params, z), case.noise) * cotangent).sum()

    return jax.grad(inner, argnums=(0, 1))(params, z)

  by_params, by_z = gradients(case.params, case.z)
  reference.check(by_z, case.data['grad/z'], rtol, 'gradient by z')
  reference.check_norms(by_params, reference.under(case.data, 'gradnorm/'), rtol, 'gradient')


@NAMES
@pytest.mark.parametrize(('dtype', 'rtol'), [(jnp.float64, 1e-9), (jnp.float32, 1e-3)])
def test_path_length(name, dtype, rtol, x64):
  case = load(name, dtype)
  (loss_key,) = (key for key in case.data if key.startswith('pl_loss_'))
  weight, interval = re.fullmatch(r'pl_loss_weight([\d.]+)_interval(\d+)', loss_key).groups()
  noise = reference.nhwc(case.data['pl_noise_unit'], dtype)

  @jax.jit
  def loss_and_gradient(params):
    return jax.value_and_grad(loss, has_aux=True)(params)

  def loss(params):
    def synthesize(params, ws):
      return case.synthesize(params, ws, case.noise)

    ws = case.map(params, case.z)
    old_mean = jnp.asarray(0.3, dtype)
    result = path_length_loss(synthesize, params, ws, noise, old_mean, 0.01, float(weight))
    return result.loss * int(interval), result

  (value, result), gradients = loss_and_gradient(case.params)
  reference.check(result.lengths, case.data['pl_lengths'], rtol, 'lengths')
  reference.check(result.mean, case.data['pl_mean_after'], rtol, 'mean')
  reference.check(value, case.data[loss_key], rtol, 'loss')
  reference.check_norms(gradients, reference.under(case.data, 'pl_gradnorm/'), rtol, 'gradient')
  official = from_tree(gradients)
  for parameter, expected in reference.under(case.data, 'pl_grad/').items():
    reference.check(official[parameter], expected, rtol, f'gradient by {parameter}')


@NAMES
def test_sizes(name, x64):
  case = load(name, jnp.float64)
  z = np.zeros((1, *case.z.shape[1:]))
  label = None if case.label is None else case.label[:1]
  fresh = jax.eval_shape(case.generator.init, jax.random.key(0), z, label)['params']
  assert sum(x.size for x in jax.tree.leaves(fresh)) == case.entry['num_params']
  assert jax.tree.map(jnp.shape, fresh) == jax.tree.map(jnp.shape, case.params)
