"""Curves against their formulas written plainly."""

import math

import numpy as np
import pytest

from stylegan2_jax.tools.curves import METHODS, curve, slerp, times

POINTS = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)


def natural_spline(values, t):
  """At t the natural cubic spline through values [K] at 0, 1, …: by its second derivatives."""
  count = len(values)
  matrix, right = np.eye(count), np.zeros(count)
  for i in range(1, count - 1):
    matrix[i, i - 1 : i + 2] = 1, 4, 1
    right[i] = 6 * (values[i - 1] - 2 * values[i] + values[i + 1])
  return piece(values, np.linalg.solve(matrix, right), t)


def periodic_spline(values, t):
  """The same in a circle."""
  count = len(values)
  matrix, right = 4 * np.eye(count), np.zeros(count)
  for i in range(count):
    before, after = (i - 1) % count, (i + 1) % count
    matrix[i, before] += 1
    matrix[i, after] += 1
    right[i] = 6 * (values[before] - 2 * values[i] + values[after])
  bends = np.linalg.solve(matrix, right)
  return piece([*values, values[0]], [*bends, bends[0]], t)


def piece(values, bends, t):
  i = min(int(t), len(values) - 2)
  a, b = i + 1 - t, t - i
  straight = a * values[i] + b * values[i + 1]
  return straight + ((a**3 - a) * bends[i] + (b**3 - b) * bends[i + 1]) / 6


@pytest.mark.parametrize(
  ('count', 'loop'), [(2, False), (3, False), (5, False), (3, True), (5, True)]
)
def test_splines(count, loop):
  plain = periodic_spline if loop else natural_spline
  points = POINTS[:count].astype(np.float64)
  at = times(count, loop, per_step=7)
  expected = [[plain(list(values), t) for values in points.T] for t in at]
  np.testing.assert_allclose(curve(points, 'spline', loop)(at), expected, atol=1e-12)


def test_a_spline_to_and_fro():
  """Through two points and back: by symmetry it stands still at both, smoothly between."""
  at = np.array([0, 0.25, 0.5, 1, 1.5, 1.75])
  values = curve(np.array([[0.0], [1.0]]), 'spline', True)(at)[:, 0]
  np.testing.assert_allclose(values, [0, 5 / 32, 0.5, 1, 0.5, 5 / 32], atol=1e-12)


@pytest.mark.parametrize('loop', [False, True])
def test_linear(loop):
  at = times(5, loop, per_step=4)
  expected = []
  for t in at:
    i, u = int(t), t - int(t)
    expected.append((1 - u) * POINTS[i] + u * POINTS[(i + 1) % 5])
  np.testing.assert_allclose(curve(POINTS, 'linear', loop)(at), expected, atol=1e-6)


def test_slerp_in_a_plane():
  """From length 2 at 0° to length 4 at 60°."""
  a, b = np.array([2.0, 0]), 4 * np.array([math.cos(math.pi / 3), math.sin(math.pi / 3)])
  parts = np.array([[0.0], [0.25], [0.5], [1.0]])
  expected = [
    [(2 + 2 * u) * math.cos(u * math.pi / 3), (2 + 2 * u) * math.sin(u * math.pi / 3)]
    for u in parts[:, 0]
  ]
  np.testing.assert_allclose(slerp(a, b, parts), expected, atol=1e-12)


def test_slerp_turns_evenly():
  path = curve(POINTS[:2], 'slerp', False)(np.linspace(0, 1, 9)).astype(np.float64)
  unit = path / np.linalg.norm(path, axis=1, keepdims=True)
  angles = np.arccos((unit[1:] * unit[:-1]).sum(1))
  np.testing.assert_allclose(angles, angles.mean(), rtol=1e-4)
  ends = POINTS[:2].astype(np.float64) / np.linalg.norm(POINTS[:2], axis=1, keepdims=True)
  assert angles.sum() == pytest.approx(np.arccos(ends[0] @ ends[1]), rel=1e-4)


def test_slerp_between_the_same_and_between_opposites():
  a = np.array([[3.0, 4.0]])
  np.testing.assert_allclose(slerp(a, 2 * a, np.array([[0.5]])), 1.5 * a)
  np.testing.assert_allclose(slerp(a, -a, np.array([[0.25]])), 0.5 * a, atol=1e-12)


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('loop', [False, True])
@pytest.mark.parametrize('count', [2, 5])
def test_points_are_met_exactly(method, loop, count):
  """Bit for bit, at both ends too."""
  at = times(count, loop, per_step=3)
  values = curve(POINTS[:count], method, loop)(at)
  assert values.dtype == np.float32
  np.testing.assert_array_equal(values[::3], POINTS[:count])


@pytest.mark.parametrize('method', METHODS)
def test_a_loop_closes(method):
  """At its end it is where it began, and a spline goes on as fast, and bends as much."""
  points = POINTS.astype(np.float64)
  way, h = curve(points, method, True), 1e-3
  np.testing.assert_allclose(way(np.array([5 - 1e-9]))[0], points[0], atol=1e-7)
  np.testing.assert_array_equal(way(np.array([5.0]))[0], points[0])
  if method == 'spline':
    start, end = way(np.array([0, h, 2 * h])), way(np.array([5 - 2 * h, 5 - h, 5]))
    speeds = (start[1] - start[0]) / h, (end[2] - end[1]) / h
    bends = [(x[2] - 2 * x[1] + x[0]) / h**2 for x in (start, end)]
    np.testing.assert_allclose(*speeds, atol=0.02)
    np.testing.assert_allclose(*bends, atol=0.2)
    assert np.abs(speeds[0]).max() > 0.5


def test_times():
  np.testing.assert_array_equal(times(3, True, per_step=2), [0, 0.5, 1, 1.5, 2, 2.5])
  np.testing.assert_array_equal(times(2, False, total=5), [0, 0.25, 0.5, 0.75, 1])
  np.testing.assert_array_equal(times(2, True, total=5), [0, 0.4, 0.8, 1.2, 1.6])
  for loop in (False, True):
    assert len(times(7, loop, total=100)) == 100
    at = times(50, loop, per_step=49)
    np.testing.assert_array_equal(at[::49], np.arange(50))
    assert len(at) == (50 * 49 if loop else 49 * 49 + 1)


def test_an_unknown_method():
  with pytest.raises(ValueError, match='use one of linear, slerp, spline'):
    curve(POINTS, 'magic', False)
