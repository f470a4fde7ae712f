"""Patches and their sliced Wasserstein distance, against plain forms and on constructed sets."""

import functools

import jax
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from stylegan2_jax.data import shapes
from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.features import patches
from stylegan2_jax.metrics.formulas.sliced_wasserstein import (
  LENGTH,
  directions,
  sliced_wasserstein,
  sliced_wasserstein_levels,
)

_COUNT = 96


@functools.cache
def cutter(height, width):
  return jax.jit(patches.patches_network((height, width)).apply)


def rows(images, start=0):
  """Patches of all levels of uint8 images, 64 at a time, numbered from `start`."""
  found = []
  for at in range(0, len(images), 64):
    part = images[at : at + 64]
    numbers = np.arange(start + at, start + at + len(part), dtype=np.uint32)
    found.append(cutter(*images.shape[1:3])((), part, numbers))
  return {name: np.concatenate([np.asarray(part[name]) for part in found]) for name in found[0]}


@pytest.fixture
def few_lines(monkeypatch):
  """128 directions instead of 512."""
  monkeypatch.setattr('stylegan2_jax.metrics.formulas.sliced_wasserstein._ROUNDS', 1)


def noise_images(*shape, seed=0):
  return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@functools.cache
def reals():
  return shapes.draw(shapes.sample_factors(range(_COUNT)), 32)


@functools.cache
def real_rows():
  return rows(reals())


def distances_to(fakes):
  return sliced_wasserstein_levels(real_rows(), rows(fakes))


def plain_pyramid(image, num_levels):
  """Of one image [H, W], as the paper describes it: by whole two-dimensional filters."""
  taps = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
  levels = [image]
  for _ in range(num_levels - 1):
    smaller = scipy.ndimage.convolve(levels[-1], taps, mode='mirror')[::2, ::2]
    between = np.zeros_like(levels[-1])
    between[::2, ::2] = smaller
    levels[-1] = levels[-1] - scipy.ndimage.convolve(between, 4 * taps, mode='mirror')
    levels.append(smaller)
  return levels


@pytest.mark.parametrize('size', [(64, 64), (32, 48), (47, 70), (66, 131), (16, 31)])
def test_pyramid(size):
  images = np.random.default_rng(0).uniform(-1, 1, (2, *size, 3)).astype(np.float32)
  levels = jax.jit(patches.laplacian_pyramid)(images)
  assert [level.shape[1:3] for level in levels] == patches.level_sizes(size)
  for n, c in np.ndindex(2, 3):
    expected = plain_pyramid(np.float64(images[n, :, :, c]), len(levels))
    for level, plain in zip(levels, expected, strict=True):
      np.testing.assert_allclose(level[n, :, :, c], plain, atol=2e-6)


def test_every_patch_is_a_window_of_its_level():
  """And all windows of the smallest level occur, about equally often."""
  images = noise_images(24, 16, 18, 3)
  found = rows(images)
  assert list(found) == ['swd16']
  windows = np.lib.stride_tricks.sliding_window_view(images / 127.5 - 1, (7, 7), axis=(1, 2))
  counts = np.zeros((10, 12), int)
  for image, line in zip(windows.transpose(0, 1, 2, 4, 5, 3), found['swd16'], strict=True):
    for patch in line.reshape(-1, 7, 7, 3):
      (place,) = np.argwhere(np.abs(image - patch).max((2, 3, 4)) < 1e-6)
      counts[tuple(place)] += 1
  assert counts.sum() == 24 * patches.NUM_PATCHES
  assert scipy.stats.chisquare(counts.reshape(-1)).pvalue > 1e-3


def test_levels_of_one_image_are_cut_in_different_places():
  """The same gradient at both levels: patches of equal places would have the same mean."""
  ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None, None], (1, 64, 64, 3))
  found = rows(ramp.copy())
  finest, coarsest = (found[name].reshape(128, -1).mean(1) for name in ('swd64', 'swd16'))
  assert np.ptp(coarsest) > 0.1
  assert abs(np.corrcoef(finest, coarsest)[0, 1]) < 0.4


def test_numbers_decide_and_not_the_batch():
  images = noise_images(6, 32, 32, 3)
  numbers = np.array([0, 7, 2**32 - 1, 3, 4, 5], np.uint32)
  together = cutter(32, 32)((), images, numbers)
  for n in (1, 2):
    alone = cutter(32, 32)((), images[n : n + 1], numbers[n : n + 1])
    for name, row in alone.items():
      np.testing.assert_allclose(row[0], together[name][n], atol=1e-6)
  other = cutter(32, 32)((), images[1:2], numbers[:1])
  assert np.abs(other['swd32'][0] - together['swd32'][1]).max() > 0.5


def test_images_smaller_than_a_patch():
  with pytest.raises(UserError, match='6x9'):
    patches.patches_network((6, 9))


def plain_distance(real, fake):
  """Patches [n, 7, 7, 3] of each set."""
  projected = []
  for values in (np.float64(real), np.float64(fake)):
    mean, std = values.mean((0, 1, 2)), values.std((0, 1, 2))
    projected.append(((values - mean) / std).reshape(len(values), -1) @ directions())
  pairs = zip(*(values.T for values in projected), strict=True)
  return np.mean([scipy.stats.wasserstein_distance(a, b) for a, b in pairs])


@pytest.mark.parametrize('per_row', [1, 4])
def test_distance(per_row):
  rng = np.random.default_rng(0)
  real = rng.normal(3, 2, (600, LENGTH)).astype(np.float32)
  fake = rng.exponential(0.1, (600, LENGTH)).astype(np.float32) - 7
  expected = plain_distance(real.reshape(-1, 7, 7, 3), fake.reshape(-1, 7, 7, 3))
  found = sliced_wasserstein(real.reshape(-1, per_row * LENGTH), fake.reshape(-1, per_row * LENGTH))
  assert found == pytest.approx(expected, rel=1e-4)


def test_directions():
  found = directions()
  assert found.shape == (LENGTH, 512)
  np.testing.assert_allclose(np.square(found).sum(0), 1)
  assert np.abs(found.T @ found - np.eye(512)).max() < 0.5
  assert np.abs(found.mean()) < 0.002


def test_identical_sets_and_order():
  found = real_rows()['swd32'][:40]
  assert sliced_wasserstein(found, found) == 0
  assert sliced_wasserstein(found, found[::-1]) < 1e-6


def test_contrast_and_brightness_do_not_count():
  """Each set is normalised by its own mean and deviation."""
  found = real_rows()['swd32'][:50]
  colours = np.tile(np.array([0.5, 2, 1], np.float32), found.shape[1] // 3)
  assert sliced_wasserstein(found, found * colours[None] + 0.25) < 1e-5


def test_two_points_by_hand():
  """Of constant patches at ±1, half of them and three of four at -1, by the ranks."""
  ones = np.ones((4, LENGTH), np.float32)
  real = ones * np.float32([[-1], [-1], [1], [1]])
  fake = ones * np.float32([[-1], [-1], [-1], [1]])
  # Normalised: −1 −1 1 1 and −r −r −r 3r with r = 1/√3, so ranks differ by 1−r, 1−r, 1+r, 3r−1.
  ranks = (2 * (1 - 3**-0.5) + (1 + 3**-0.5) + (3**0.5 - 1)) / 4
  expected = ranks * np.abs(directions().sum(0)).mean()
  assert sliced_wasserstein(real, fake) == pytest.approx(expected, rel=1e-5)


def test_one_colour_constant():
  found = real_rows()['swd32'][:20].reshape(-1, 3).copy()
  found[:, 1] = -1
  found = found.reshape(20, -1)
  assert sliced_wasserstein(found, found[::-1]) < 1e-6


def test_memory_mapped_blocks(tmp_path, monkeypatch):
  real, fake = (real_rows()['swd16'][part] for part in (slice(0, 12), slice(12, 24)))
  expected = sliced_wasserstein(real, fake)
  mapped = np.lib.format.open_memmap(tmp_path / 'rows.npy', 'w+', np.float32, real.shape)
  mapped[:] = real
  monkeypatch.setattr('stylegan2_jax.metrics.formulas.sliced_wasserstein._BLOCK', 5 * 128)
  assert sliced_wasserstein(mapped, fake) == pytest.approx(expected, rel=1e-5)


def test_the_smaller_set_counts():
  real = real_rows()['swd16']
  assert sliced_wasserstein(real[:8], real[8:40]) == sliced_wasserstein(real[:8], real[8:16])


@pytest.mark.parametrize(
  ('real', 'fake'), [((4, LENGTH), (4, 2 * LENGTH)), ((4, 10), (4, 10)), ((0, LENGTH), (4, LENGTH))]
)
def test_bad_rows(real, fake):
  with pytest.raises(ValueError, match='patches'):
    sliced_wasserstein(np.zeros(real, np.float32), np.zeros(fake, np.float32))


@pytest.mark.usefixtures('few_lines')
def test_levels():
  values = distances_to(shapes.draw(shapes.sample_factors(range(_COUNT), seed=1), 32))
  assert list(values) == ['swd', 'swd16', 'swd32']
  assert values['swd'] == pytest.approx((values['swd16'] + values['swd32']) / 2)
  with pytest.raises(ValueError, match='levels'):
    sliced_wasserstein_levels(real_rows(), {'swd16': real_rows()['swd16']})


def grows(values, start):
  assert values[0] > start
  assert (np.diff(values) > 0).all(), values


@pytest.mark.usefixtures('few_lines')
def test_two_halves_are_close():
  """Closer than with an eighth of the pictures grey, or with a little noise."""
  everything = real_rows()['swd32']
  close = sliced_wasserstein(everything[::2], everything[1::2])
  fakes = reals()[1::2].copy()
  fakes[::8] = 128
  noisy = np.clip(reals()[1::2] + 6 * noise(), 0, 255).astype(np.uint8)
  for other in (fakes, noisy):
    assert sliced_wasserstein(everything[::2], rows(other)['swd32']) > 1.5 * close


def noise():
  return np.random.default_rng(0).standard_normal((_COUNT // 2, 32, 32, 3))


@pytest.mark.usefixtures('few_lines')
def test_grows_with_blur():
  blurred = (scipy.ndimage.gaussian_filter(reals(), (0, s, s, 0)) for s in (0.5, 1, 2))
  found = [distances_to(images) for images in blurred]
  for name in ('swd', 'swd16', 'swd32'):
    grows([values[name] for values in found], 0.5)


@pytest.mark.usefixtures('few_lines')
def test_grows_with_noise():
  strong = np.concatenate([noise(), -noise()])
  images = (np.clip(reals() + strength * strong, 0, 255) for strength in (2, 6, 18))
  found = [distances_to(each.astype(np.uint8)) for each in images]
  for name in ('swd', 'swd32'):
    grows([values[name] for values in found], 0.5)


@pytest.mark.usefixtures('few_lines')
def test_grows_with_missing_modes():
  """Kinds that are left out are replaced by the first ones in the same scenes."""
  factors = shapes.sample_factors(range(_COUNT))
  images = (shapes.draw(factors._replace(kind=factors.kind % left), 32) for left in (6, 4, 2, 1))
  grows([distances_to(each)['swd'] for each in images], 0.5)
