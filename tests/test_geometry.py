"""Which sizes there are, and those of the blocks."""

import pytest

from stylegan2_jax import geometry


@pytest.mark.parametrize('k', range(4))
def test_every_constant_and_its_doublings(k):
  for height in range(1, 8):
    for width in range(1, 8):
      if max(height, width) >= 4:
        size = (height * 2**k, width * 2**k)
        assert geometry.nominal_resolution(size) == 4 * 2**k
        assert geometry.size_at(size, 4) == (height, width)
        assert geometry.size_at(size, 4 * 2**k) == size


@pytest.mark.parametrize(
  'size', [(3, 3), (0, 4), (8, 7), (9, 9), (2, 3), (30, 32), (-4, 4), (17, 16)]
)
def test_what_cannot_be(size):
  with pytest.raises(ValueError, match='must be a power of two times whole numbers'):
    geometry.nominal_resolution(size)


def test_blocks():
  assert geometry.block_resolutions(4) == (4,)
  assert geometry.block_resolutions(64) == (4, 8, 16, 32, 64)


def test_the_squares_of_the_papers_are_what_they_were():
  for resolution in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
    size = (resolution, resolution)
    assert geometry.nominal_resolution(size) == resolution
    for r in geometry.block_resolutions(resolution):
      assert geometry.size_at(size, r) == (r, r)


def test_resolutions_of_an_aspect_are_exactly_the_possible_ones():
  for aspect in ((1, 1), (4, 3), (1, 2), (3, 1), (5, 7)):
    sides = geometry.constant_sides(aspect)
    for resolution in range(1, 300):
      longer = max(aspect)
      possible = resolution % longer == 0
      if possible:
        try:
          geometry.nominal_resolution(tuple(n * resolution // longer for n in aspect))
        except ValueError:
          possible = False
      assert (resolution in geometry.nearest_resolutions(resolution, sides)) == possible


def test_nearest_resolutions_surround():
  assert geometry.nearest_resolutions(1, (4, 5)) == [4]
  assert geometry.nearest_resolutions(-3, (5,)) == [5]
  assert geometry.nearest_resolutions(4, (4,)) == [4, 8]
  assert geometry.nearest_resolutions(1000, (4, 5, 6, 7)) == [896, 1024]
