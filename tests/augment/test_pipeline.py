"""ADA's pipeline against slow plain forms, and what training needs of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.augment import transforms
from stylegan2_jax.augment.color import color_matrix
from stylegan2_jax.augment.corruptions import band_gains, filter_bank
from stylegan2_jax.augment.draws import Draws, draw
from stylegan2_jax.augment.geometric import SYM6
from stylegan2_jax.augment.pipeline import Pipeline, apply

ALL = Pipeline(tuple(transforms.parse('bgcfnc').items()))


def images(n=2, height=8, width=6, channels=3, seed=0):
  img = np.random.default_rng(seed).uniform(-1, 1, (n, height, width, channels))
  return jnp.asarray(img, float)


def keys(n, seed=0):
  return jax.random.split(jax.random.key(seed), n)


def filled(n=1, **values):
  """Draws of n images that all have these values."""
  return Draws(
    **{name: jnp.stack([jnp.asarray(value, float)] * n) for name, value in values.items()}
  )


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_identity_at_p_0(channels, x64):
  """The sym6 low-pass up and down again is the identity: its even shifts are orthonormal."""
  img = images(channels=channels)
  np.testing.assert_allclose(ALL(keys(2), jnp.zeros(()), img), img, atol=1e-6)
  even = [SYM6[shift:] @ SYM6[: len(SYM6) - shift] for shift in range(0, len(SYM6), 2)]
  np.testing.assert_allclose(even, [0.5, 0, 0, 0, 0, 0], atol=1e-11)


def slow_geometry(img, forward):
  """Every step of the resampling by itself, pixel by pixel: [H, W, C] -> [H, W, C].

  `forward` takes a place of the image (x, y), in pixels from the centre, to where it is moved.
  """
  height, width, _ = img.shape
  padded = np.pad(img, ((height - 1,) * 2, (width - 1,) * 2, (0, 0)), mode='reflect')
  doubled = padded
  for axis in (0, 1):
    stuffed = np.zeros([2 * s if i == axis else s for i, s in enumerate(doubled.shape)])
    stuffed[tuple(slice(None, None, 2) if i == axis else slice(None) for i in range(3))] = doubled
    doubled = np.apply_along_axis(
      lambda line: np.convolve(np.pad(line, (6, 5)), 2 * SYM6, 'valid'), axis, stuffed
    )
  rows, columns = doubled.shape[:2]
  backward = np.linalg.inv(forward)
  out = np.zeros((2 * height + 12, 2 * width + 12, img.shape[2]))
  for i, j in np.ndindex(*out.shape[:2]):
    # The first filter has moved everything by half a pixel of the doubled image.
    x, y, _ = backward @ [(j + 1 - out.shape[1] / 2) / 2, (i + 1 - out.shape[0] / 2) / 2, 1]
    u, v = 2 * x + columns / 2 - 1, 2 * y + rows / 2 - 1
    for r in (int(np.floor(v)), int(np.floor(v)) + 1):
      for c in (int(np.floor(u)), int(np.floor(u)) + 1):
        if 0 <= r < rows and 0 <= c < columns:
          out[i, j] += (1 - abs(v - r)) * (1 - abs(u - c)) * doubled[r, c]
  out = out[1:-1, 1:-1]
  for axis in (0, 1):
    out = np.apply_along_axis(lambda line: np.convolve(line, SYM6[::-1], 'valid')[::2], axis, out)
  return out


def turned(angle):
  """Counter-clockwise as seen, y pointing down."""
  cos, sin = np.cos(angle), np.sin(angle)
  return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


@pytest.mark.parametrize(
  ('values', 'forward'),
  [
    ({'xflip': 1}, np.diag([-1, 1, 1])),
    ({'rotate90': 1}, turned(np.pi / 2)),
    ({'scale': 1.7}, np.diag([1.7, 1.7, 1])),
    ({'scale': 0.2}, np.diag([0.2, 0.2, 1])),  # so small that what lies beyond the margin shows
    ({'aniso': 1.3}, np.diag([1.3, 1 / 1.3, 1])),
    ({'rotate_before': 0.5}, turned(0.5)),
    # 0.07·6 and 0.1·8 pixels are rounded.
    ({'xint': [0.1, -0.07]}, np.array([[1, 0, 1], [0, 1, -1], [0, 0, 1]])),
    ({'xfrac': [0.1, -0.07]}, np.array([[1, 0, 0.6], [0, 1, -0.56], [0, 0, 1]])),
    (  # the first listed acts first
      {'xflip': 1, 'rotate90': 1, 'aniso': 1.3, 'rotate_after': 0.5},
      turned(0.5) @ np.diag([1.3, 1 / 1.3, 1]) @ turned(np.pi / 2) @ np.diag([-1, 1, 1]),
    ),
  ],
)
def test_geometry(values, forward, x64):
  img = images(1)
  found = apply(filled(**values), img)
  np.testing.assert_allclose(found[0], slow_geometry(np.asarray(img[0]), forward), atol=1e-11)


def test_rounding_is_half_to_even(x64):
  """Half a pixel stays, one and a half become two."""
  img = images(1, 8, 8)
  np.testing.assert_allclose(apply(filled(xint=[0.5 / 8, 0]), img), img, atol=1e-6)
  two = apply(filled(xint=[1.5 / 8, 0]), img)
  np.testing.assert_allclose(two[:, :, 4:], img[:, :, 2:6], atol=1e-6)


def test_colour(x64):
  """Each by its words: about the grey axis, along it, and through it."""
  img = images(1, 2, 2)
  grey = img.mean(axis=3, keepdims=True)
  np.testing.assert_allclose(apply(filled(brightness=0.3), img), img + 0.3, atol=1e-12)
  np.testing.assert_allclose(apply(filled(contrast=1.5), img), img * 1.5, atol=1e-12)
  np.testing.assert_allclose(apply(filled(lumaflip=1), img), img - 2 * grey, atol=1e-12)
  found = apply(filled(saturation=0.4), img)
  np.testing.assert_allclose(found, grey + 0.4 * (img - grey), atol=1e-12)
  third = apply(filled(hue=2 * np.pi / 3), img)  # red becomes green
  np.testing.assert_allclose(third, jnp.roll(img, 1, axis=3), atol=1e-12)
  both = apply(filled(brightness=0.3, contrast=1.5), img)
  np.testing.assert_allclose(both, (img + 0.3) * 1.5, atol=1e-12)


def test_the_matrix_of_colours_is_affine():
  """Its last row keeps the 1, whatever comes together."""
  draws = filled(n=2, brightness=0.3, contrast=1.5, lumaflip=1, hue=1.0, saturation=0.4)
  found = [color_matrix(draws)]
  found += [color_matrix(Draws(**{name: getattr(draws, name)})) for name in ('hue', 'saturation')]
  for matrix in found:
    np.testing.assert_array_equal(matrix[:, 3], np.tile([0, 0, 0, 1], (2, 1)))


def test_colour_of_grey_and_alpha(x64):
  """Grey images are what grey colours become; hue and saturation are not for them; alpha stays."""
  values = filled(n=2, brightness=0.3, contrast=1.5, lumaflip=1, hue=1.0, saturation=0.4)
  grey = images(channels=1)
  expected = apply(values.replace(hue=None, saturation=None), jnp.repeat(grey, 3, axis=3))
  np.testing.assert_allclose(apply(values, grey), expected.mean(axis=3, keepdims=True), atol=1e-12)
  for channels in (2, 4):
    img = images(channels=channels)
    found = apply(values, img)
    np.testing.assert_array_equal(found[..., -1], img[..., -1])
    np.testing.assert_allclose(found[..., :-1], apply(values, img[..., :-1]), atol=1e-12)
  only_hue = filled(n=2, hue=1.0)
  np.testing.assert_array_equal(apply(only_hue, grey), grey)


def test_filter(x64):
  """Against a convolution of the image continued by reflection, row by row and column by column."""
  img, log2_gains = images(1, 30, 24), jnp.array([[0.5, -1.0, 2.0, 0.3]])
  found = apply(Draws(imgfilter=log2_gains), img)
  taps = np.asarray(band_gains(log2_gains))[0] @ filter_bank()
  expected = np.asarray(img[0])
  for axis in (0, 1):
    expected = np.apply_along_axis(
      lambda line: np.convolve(np.pad(line, len(taps) // 2, mode='reflect'), taps, 'valid'),
      axis,
      expected,
    )
  np.testing.assert_allclose(found[0], expected, atol=1e-12)
  np.testing.assert_allclose(filter_bank().sum(axis=0), np.eye(43)[21], atol=1e-12)


def test_band_gains(x64):
  """Each band is amplified in turn, and all are normalised after it."""
  log2_gains, power = np.array([0.5, -1.0, 0.0, 2.0]), np.array([10, 1, 1, 1]) / 13
  expected = np.ones(4)
  for band, value in enumerate(log2_gains):
    gains = np.where(np.arange(4) == band, 2**value, 1)
    expected = expected * gains / np.sqrt(power @ gains**2)
  np.testing.assert_allclose(band_gains(log2_gains[None])[0], expected, rtol=1e-12)


def test_noise_and_cutout(x64):
  img = images(2, 8, 8)
  pixels = images(2, 8, 8, seed=5)
  draws = Draws(noise=jnp.array([0.0, 0.2]), pixels=pixels)
  np.testing.assert_allclose(
    apply(draws, img), img + jnp.array([0, 0.2])[:, None, None, None] * pixels
  )
  holes = Draws(cutout=jnp.array([0.5, 0.0]), cutout_center=jnp.array([[0.75, 0.0], [0.5, 0.5]]))
  expected = np.array(img)
  expected[0, :2, 4:] = 0  # columns about 3/4, rows about the upper edge
  np.testing.assert_array_equal(apply(holes, img), expected)


def test_gradients(x64):
  """First and second derivatives along random lines against finite differences."""
  img, line, cotangent = images(seed=1), images(seed=2), images(seed=3)

  @jax.jit
  def augmented(img):
    return ALL(keys(2, 4), jnp.asarray(0.9), img)

  def value(t):
    """Like R1: something nonlinear of the pipeline's result."""
    return jnp.tanh(augmented(img + t * line) * cotangent).sum()

  eps = 1e-3
  first = float(value(eps) - value(-eps)) / (2 * eps)
  second = float(value(eps) - 2 * value(0.0) + value(-eps)) / eps**2
  assert jax.grad(value)(0.0) == pytest.approx(first, rel=1e-5)
  assert jax.grad(jax.grad(value))(0.0) == pytest.approx(second, rel=1e-4)
  by_pixels = jax.grad(lambda x: jnp.tanh(augmented(x) * cotangent).sum())(img)
  assert (by_pixels * line).sum() == pytest.approx(first, rel=1e-5)


def test_it_is_affine_in_the_image(x64):
  """Which R1's gradient through it relies on."""
  augmented = jax.jit(functools.partial(ALL, keys(2, 4), jnp.asarray(1.0)))
  a, b = images(seed=1), images(seed=2)
  np.testing.assert_allclose(
    augmented(0.3 * a + 0.7 * b), 0.3 * augmented(a) + 0.7 * augmented(b), atol=1e-12
  )


def test_nothing_is_compiled_again_as_p_moves():
  """And p decides how much happens."""
  augmented = jax.jit(ALL.__call__)
  img = images(4)
  distances = [
    float(jnp.abs(augmented(keys(4), jnp.float32(p), img) - img).mean()) for p in (0, 0.2, 0.5, 1)
  ]
  assert augmented._cache_size() == 1
  assert distances == sorted(distances)
  assert distances[0] < 1e-6 < distances[1] < distances[3]


def test_images_are_augmented_one_by_one():
  """From their own keys: the batch does not matter."""
  img = images(4)
  every = ALL(keys(4), jnp.float32(0.7), img)
  one = ALL(keys(4)[2:3], jnp.float32(0.7), img[2:3])
  np.testing.assert_allclose(every[2:3], one, atol=1e-5)


def test_what_is_not_in_the_pipeline_is_left_out():
  """No geometry: no resampling, and not a bit changes at p = 0."""
  img = images()
  for text in ('color=1', 'cutout', 'noise', 'filter'):
    pipeline = Pipeline(tuple(transforms.parse(text).items()))
    assert 'gather' not in str(jax.make_jaxpr(pipeline.__call__)(keys(2), jnp.float32(0), img))
  drawn = draw(keys(2), jnp.float32(1), transforms.parse('color'), (8, 6, 3))
  assert {name for name, value in vars(drawn).items() if value is not None} == {
    *('brightness', 'contrast', 'lumaflip', 'hue', 'saturation')
  }
