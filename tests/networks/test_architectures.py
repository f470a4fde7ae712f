"""All architectures of G with all of D: sane pictures, sane logits, and every parameter used."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.builder import init_networks
from stylegan2_jax.networks.noise import random_noise
from stylegan2_jax.validation import ARCHITECTURES
from tests.helpers import names, networks, random_params

EVERY = pytest.mark.parametrize('architecture', ARCHITECTURES)
RESOLUTIONS = pytest.mark.parametrize('resolution', [4, 8])
CLASSES = 3
Z = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
LABEL = np.eye(CLASSES, dtype=np.float32)[[0, 1, 2, 0]]


def pair(architecture, resolution, **changes):
  return networks(resolution, g_architecture=architecture, d_architecture=architecture, **changes)


@functools.cache
def fresh(architecture):
  """(images of freshly drawn networks, a function images -> logits)."""
  generator, discriminator = pair(architecture, 8, channel_base=128, channel_max=16)
  g_params, d_params, noise = init_networks(jax.random.key(0), generator, discriminator)
  img = jax.jit(lambda p: generator.apply({'params': p}, Z, None, noise))(g_params)
  return img, jax.jit(lambda img: discriminator.apply({'params': d_params}, img))


@pytest.mark.parametrize('d_architecture', ARCHITECTURES)
@pytest.mark.parametrize('g_architecture', ARCHITECTURES)
def test_fresh_networks_are_in_range(g_architecture, d_architecture):
  img = fresh(g_architecture)[0]
  assert img.shape == (4, 8, 8, 3)
  assert 0.1 < img.std() < 4
  assert np.abs(img - img[:1])[1:].max() > 0.01  # other latents, other pictures
  logits = fresh(d_architecture)[1](img)
  assert logits.shape == (4, 1)
  assert 1e-3 < np.abs(logits).max() < 10
  assert np.unique(logits).size == 4


@EVERY
@RESOLUTIONS
def test_the_image_depends_on_every_parameter(architecture, resolution):
  generator, discriminator = pair(architecture, resolution, c_dim=CLASSES)
  params, _ = random_params(generator, discriminator)
  noise = random_noise(jax.random.split(jax.random.key(0), 4), (resolution, resolution))

  @jax.jit
  @jax.grad
  def gradient(params):
    return jnp.square(generator.apply({'params': params}, Z, LABEL, noise)).sum()

  for name, value in names(gradient(params)).items():
    assert np.isfinite(value).all(), name
    assert np.abs(value).max() > 0, name


@EVERY
@RESOLUTIONS
def test_the_logit_depends_on_every_parameter(architecture, resolution):
  modules = pair(architecture, resolution, c_dim=CLASSES)
  _, params = random_params(*modules)
  img = np.random.default_rng(1).standard_normal((4, resolution, resolution, 3)).astype(np.float32)

  @jax.jit
  @jax.grad
  def gradient(params):
    return jnp.square(modules[1].apply({'params': params}, img, LABEL)).sum()

  for name, value in names(gradient(params)).items():
    assert np.isfinite(value).all(), name
    assert np.abs(value).max() > 0, name


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_any_number_of_channels(channels):
  generator, discriminator = networks(4, channels=channels)
  g_params, d_params = random_params(generator, discriminator)

  @jax.jit
  def run(g_params, d_params):
    img = generator.apply({'params': g_params}, Z)
    return img, jax.grad(lambda x: discriminator.apply({'params': d_params}, x).sum())(img)

  img, gradient = run(g_params, d_params)
  assert img.shape == (4, 4, 4, channels)
  assert (np.abs(gradient).max(axis=(0, 1, 2)) > 0).all()  # D looks at every channel
