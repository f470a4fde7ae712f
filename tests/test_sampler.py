"""Pictures by seed: what they depend on, and what not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax import sampler as sampler_lib
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_uint8
from stylegan2_jax.networks.builder import variable_shapes
from stylegan2_jax.networks.mapping import truncate
from stylegan2_jax.networks.noise import random_noise
from stylegan2_jax.sampler import Sampler, seed_latents
from tests.helpers import networks, random_params, randomized

CLASSES = 3
MODULES = networks(8, c_dim=CLASSES, channel_max=4)
GENERATOR = MODULES[0]
PARAMS = jax.tree.map_with_path(
  lambda path, x: (
    x / 5 if 'torgb' in jax.tree_util.keystr(path) else x
  ),  # or most is black or white
  random_params(*MODULES)[0],
)
W_AVG = jnp.linspace(-1, 1, 8)
NOISE = randomized(variable_shapes(*MODULES)[2], 5)
SEEDS = [5, 0, 2**32 - 1, 7, 1]
LABELS = np.eye(CLASSES, dtype=np.float32)[[0, 1, 2, 0, 1]]


@pytest.fixture(scope='module')
def sampler():
  """A sampler of random weights."""
  return Sampler(GENERATOR, PARAMS, W_AVG, NOISE)


def sample(sampler, seeds=SEEDS, psi=0.8, labels=LABELS, noise='const', batch_size=2):
  return sampler.sample(seeds, psi, labels, noise, batch_size)


@pytest.mark.parametrize('noise', ['const', 'random', 'none'])
def test_pictures_are_those_of_the_generator(noise, sampler):
  z, noise_keys = seed_latents(jnp.asarray(SEEDS, jnp.uint32), 8)
  maps = {'const': NOISE, 'random': random_noise(noise_keys, (8, 8)), 'none': None}[noise]

  @jax.jit
  def direct():
    ws = truncate(GENERATOR.apply({'params': PARAMS}, z, LABELS, method='map'), W_AVG, 0.8)
    return GENERATOR.apply({'params': PARAMS}, ws, maps, method='synthesize')

  expected = np.asarray(to_uint8(direct()))
  pictures = sample(sampler, noise=noise)
  assert pictures.dtype == np.uint8
  assert pictures.shape == (5, 8, 8, 3)
  assert ((expected > 0) & (expected < 255)).mean() > 0.3  # of which one can see something
  difference = np.abs(pictures.astype(int) - expected)
  assert difference.max() <= 1  # truncated to whole numbers, rounding may show
  assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize('noise', ['const', 'random', 'none'])
def test_a_seed_has_its_picture_in_any_batch(noise, sampler):
  """To the bit at any place of a batch and in any company."""
  together = sample(sampler, noise=noise)
  backwards = sample(sampler, SEEDS[::-1], labels=LABELS[::-1], noise=noise)
  np.testing.assert_array_equal(together, backwards[::-1])
  one_by_one = [
    sample(sampler, [seed], labels=LABELS[i : i + 1], noise=noise) for i, seed in enumerate(SEEDS)
  ]
  np.testing.assert_array_equal(together, np.concatenate(one_by_one))


def test_any_batch_size(sampler):
  """Other programs may round differently, by one level at most."""
  whole = sample(sampler, batch_size=16).astype(int)
  assert np.abs(whole - sample(sampler, batch_size=2)).max() <= 1


def test_other_seeds_other_pictures(sampler):
  pictures = sample(sampler, labels=LABELS[[0] * 5])
  for i in range(5):
    for j in range(i):
      assert np.abs(pictures[i].astype(int) - pictures[j]).max() > 5


def test_psi(sampler):
  """0 is the average picture for all, less is nearer to it."""
  average = sample(sampler, psi=0.0, noise='none')
  np.testing.assert_array_equal(average, np.broadcast_to(average[:1], average.shape))
  distances = [
    np.abs(sample(sampler, psi=psi, noise='none').astype(float) - average).mean()
    for psi in (0.0, 0.1, 0.4)
  ]
  assert distances[0] < distances[1] < distances[2]


def test_psi_0_with_stored_noise_is_one_picture_and_with_random_noise_is_not(sampler):
  const = sample(sampler, psi=0.0)
  np.testing.assert_array_equal(const, np.broadcast_to(const[:1], const.shape))
  random = sample(sampler, psi=0.0, noise='random')
  assert all(np.any(random[0] != other) for other in random[1:])


def test_noise_modes_differ_and_repeat(sampler):
  pictures = {noise: sample(sampler, noise=noise) for noise in ('const', 'random', 'none')}
  assert np.any(pictures['const'] != pictures['random'])
  assert np.any(pictures['const'] != pictures['none'])
  assert np.any(pictures['random'] != pictures['none'])
  for noise, first in pictures.items():
    np.testing.assert_array_equal(sample(sampler, noise=noise), first)


def test_the_label_matters(sampler):
  assert np.any(sample(sampler) != sample(sampler, labels=LABELS[::-1]))


def test_unknown_noise_mode(sampler):
  with pytest.raises(ValueError, match=r"'loud'.*const, random, none"):
    sample(sampler, noise='loud')


def test_seed_latents():
  """Standard normal, a latent per seed, and noise keys that are not those of the latents."""
  z, keys = seed_latents(jnp.arange(2000, dtype=jnp.uint32), 8)
  assert abs(z.mean()) < 5 / z.size**0.5
  assert abs(z.std() - 1) < 5 / (2 * z.size) ** 0.5
  assert np.unique(z).size > 0.999 * z.size
  assert len({tuple(k) for k in jax.random.key_data(keys).tolist()}) == 2000
  noise = jax.vmap(lambda key: jax.random.normal(key, (8,)))(keys)
  assert np.intersect1d(noise, z).size < 0.01 * z.size
  np.testing.assert_array_equal(seed_latents(jnp.asarray([9], jnp.uint32), 8)[0][0], z[9])


@pytest.mark.parametrize('label', [(0, 1, 0), (0.2, 0.8, 0)])
def test_the_centre_of_a_label_is_the_mean_of_its_w(label, sampler):
  """Also of a vector that is no class; against 10,000 other latents, and layer by layer."""
  label = np.array([label], np.float32)
  center = np.asarray(sampler.centers('class', label))
  z = np.random.default_rng(1).standard_normal((10_000, 8))
  params = jax.tree.map(lambda x: np.asarray(x, np.float64), PARAMS['mapping'])
  embedded = label @ params['embed']['weight'] / np.sqrt(CLASSES) + params['embed']['bias']
  parts = [x / np.sqrt(np.square(x).mean(1, keepdims=True) + 1e-8) for x in (z, embedded)]
  w = np.concatenate([parts[0], np.repeat(parts[1], len(z), axis=0)], axis=1)
  for i in range(2):
    fc = params[f'fc{i}']
    w = w @ fc['weight'] * 0.01 / np.sqrt(w.shape[1]) + 0.01 * fc['bias']
    w = np.sqrt(2) * np.where(w > 0, w, 0.2 * w)
  error = w.std(axis=0) * np.sqrt(2 / len(z))  # of a difference of two such means
  assert center.shape == (1, 8)
  assert (np.abs(center[0] - w.mean(axis=0)) < 5 * error).all()
  assert (error < 0.05 * w.std(axis=0)).all()


def test_psi_0_towards_classes_is_the_picture_of_each_mean(sampler):
  pictures = sampler.sample(SEEDS, 0.0, LABELS, 'none', 5, center='class')
  ws = jnp.repeat(sampler.centers('class', LABELS)[:, None], 4, axis=1)
  assert len(np.unique(ws[:, 0], axis=0)) == CLASSES
  variables = {'params': PARAMS}
  img = jax.jit(lambda ws: GENERATOR.apply(variables, ws, None, method='synthesize'))(ws)
  np.testing.assert_array_equal(pictures, np.asarray(to_uint8(img)))
  np.testing.assert_array_equal(pictures[0], pictures[3])
  assert np.any(pictures[0] != pictures[1])


def test_each_picture_has_its_own_centre_in_any_batch(sampler):
  """Truncated half the way, in batches of two, the last of which is filled up."""
  z, _ = seed_latents(jnp.asarray(SEEDS, jnp.uint32), 8)
  centers = np.stack([np.asarray(sampler.centers('class', label[None]))[0] for label in LABELS])
  ws = GENERATOR.apply({'params': PARAMS}, z, LABELS, method='map')
  ws = 0.5 * (ws + centers[:, None])
  expected = to_uint8(GENERATOR.apply({'params': PARAMS}, ws, NOISE, method='synthesize'))
  pictures = sampler.sample(SEEDS, 0.5, LABELS, 'const', 2, center='class')
  assert np.abs(pictures.astype(int) - np.asarray(expected)).max() <= 1


def test_a_centre_is_computed_once(sampler, monkeypatch):
  fresh, calls = Sampler(GENERATOR, PARAMS, W_AVG, NOISE), []
  mean_w = sampler_lib._mean_w
  monkeypatch.setattr(sampler_lib, '_mean_w', lambda *a: (calls.append(1), mean_w(*a))[1])
  for _ in range(2):
    fresh.centers('class', LABELS)
  assert len(calls) == CLASSES


def test_global_is_w_avg_and_the_default(sampler):
  np.testing.assert_array_equal(sampler.centers('global', LABELS), W_AVG)
  np.testing.assert_array_equal(
    sampler.sample(SEEDS, 0.5, LABELS, center='global'), sampler.sample(SEEDS, 0.5, LABELS)
  )


def test_centres_that_there_are_not(sampler):
  with pytest.raises(ValueError, match="center 'mine': use one of global, class"):
    sampler.centers('mine', LABELS)
  with pytest.raises(UserError, match='this model is unconditional, it has one center'):
    sampler.centers('class', None)
