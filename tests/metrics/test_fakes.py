"""Images of a generator as metrics draw them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_uint8
from stylegan2_jax.metrics.fakes import Fakes
from stylegan2_jax.sampler import Sampler
from tests.helpers import limit_devices, networks, random_params, randomized


def model(c_dim=0, size=16, seed=0):
  """(generator, weights) with noise and w_avg that show."""
  generator, discriminator = networks(size, c_dim=c_dim)
  params = random_params(generator, discriminator, seed)[0]
  w_avg = randomized(np.zeros(8, np.float32), seed + 1)
  return generator, (params, w_avg, {})


def everything(fakes, start, stop, batch=8):
  return np.concatenate(list(fakes.batches(start, stop, batch)))


def test_image_i_is_that_of_seed_i():
  """As `launch.py sample --noise_mode=random` draws it."""
  generator, weights = model()
  found = everything(Fakes(generator, weights, seed=40), 0, 21)
  expected = Sampler(generator, *weights).sample(range(40, 61), noise='random')
  assert np.abs(found.astype(int) - expected).max() <= 1  # of another batch size
  assert (found != expected).mean() < 0.01


def test_batches_and_beginnings_do_not_matter():
  generator, weights = model()
  whole = everything(Fakes(generator, weights), 0, 30, 30)
  for start, batch in ((0, 7), (3, 8), (29, 4)):
    part = everything(Fakes(generator, weights), start, 30, batch)
    np.testing.assert_array_equal(part, whole[start:])


def test_one_device_draws_what_four_draw(monkeypatch):
  generator, weights = model()
  four = everything(Fakes(generator, weights), 0, 200, 16)
  limit_devices(monkeypatch, 1)
  np.testing.assert_array_equal(everything(Fakes(generator, weights), 0, 200, 16), four)


def test_truncation():
  generator, weights = model()
  center = Fakes(generator, weights, psi=0.0)
  maps = Sampler(generator, *weights)
  ws = np.broadcast_to(weights[1], (1, generator.synthesis.num_ws, 8))
  found = everything(center, 0, 3)
  keys = [jax.random.split(jax.random.key(np.uint32(i)))[1] for i in range(3)]
  from stylegan2_jax.networks.noise import random_noise

  for image, key in zip(found, keys, strict=True):
    noise = random_noise(key[None], (16, 16))
    expected = to_uint8(np.asarray(maps.synthesize(ws, noise, 0)))[0]
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_labels_come_from_the_data_set():
  generator, weights = model(c_dim=3)
  data = np.array([0, 0, 0, 2, 0, 0, 0, 2], np.int32)  # no image of class 1
  fakes = Fakes(generator, weights, data)
  drawn = fakes.labels_of(np.arange(4000))
  assert drawn.shape == (4000, 3)
  share = drawn.mean(0)
  assert share[1] == 0
  assert abs(share[2] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
  np.testing.assert_array_equal(fakes.labels_of(np.array([5, 17])), drawn[[5, 17]])
  vectors = np.eye(3, dtype=np.float32)[data] * 0.5
  np.testing.assert_array_equal(
    Fakes(generator, weights, vectors).labels_of(np.arange(50)), drawn[:50] * 0.5
  )
  expected = Sampler(generator, *weights).sample(range(8), labels=drawn[:8], noise='random')
  assert np.abs(everything(fakes, 0, 8).astype(int) - expected).max() <= 1
  with pytest.raises(UserError, match='conditional'):
    Fakes(generator, weights)


def test_images_that_are_not_finite():
  generator, (params, w_avg, maps) = model()
  broken = jax.tree.map(np.array, params)
  broken['synthesis']['b4']['const'][:] = np.nan
  with pytest.raises(UserError, match=r'20 of 20 images are not finite \(seed 7 is the first\)'):
    everything(Fakes(generator, (broken, w_avg, maps), seed=7), 0, 20)


def test_identity_tells_weights_seeds_and_truncation():
  generator, weights = model()
  same = Fakes(*model()).identity(10)
  others = [
    Fakes(*model(seed=1)), Fakes(generator, weights, psi=0.5), Fakes(generator, weights, seed=1),
  ]  # fmt: skip
  assert Fakes(generator, weights).identity(10) == same
  for other in others:
    assert other.identity(10) != same
  assert Fakes(generator, weights).identity(11) != same
  synthesis = generator.synthesis
  for changes in ({'clamp': 0.1}, {'equalized': False}, {'dtype': jnp.bfloat16}):
    other = generator.clone(synthesis=synthesis.clone(**changes))
    assert Fakes(other, weights).identity(10) != same, changes
