"""Perceptual path length: step by step, and what it must and must not depend on."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features.lpips import Lpips, lpips
from stylegan2_jax.metrics.features.lpips_files import load_lpips
from stylegan2_jax.metrics.perceptual_path_length import PerceptualPathLength
from stylegan2_jax.training.parallel import LocalMap
from tests.helpers import networks, random_params
from tests.metrics import paths, recipe

CLASSES = 3
SIZE = (32, 48)
MODULES = networks(SIZE, c_dim=CLASSES)
GENERATOR = MODULES[0]
PARAMS = random_params(*MODULES)[0]
LABELS = np.eye(CLASSES, dtype=np.float32)[[0, 2, 1, 1]]
NUMBERS = np.array([3, 0, 2**32 - 1, 7], np.uint32)


def distances(path, numbers=NUMBERS, labels=LABELS, params=PARAMS, distance=paths.Squares()):  # noqa: B008
  return paths.distances(path, numbers, labels, params, distance)


def plain_slerp(a, b, t):
  """In float64: the length follows from neither end."""
  a, b = (np.asarray(x, np.float64) for x in (a, b))
  a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
  angle = np.arccos(a @ b)
  return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def plain_images(path, i, label):
  """Images [1, H, W, C] at both ends of sample number i, one step after the other."""
  (t,), ((z0, z1),), noise = jax.tree.map(np.asarray, path.draw(np.array([i], np.uint32)))
  for s in (float(t), float(t) + path.epsilon):
    if path.space == 'w':
      w0, w1 = (np.asarray(_mapping(z[None], label[None]), np.float64) for z in (z0, z1))
      ws = (1 - s) * w0 + s * w1
    else:
      ws = _mapping(plain_slerp(z0, z1, s).astype(np.float32)[None], label[None])
    img = np.asarray(_synthesis(jnp.asarray(ws, jnp.float32), noise))
    yield img[:, 12:28, 12:36] if path.crop else img


_mapping = jax.jit(lambda z, label: GENERATOR.apply({'params': PARAMS}, z, label, method='map'))
_synthesis = jax.jit(
  lambda ws, maps: GENERATOR.apply({'params': PARAMS}, ws, maps, method='synthesize')
)


@pytest.mark.parametrize(
  ('space', 'sampling', 'crop'),
  [('w', 'full', False), ('w', 'end', True), ('z', 'full', True), ('z', 'end', False)],
)
def test_step_by_step(space, sampling, crop):
  """With an ε so large that float32 has enough digits of a difference."""
  path = PerceptualPathLength(GENERATOR, space, sampling, crop, epsilon=0.05, seed=9)
  for i, label, found in zip(NUMBERS, LABELS, distances(path), strict=True):
    a, b = plain_images(path, i, label)
    expected = ((a.astype(float) - b) ** 2).sum() / 0.05**2
    assert expected > 1
    np.testing.assert_allclose(found, expected, rtol=2e-4)


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
  file = tmp_path_factory.mktemp('weights') / 'both.npz'
  np.savez(file, **recipe.vgg_state(), **recipe.linear_state())
  return load_lpips(file)


def test_lpips_of_what_is_cropped(weights):
  """And 0, to the bit, where images do not depend on w; NaN is not hidden."""
  path = PerceptualPathLength(GENERATOR, 'w', 'full', True, epsilon=0.05)
  found = distances(path, distance=Lpips(weights))
  between = jax.jit(lpips)
  for i, label, distance in zip(NUMBERS, LABELS, found, strict=True):
    expected = between(weights, *plain_images(path, i, label))[0] / 0.05**2
    np.testing.assert_allclose(distance, expected, rtol=5e-4)

  def constant(keys, x):
    name = jax.tree_util.keystr(keys)
    return x * 0 if 'affine' in name and 'weight' in name else x

  deaf = jax.tree.map_with_path(constant, PARAMS)
  np.testing.assert_array_equal(distances(path, params=deaf, distance=Lpips(weights)), 0)
  broken = jax.tree.map(lambda x: x, PARAMS)
  broken['synthesis']['b8']['conv1']['bias'] = PARAMS['synthesis']['b8']['conv1']['bias'] * np.nan
  assert np.isnan(distances(path, params=broken, distance=Lpips(weights))).all()


def test_neither_batches_nor_devices_matter():
  """Four devices take a sample each."""
  path = PerceptualPathLength(GENERATOR, 'z', 'end', epsilon=0.05, seed=9)
  found = distances(path)
  assert len(set(found)) == 4
  np.testing.assert_array_equal(distances(path, NUMBERS[::-1], LABELS[::-1]), found[::-1])
  others = NUMBERS + np.array([0, 1, 0, 1], np.uint32)
  mixed = distances(path, others)
  np.testing.assert_array_equal(mixed == found, [True, False, True, False])
  spread = LocalMap(path.apply, (PARAMS, paths.Squares()))
  assert spread.count == 4
  on_devices = np.asarray(spread(NUMBERS, LABELS)['distances'])
  np.testing.assert_allclose(on_devices[:, 0, 0], found, rtol=1e-4)


def test_what_decides():
  """The label and the seed do; of what is drawn, only t differs between full paths and ends."""
  path = PerceptualPathLength(GENERATOR, 'w', 'full', epsilon=0.05, seed=9)
  change = distances(path, labels=LABELS[[1, 0, 0, 0]]) / distances(path) - 1
  assert np.abs(change).min() > 1e-3
  other, end = (dataclasses.replace(path, **x) for x in ({'seed': 10}, {'sampling': 'end'}))
  full, end, other = (p.draw(NUMBERS) for p in (path, end, other))
  np.testing.assert_array_equal(end[0], 0)
  jax.tree.map(np.testing.assert_array_equal, full[1:], end[1:])
  for drawn, otherwise in zip(jax.tree.leaves(full), jax.tree.leaves(other), strict=True):
    assert (drawn != otherwise).all()


def test_draws():
  """t is uniform; latents and noise are normal, and no two are the same."""
  path = PerceptualPathLength(GENERATOR, 'w', 'full')
  t, z, noise = jax.jit(path.draw)(np.arange(2000, dtype=np.uint32))
  assert t.min() >= 0
  assert t.max() < 1
  tenths = np.histogram(t, 10, (0, 1))[0]
  assert ((tenths - 200) ** 2).sum() / 200 < 27.9  # χ² of 9 degrees of freedom, 1 in 1000
  assert z.shape == (2000, 2, 8)
  assert abs(float(z.mean())) < 4 / np.sqrt(z.size)
  assert abs(float((z**2).mean()) - 1) < 4 * np.sqrt(2 / z.size)
  assert abs(float((z[:, 0] * z[:, 1]).mean())) < 4 / np.sqrt(z.size / 2)
  assert len(np.unique(z)) > 0.99 * z.size
  maps = np.asarray(noise['b4']['conv1'])  # [N, 4, 6]
  assert abs((maps**2).mean() - 1) < 4 * np.sqrt(2 / maps.size)
  assert len(np.unique(maps[:, 0, 0])) > 1990


def test_both_ends_have_the_same_noise():
  """Of other noise at the second end the distance would be more than 1e8 times the images'."""

  def noisy(keys, x):
    return x * 0 + 3 if 'noise_strength' in jax.tree_util.keystr(keys) else x

  params = jax.tree.map_with_path(noisy, PARAMS)
  path = PerceptualPathLength(GENERATOR, 'w', 'full')
  found = distances(path, params=params)
  assert (found > 0).all()
  assert found.max() < 1e7
  assert not np.allclose(found, distances(path), rtol=0.1)


def test_true_float32():
  """Networks of reduced precision leave it, but not their clamp; products are exact everywhere."""
  reduced = networks(16, num_reduced=2, clamp=0.5)[0]
  full = networks(16, num_reduced=2, clamp=0.5, reduced_dtype='float32')[0]
  params = random_params(*networks(16))[0]
  found, expected = (
    distances(PerceptualPathLength(generator, epsilon=0.05), labels=None, params=params)
    for generator in (reduced, full)
  )
  np.testing.assert_array_equal(found, expected)
  path = PerceptualPathLength(full)
  text = jax.jit(path.apply).lower((params, paths.Squares()), NUMBERS).as_text()
  products = re.findall(r'(?:stablehlo\.convolution|stablehlo\.dot_general).*', text)
  assert len(products) > 10
  assert all(
    'precision = [HIGHEST, HIGHEST]' in p or '#stablehlo<precision HIGHEST>' in p for p in products
  )


def test_what_cannot_be_measured():
  with pytest.raises(ValueError, match=r"space 'x'"):
    PerceptualPathLength(GENERATOR, 'x')
  with pytest.raises(ValueError, match=r"sampling 'start'"):
    PerceptualPathLength(GENERATOR, 'w', 'start')
  small = networks((16, 24))[0]
  PerceptualPathLength(small)
  with pytest.raises(UserError, match=r'24x16 images cropped to the face .* 12x8 pixels') as error:
    PerceptualPathLength(small, crop=True)
  assert '\n' not in str(error.value)
  with pytest.raises(UserError, match='needs 16 on each side'):
    PerceptualPathLength(networks(8)[0])
  with pytest.raises(ValueError, match='label must be'):
    jax.eval_shape(PerceptualPathLength(GENERATOR).apply, (PARAMS, paths.Squares()), NUMBERS)
