"""Each call of the Python API is the network's own formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stylegan2_jax
from stylegan2_jax import parse_seeds
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.networks.noise import random_noise
from tests.api.inputs import latents, one_hot


@pytest.mark.parametrize(('psi', 'cutoff'), [(1.0, None), (0.5, None), (0.5, 2)])
def test_map(run, gan, psi, cutoff):
  label = one_hot(0, 2, 1)
  variables = {'params': run.state.ema_params}
  ws = run.generator.apply(variables, jnp.asarray(latents()), jnp.asarray(label), method='map')
  expected = truncate(ws, run.state.w_avg, psi, cutoff)
  found = gan.map(latents(), label, psi, cutoff)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
  assert found.shape == (3, gan.generator.mapping.num_ws, 8)


@pytest.mark.parametrize('noise', ['const', 'random', 'none'])
def test_synthesize(run, gan, noise):
  ws = gan.map(latents(), 'bee')
  random = random_noise(jax.random.split(jax.random.key(4), 3), (8, 8))
  maps = {'const': run.state.noise_maps, 'random': random, 'none': None}[noise]
  variables = {'params': run.state.ema_params}
  expected = run.generator.apply(variables, ws, maps, method='synthesize')
  found = gan.synthesize(ws, noise, seed=4)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
  assert found.shape == (3, 8, 8, 3)


def test_synthesize_with_unknown_noise(gan):
  with pytest.raises(ValueError, match=r"'loud'.*const, random, none"):
    gan.synthesize(gan.map(latents(), 'bee'), 'loud')


def test_discriminate(run, gan):
  img = np.random.default_rng(6).uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32)
  label = one_hot(0, 1, 2, 0)
  expected = run.discriminator.apply(
    {'params': run.state.d_params}, jnp.asarray(img), jnp.asarray(label)
  )
  np.testing.assert_allclose(gan.discriminate(img, label), expected, rtol=1e-4, atol=1e-4)


def test_sample_counts_seeds_up(gan):
  images = gan.sample(2, psi=0.7, seed=3, label='bee')
  assert images.dtype == np.float32
  alone = gan.sample_seeds([4], psi=0.7, label='bee')
  np.testing.assert_array_equal(images[1], alone[0].astype(np.float32) / 127.5 - 1)
  assert np.any(images[0] != images[1])


@pytest.mark.parametrize('noise', ['const', 'none', 'random', 'shared maps', 'own maps'])
def test_draw_is_synthesize_in_batches(gan, noise):
  ws = gan.map(gan.latents(range(5)), 'bee')
  shared = jax.tree.map(lambda x: -x, gan.noise_maps)
  own = random_noise(jax.random.split(jax.random.key(1), 5), (8, 8))
  maps = {'shared maps': shared, 'own maps': own}.get(noise, noise)
  expected = to_uint8(np.asarray(gan.synthesize(ws, maps, seed=2)))
  for batch_size in (2, 5, None):
    drawn = gan.draw(ws, maps, 2, batch_size)
    assert np.abs(drawn.astype(int) - expected).max() <= 1
    assert (drawn != expected).mean() < 0.01
  assert drawn.shape == (5, 8, 8, 3)
  assert drawn.dtype == np.uint8


def test_seeds_in_words(gan):
  """As `--seeds` of the commands."""
  assert parse_seeds('1,5,9-11') == [1, 5, 9, 10, 11]
  images = gan.sample_seeds(parse_seeds('4,2'), label='bee')
  np.testing.assert_array_equal(images[1], gan.sample_seeds([2], label='bee')[0])


def test_the_public_names():
  assert all(getattr(stylegan2_jax, name) for name in stylegan2_jax.__all__)
  with pytest.raises(AttributeError, match="no attribute 'StyleGAN3'"):
    stylegan2_jax.StyleGAN3  # noqa: B018


def test_latents_are_those_of_sample(gan):
  ws = gan.map(gan.latents([3, 9]), 'ant', psi=0.5, cutoff=2)
  sampled = gan.sample_seeds([3, 9], psi=0.5, label='ant', cutoff=2)
  assert np.abs(gan.draw(ws).astype(int) - sampled).max() <= 1
  assert np.any(sampled != gan.sample_seeds([3, 9], psi=0.5, label='ant'))
  np.testing.assert_array_equal(gan.predict(2, seed=4, label=1), gan.sample(2, seed=4, label=1))


def test_sizes(gan, run):
  assert (gan.z_dim, gan.w_dim, gan.num_ws, gan.size, gan.channels) == (8, 8, 4, (8, 8), 3)
  np.testing.assert_array_equal(gan.w_avg, run.state.w_avg)
  assert gan.notice == ''
