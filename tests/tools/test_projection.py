"""The steps of a projection against plain forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.images import to_float
from stylegan2_jax.metrics.features.wavelet import Wavelet
from stylegan2_jax.networks.noise import random_noise
from stylegan2_jax.tools import projection
from stylegan2_jax.tools.projection import ProjectionSettings
from stylegan2_jax.tools.projector import Projector, moments
from tests.helpers import assert_trees_equal, randomized, saved_run, settings

STEPS = 6


@pytest.fixture(scope='module')
def gan(tmp_path_factory):
  """Of random weights, whose noise is felt."""
  return StyleGAN2.load(saved_run(tmp_path_factory.mktemp('model') / 'run').path)


def projector(gan, batch_size=2, **fields):
  constants = {'steps': STEPS, **fields}
  return Projector(gan, ProjectionSettings(**constants), Wavelet(), batch_size)


def run(projector, images):
  batch = projector.batch(images, None)
  return projector.run(batch, projector.begin(batch), lambda snapshot: None).progress


def targets(seed=0, count=2):
  return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
  ('t', 'expected'),
  [
    (0.0, 0.0),
    (0.025, 0.05),  # half of the way up
    (0.05, 0.1),
    (0.4, 0.1),
    (0.75, 0.1),
    (0.875, 0.05),  # half of the way down the cosine
    (0.95, 0.1 * (0.5 - 0.5 * math.cos(0.2 * math.pi))),
    (0.999, 0.1 * (0.5 - 0.5 * math.cos(0.004 * math.pi))),
  ],
)
def test_learning_rate(t, expected):
  assert float(projection.learning_rate(t)) == pytest.approx(expected, abs=1e-7)
  assert float(projection.learning_rate(t, 0.3)) == pytest.approx(3 * expected, abs=3e-7)


@pytest.mark.parametrize(
  ('t', 'expected'), [(0.0, 0.2), (0.375, 0.05), (0.6, 0.2 * 0.04), (0.75, 0.0), (0.9, 0.0)]
)
def test_noise_added_to_w(t, expected):
  assert float(projection.w_noise_scale(t, 4.0)) == pytest.approx(expected, abs=1e-7)


def plain_noise_loss(noise):
  """Of one map [h, w]: loops over pixels."""
  total = 0.0
  while True:
    height, width = noise.shape
    down = right = 0.0
    for y in range(height):
      for x in range(width):
        down += noise[y, x] * noise[y - 1, x] / (height * width)
        right += noise[y, x] * noise[y, x - 1] / (height * width)
    total += down**2 + right**2
    if max(height, width) <= 8:
      return total
    halved = np.zeros((height // 2, width // 2))
    for y in range(height):
      for x in range(width):
        halved[y // 2, x // 2] += noise[y, x] / 4
    noise = halved


@pytest.mark.parametrize('size', [(4, 4), (8, 8), (16, 16), (32, 32), (12, 16), (14, 2)])
def test_noise_loss(size):
  rng = np.random.default_rng(1)
  # Smooth, so that the autocorrelations are large.
  maps = rng.standard_normal((3, *size)).cumsum(1).cumsum(2) / size[0]
  found = projection.noise_loss({'b8': {'conv0': jnp.asarray(maps, jnp.float32)}})
  np.testing.assert_allclose(found, [plain_noise_loss(noise) for noise in maps], rtol=2e-5)


def test_noise_loss_is_a_sum_over_maps():
  maps = {'b4': {'conv1': (2, 4, 4)}, 'b8': {'conv0': (2, 8, 8), 'conv1': (2, 8, 8)}}
  maps = randomized(jax.tree.map(jnp.zeros, maps, is_leaf=lambda x: isinstance(x, tuple)), 0)
  expected = [sum(plain_noise_loss(m[i]) for m in jax.tree.leaves(maps)) for i in range(2)]
  np.testing.assert_allclose(projection.noise_loss(maps), expected, rtol=1e-5)
  assert projection.noise_loss({}) == 0


def test_normalized_maps():
  maps = np.random.default_rng(0).normal(3.0, 5.0, (2, 8, 4)).astype(np.float32)
  maps[1] *= 7
  found = np.asarray(projection.normalized({'b8': {'conv0': jnp.asarray(maps)}})['b8']['conv0'])
  for before, after in zip(maps, found, strict=True):
    np.testing.assert_allclose(after, (before - before.mean()) / before.std(), atol=1e-5)


def test_statistics_of_w(gan):
  """The deviation is one number: a root of a sum over dimensions, not their mean."""
  mapping, params = gan.generator.mapping, gan.params['generator']['mapping']
  mean, std = projection.w_statistics(mapping, params, None)
  keys = jax.random.split(jax.random.key(123), 10)
  z = jnp.concatenate([jax.random.normal(key, (1000, gan.z_dim)) for key in keys])
  w = np.asarray(gan.map(z)[:, 0], np.float64)
  np.testing.assert_allclose(mean, w.mean(0), rtol=1e-4, atol=1e-5)
  assert float(std) == pytest.approx(math.sqrt(w.var(0).sum()), rel=1e-5)


def test_statistics_of_a_class(tmp_path):
  gan = StyleGAN2.load(saved_run(tmp_path / 'run', ('ant', 'bee')).path)
  images, labels = targets(), np.eye(2, dtype=np.float32)
  batch = projector(gan).batch(images, labels)
  keys = jax.random.split(jax.random.key(123), 10)
  z = jnp.concatenate([jax.random.normal(key, (1000, gan.z_dim)) for key in keys])
  for i, name in enumerate(('ant', 'bee')):
    w = np.asarray(gan.map(z, name)[:, 0], np.float64)
    np.testing.assert_allclose(batch.mean[i], w.mean(0), rtol=1e-4, atol=1e-5)
    assert float(batch.task.std[i]) == pytest.approx(math.sqrt(w.var(0).sum()), rel=1e-5)
  assert np.abs(batch.mean[0] - batch.mean[1]).max() > 0.01


def plain_steps(gan, image, space, count):
  """The official loop for one image: (w, maps, distances), with the random numbers of ours."""
  wavelet, synthesis = Wavelet(), gan.generator.synthesis
  target = wavelet.features(jnp.asarray(to_float(image[None])))
  mean, std = projection.w_statistics(
    gan.generator.mapping, gan.params['generator']['mapping'], None
  )
  key = jax.random.wrap_key_data(projection.image_keys(image[None], 0)[0])
  layers = gan.num_ws if space == 'w+' else 1
  w = np.tile(np.asarray(mean), (1, layers, 1))
  maps = jax.tree.map(np.asarray, random_noise(jax.random.fold_in(key, STEPS)[None], (8, 8)))
  leaves, form = jax.tree.flatten((w, maps))
  moment1, moment2 = [0 * x for x in leaves], [0 * x for x in leaves]
  distances = []

  def loss(variables, jitter):
    w, maps = variables
    ws = jnp.broadcast_to(w + jitter, (1, gan.num_ws, gan.w_dim))
    img = synthesis.apply({'params': gan.params['generator']['synthesis']}, ws, maps)
    distance = wavelet.between(target, wavelet.features(img))[0]
    return distance + 1e5 * projection.noise_loss(maps)[0], distance

  gradient = jax.jit(jax.grad(loss, has_aux=True))
  for step in range(count):
    t = step / STEPS
    jitter = jax.random.normal(jax.random.fold_in(key, step), (layers, gan.w_dim))[None]
    jitter = jitter * float(std) * 0.05 * max(0, 1 - t / 0.75) ** 2
    gradients, distance = gradient(jax.tree.unflatten(form, leaves), jitter)
    distances.append(float(distance))
    rate = 0.1 * min(1, t / 0.05) * (0.5 - 0.5 * math.cos(math.pi * min(1, (1 - t) / 0.25)))
    for i, g in enumerate(map(np.asarray, jax.tree.leaves(gradients))):
      moment1[i] = 0.9 * moment1[i] + 0.1 * g
      moment2[i] = 0.999 * moment2[i] + 0.001 * g**2
      corrected = moment1[i] / (1 - 0.9 ** (step + 1))
      scale = np.sqrt(moment2[i] / (1 - 0.999 ** (step + 1))) + 1e-8
      leaves[i] = leaves[i] - rate * corrected / scale
    w, maps = jax.tree.unflatten(form, leaves)
    maps = jax.tree.map(lambda m: (m - m.mean()) / np.sqrt(((m - m.mean()) ** 2).mean()), maps)
    leaves = jax.tree.leaves((w, maps))
  return w[0], jax.tree.map(lambda m: m[0], maps), distances


@pytest.mark.parametrize('space', ['w', 'w+'])
def test_steps(gan, space):
  """A batch of two against the plain loop for each."""
  images = targets()
  found = run(projector(gan, space=space), images)
  for i, image in enumerate(images):
    w, maps, distances = plain_steps(gan, image, space, STEPS)
    np.testing.assert_allclose(found.distances[:, i], distances, rtol=2e-4)
    np.testing.assert_allclose(found.w[i], w, atol=2e-3 * np.abs(w).max())
    for ours, plain in zip(jax.tree.leaves(found.noise_maps), jax.tree.leaves(maps), strict=True):
      np.testing.assert_allclose(ours[i], plain, atol=5e-3)


def test_w_has_one_w_and_w_plus_one_for_each_layer(gan):
  images = targets()
  assert run(projector(gan), images).w.shape == (2, 1, gan.w_dim)
  w = np.asarray(run(projector(gan, space='w+'), images).w)
  assert w.shape == (2, gan.num_ws, gan.w_dim)
  assert np.abs(w - w[:, :1]).max() > 0.01


def test_images_know_nothing_of_each_other(gan):
  """The same bits beside other images, in another place; nearly so in batches of other sizes."""
  images = targets(count=4)
  whole = run(projector(gan, 4), images)
  turned = run(projector(gan, 4), images[::-1])
  mixed = run(projector(gan, 4), np.concatenate([images[2:3], targets(seed=9, count=3)]))

  def image(progress, i):
    return jax.tree.map(lambda x: x[i], (progress.w, progress.noise_maps))

  for i in range(4):
    assert_trees_equal(image(turned, 3 - i), image(whole, i))
  assert_trees_equal(image(mixed, 0), image(whole, 2))
  alone = run(projector(gan, 1), images[2:3])
  for a, b in zip(*(jax.tree.leaves(image(*x)) for x in ((alone, 0), (whole, 2))), strict=True):
    np.testing.assert_allclose(a, b, atol=2e-3)


def test_seeds_differ(gan):
  images = targets()
  found = [np.asarray(run(projector(gan, seed=seed), images).w) for seed in (0, 0, 1)]
  np.testing.assert_array_equal(found[0], found[1])
  assert np.abs(found[0] - found[2]).max() > 1e-3
  assert np.unique(projection.image_keys(targets(count=4), 0), axis=0).shape == (4, 2)


def test_pieces_of_any_length_give_the_same_bits(gan):
  """As does the loop that other devices than CPUs take."""
  one = projector(gan)
  batch = one.batch(targets(), None)
  whole = one.run(batch, one.begin(batch), lambda snapshot: None).progress
  synthesis, constants = gan.generator.synthesis, one.settings
  pieces = one.begin(batch).progress
  for end in (1, 1, 4, STEPS):
    pieces = projection.advance(synthesis, constants, batch.task, pieces, end)
  assert_trees_equal(pieces, whole)
  looped = projection._loop(synthesis, constants, batch.task, one.begin(batch).progress, STEPS)
  np.testing.assert_allclose(looped.w, whole.w, atol=2e-3)
  again = one.begin(batch).progress
  for end in (2, 5, STEPS):
    again = projection._loop(synthesis, constants, batch.task, again, end)
  assert_trees_equal(again, looped)


def test_path_of_w(gan):
  """Kept after each of the moments, the first of which is the start."""
  one = projector(gan)
  batch = one.batch(targets(), None)
  snapshot = one.begin(batch)
  np.testing.assert_array_equal(snapshot.path[0][:, 0], batch.mean)
  snapshot = one.run(batch, snapshot, lambda snapshot: None)
  assert len(snapshot.path) == 1 + len(moments(STEPS)) == 1 + STEPS
  np.testing.assert_array_equal(snapshot.path[-1], snapshot.progress.w)
  synthesis = gan.generator.synthesis
  middle = projection.advance(synthesis, one.settings, batch.task, one.begin(batch).progress, 3)
  np.testing.assert_array_equal(snapshot.path[3], middle.w)


def test_networks_without_noise():
  model = StyleGAN2(settings(network={'noise': False}))
  found = run(projector(model), targets())
  assert found.noise_maps == {}
  assert found.w.shape == (2, 1, model.w_dim)


@pytest.mark.parametrize(
  ('steps', 'expected'), [(1, [1]), (3, [1, 2, 3]), (150, [2, 3, 5, 6]), (1000, [10, 20, 30, 40])]
)
def test_moments(steps, expected):
  found = moments(steps)
  assert found[: len(expected)] == expected
  assert found[-1] == steps
  assert len(found) == min(steps, 100)
