"""Manifolds where rounding could decide: copies, tight clusters, rows on a surface, an offset."""

import math

import numpy as np
import pytest

from stylegan2_jax.metrics.formulas import manifolds
from tests.metrics.formulas.plain_manifolds import found, normal, plain


@pytest.mark.parametrize('degrees', range(0, 90, 10))
def test_rows_on_the_surface_of_a_ball_are_in_it(degrees):
  """Corners of a square, with the radius 1, and two fakes outside at 1 from the nearest corner.

  Turned, the distances are 1 but for rounding to either side.
  """
  real = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + 7
  fake = np.array([[0, 2], [1, 2]]) + 7
  angle = math.radians(degrees)
  turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
  real, fake = ((rows @ turn).astype(np.float32) for rows in (real, fake))
  assert found(real, fake, 1) == (1, 0.5, 1, 0.5)


@pytest.mark.parametrize(('width', 'offset'), [(2, 0), (40, 0), (4096, 0), (4096, 50)])
def test_copies(width, offset):
  """Reals that occur 4 times have balls of radius 0 for k = 3, with copies in them alone."""
  once = normal(30, width) + np.float32(offset)
  real, fake = np.tile(once, (4, 1)), np.repeat(once[:15], 5, axis=0)
  assert found(real, fake, 3) == (1, 0.5, pytest.approx(4 / 3), 0.5)
  moved = fake + np.float32(0.02)
  assert found(real, moved, 3) == (0, 0, 0, 0)


def dtypes_of(monkeypatch, real, fake):
  """The types that the distances were taken in."""
  seen, usual = [], manifolds._inside

  def watched(points, *args):
    seen.append(np.dtype(points.dtype))
    return usual(points, *args)

  monkeypatch.setattr(manifolds, '_inside', watched)
  values = found(real, fake, 3)
  return set(seen), values


def test_float32_where_that_will_do(monkeypatch):
  real, fake = normal(80), 0.8 * normal(70, seed=1)
  assert dtypes_of(monkeypatch, real, fake)[0] == {np.dtype(np.float32)}


@pytest.mark.parametrize('side', ['reals', 'fakes', 'both'])
def test_float64_for_tight_clusters(monkeypatch, side):
  """Clusters of 1e-5 of their distances, which float32 takes for one spot each."""
  tight = [np.repeat(10 * normal(5, 6), 12, axis=0) for _ in range(2)]
  for seed, (rows, name) in enumerate(zip(tight, ('reals', 'fakes'), strict=True)):
    rows += (1e-4 if side in (name, 'both') else 1) * normal(60, 6, seed)
  dtypes, values = dtypes_of(monkeypatch, *tight)
  assert np.dtype(np.float64) in dtypes
  np.testing.assert_allclose(values, plain(*tight, 3), rtol=1e-12)


def test_an_offset_of_all_rows(monkeypatch):
  """Features of mean 1000 and spread 1: without the mean float32 still tells their distances."""
  real, fake = normal(80) + np.float32(1000), 0.8 * normal(70, seed=1) + np.float32(1000)
  expected = plain(real, fake, 3)
  assert 0.1 < expected[0] < 0.9999
  dtypes, values = dtypes_of(monkeypatch, real, fake)
  assert dtypes == {np.dtype(np.float32)}
  np.testing.assert_allclose(values, expected, rtol=1e-12)
