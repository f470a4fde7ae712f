"""Walks: their frames are the images of the latents on the way."""

import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import grid
from stylegan2_jax.tools.curves import curve, slerp
from stylegan2_jax.tools.interpolate import walk

SEEDS = [3, 70000, 5]
WAYS = [('w', 'linear'), ('w', 'spline'), ('z', 'linear'), ('z', 'slerp'), ('z', 'spline')]


def frames_of(*args, **options):
  return np.stack(list(walk(*args, **options)))


@pytest.mark.parametrize(('space', 'method'), WAYS)
@pytest.mark.parametrize('loop', [False, True])
def test_it_passes_through_the_seeds(gan, space, method, loop):
  """Byte for byte, first and last included; a loop has no frame twice."""
  options = {'psi': 0.7, 'cutoff': 2}
  shown = frames_of(gan, SEEDS, space, method, frames=4, loop=loop, **options)
  expected = gan.draw(gan.map(gan.latents(SEEDS), **options))
  assert len(shown) == (12 if loop else 9)
  np.testing.assert_array_equal(shown[::4], expected)
  assert len({frame.tobytes() for frame in shown}) == len(shown)


@pytest.mark.parametrize('method', ['linear', 'spline'])
def test_between_the_seeds_in_w(gan, method):
  ws = np.asarray(gan.map(gan.latents(SEEDS), psi=0.7))
  shown = frames_of(gan, SEEDS, 'w', method, total=5, psi=0.7)
  t = np.array([0, 0.5, 1, 1.5, 2])
  if method == 'linear':
    expected = np.stack([ws[0], (ws[0] + ws[1]) / 2, ws[1], (ws[1] + ws[2]) / 2, ws[2]])
  else:
    expected = curve(ws.reshape(3, -1), 'spline', False)(t).reshape(5, *ws.shape[1:])
  assert np.abs(shown.astype(int) - gan.draw(expected)).max() <= 1


def test_between_the_seeds_in_z(gan):
  z = np.asarray(gan.latents(SEEDS[:2]), np.float64)
  expected = [
    gan.map(slerp(z[:1], z[1:], np.array([[t / 4]])).astype(np.float32)) for t in range(5)
  ]
  shown = frames_of(gan, SEEDS[:2], 'z', frames=4)
  assert np.abs(shown.astype(int) - gan.draw(np.concatenate(expected))).max() <= 1


def test_a_loop_is_smooth_at_its_seam(gan):
  """The step over the seam is like the steps beside it."""
  way = walk(gan, SEEDS, frames=200, loop=True).ways
  ws = way(np.array([3 - 0.01, 3 - 0.005, 3.0, 0.005, 0.01])).astype(np.float64).reshape(5, -1)
  steps = np.diff(ws, axis=0)
  assert np.abs(np.diff(steps, axis=0)).max() < 0.06 * np.abs(steps).max()
  jump = walk(gan, SEEDS, frames=200, loop=True, method='linear').ways  # which has a corner there
  ws = jump(np.array([3 - 0.005, 3.0, 0.005])).astype(np.float64).reshape(3, -1)
  steps = np.diff(ws, axis=0)
  assert np.abs(np.diff(steps, axis=0)).max() > 0.2 * np.abs(steps).max()


def test_walks_side_by_side(gan):
  """Each with its own seeds, as if it were alone."""
  seeds = list(range(12))
  together = frames_of(gan, seeds, frames=2, grid=(2, 3))
  for i in range(6):
    row, col = divmod(i, 3)
    cell = together[:, 8 * row : 8 * row + 8, 8 * col : 8 * col + 8]
    np.testing.assert_array_equal(cell, frames_of(gan, seeds[2 * i : 2 * i + 2], frames=2))


def test_noise(gan):
  """Stored noise stands still; random noise is new in each frame."""
  kinds = {noise: frames_of(gan, [3, 3], frames=3, noise=noise) for noise in ('const', 'random')}
  assert (kinds['const'] == kinds['const'][0]).all()
  assert len({frame.tobytes() for frame in kinds['random']}) == 4


@pytest.mark.parametrize('space', ['w', 'z'])
def test_between_classes(conditional, space):
  """One seed in each class in turn; on the way in z the label lies between."""
  gan = StyleGAN2.load(conditional, discriminator=False)
  shown = frames_of(gan, [7], space, 'linear', frames=2, labels=['ant', 1])
  z = gan.latents([7])
  ends = [gan.map(z, label) for label in ('ant', 'bee')]
  middle = (ends[0] + ends[1]) / 2 if space == 'w' else gan.map(z, [[0.5, 0.5]])
  expected = gan.draw(np.concatenate([ends[0], middle, ends[1]]))
  np.testing.assert_array_equal(shown[::2], expected[::2])
  assert np.abs(shown[1].astype(int) - expected[1]).max() <= 1


def test_classes_in_turn(conditional):
  gan = StyleGAN2.load(conditional, discriminator=False)
  shown = frames_of(
    gan, [7, 8, 9, 10], frames=1, labels=['ant', 'bee'], grid=(1, 1), center='class'
  )
  labels = ['ant', 'bee', 'ant', 'bee']
  expected = gan.draw(gan.map(gan.latents([7, 8, 9, 10]), labels, center='class'))
  np.testing.assert_array_equal(shown, expected)


def test_the_grid_is_that_of_images(gan):
  frame = next(iter(walk(gan, [0, 1, 2, 3], grid=(2, 1))))
  np.testing.assert_array_equal(frame, grid(gan.draw(gan.map(gan.latents([0, 2]))), 2, 1, 1))


def test_a_class_is_needed(conditional):
  gan = StyleGAN2.load(conditional, discriminator=False)
  with pytest.raises(UserError, match='this model is conditional: name a class'):
    walk(gan, [1, 2])
