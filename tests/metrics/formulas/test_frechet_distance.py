"""The Fréchet distance against closed forms, scipy's matrix root, and what is known of samples."""

import warnings

import numpy as np
import pytest
import scipy.linalg

from stylegan2_jax.metrics.formulas.gaussian import Gaussian, frechet_distance


def gaussian(mean, covariance, count=1000):
  return Gaussian(count, np.asarray(mean, float), np.asarray(covariance, float) * (count - 1))


def rotation(width, seed=0):
  return np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))[0]


def mixed(count, width, seed, decades=0.0):
  """Rows [count, width] whose spreads fall by so many powers of ten."""
  rng = np.random.default_rng(seed)
  spread = 10.0 ** (-decades * np.arange(width) / width)
  return (
    rng.standard_normal((count, width)) * spread[None] @ rotation(width, seed % 2) + rng.random()
  )


def by_matrix_root(x, y):
  """The usual code."""
  a, b = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (x, y))
  with warnings.catch_warnings():
    warnings.simplefilter('ignore', scipy.linalg.LinAlgWarning)  # of a singular matrix
    root = scipy.linalg.sqrtm(a @ b)
  return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a) + np.trace(b) - 2 * np.trace(root).real


def by_rows(x, y):
  """Without covariances, which square: tr (S_a^{1/2} S_b S_a^{1/2})^{1/2} from X_a X_bᵀ [n, m]."""
  a, b = ((rows - rows.mean(0)[None]) / np.sqrt(len(rows) - 1) for rows in (x, y))
  overlap = scipy.linalg.svdvals(a @ b.T).sum()
  return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.sum(a**2) + np.sum(b**2) - 2 * overlap


def duplicated(count, seed):
  x = mixed(count, 20, seed)
  return np.concatenate([x, x, x[:, :5]], 1)


def constant(count, seed):
  x = mixed(count, 40, seed)
  x[:, ::3] = 0.1
  return x


def collinear(count, seed):
  x = mixed(count, 40, seed)
  x[:, 20:] = x[:, :20] + 1e-7 * x[:, 20:]
  return x


ILL = {
  'fewer samples than features': (mixed(30, 80, 0), mixed(25, 80, 1)),
  'fewer samples on one side': (mixed(30, 80, 0), mixed(500, 80, 1)),
  'two samples': (mixed(2, 40, 0), mixed(2, 40, 1)),
  'constant': (constant(300, 0), constant(200, 1)),
  'constant on one side': (constant(300, 0), mixed(200, 40, 1)),
  'duplicated': (duplicated(300, 0), duplicated(200, 1)),
  'nearly collinear': (collinear(300, 0), collinear(200, 1)),
  'spreads over 6 decades': (mixed(300, 60, 0, 6.0), mixed(200, 60, 1, 6.0)),
}


@pytest.mark.parametrize('width', [1, 5, 40])
def test_matrix_root_where_it_is_good(width):
  x, y = mixed(300, width, 0), 1.5 * mixed(200, width, 1)
  found = frechet_distance(Gaussian.of(x), Gaussian.of(y))
  assert found == pytest.approx(by_matrix_root(x, y), rel=1e-11)


@pytest.mark.parametrize('case', ILL)
def test_ill_conditioned(case):
  """To 1e-11 of the scale from the rows; to what scipy's root knows of zeros, 1e-6 for each."""
  x, y = ILL[case]
  a, b = Gaussian.of(x), Gaussian.of(y)
  scale = np.trace(a.covariance) + np.trace(b.covariance)
  for found in (frechet_distance(a, b), frechet_distance(b, a)):
    assert abs(found - by_rows(x, y)) < 1e-11 * scale
    assert abs(found - by_matrix_root(x, y)) < 1e-6 * x.shape[1] * scale


@pytest.mark.parametrize('case', ILL)
def test_of_a_set_to_itself_is_zero(case):
  for rows in ILL[case]:
    found = Gaussian.of(rows)
    assert 0 <= frechet_distance(found, found) < 1e-12 * (1 + np.trace(found.covariance))


def test_images_that_are_all_the_same():
  """No covariance at all: the distance of the means, and the trace of the other."""
  flat, x = Gaussian.of(np.full((9, 4), 0.1)), mixed(50, 4, 0)
  other = Gaussian.of(x)
  expected = np.sum((other.mean - 0.1) ** 2) + np.trace(np.cov(x, rowvar=False))
  assert frechet_distance(flat, other) == pytest.approx(expected, rel=1e-12)
  assert frechet_distance(flat, Gaussian.of(np.full((9, 4), 2.1))) == pytest.approx(16, rel=1e-12)
  zeros = Gaussian.of(np.zeros((9, 4)))
  assert frechet_distance(zeros, zeros) == 0


@pytest.mark.parametrize('rotated', [False, True])
def test_closed_form_of_covariances_that_commute(rotated):
  """Σ (√a − √b)² over common axes, and the distance of the means; also with zeros among them."""
  rng = np.random.default_rng(3)
  width = 50
  a, b, shift = rng.random(width) * 9, rng.random(width) * 4, rng.standard_normal(width)
  a[:5], b[3:10] = 0, 0
  axes = rotation(width) if rotated else np.eye(width)
  covariances = ((axes * values[None]) @ axes.T for values in (a, b))
  means = (np.zeros(width), shift)
  first, second = (gaussian(*both) for both in zip(means, covariances, strict=True))
  expected = np.sum((np.sqrt(a) - np.sqrt(b)) ** 2) + np.sum(shift**2)
  assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-12)


def test_closed_form_of_two_dimensions():
  """tr M^{1/2} = √(tr M + 2√det M) of M = S_a S_b that do not commute."""
  a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[0.7, -0.4], [-0.4, 3.0]])
  overlap = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
  expected = np.trace(a) + np.trace(b) - 2 * overlap + 4 + 9
  assert frechet_distance(gaussian([0, 0], a), gaussian([2, -3], b)) == pytest.approx(expected)


def test_features_turned_and_shifted_alike():
  x, y = mixed(300, 30, 0), 0.5 * mixed(200, 30, 1)
  expected = frechet_distance(Gaussian.of(x), Gaussian.of(y))
  turn = rotation(30, 7)
  found = frechet_distance(Gaussian.of(x @ turn + 3), Gaussian.of(y @ turn + 3))
  assert found == pytest.approx(expected, rel=1e-11)
  assert frechet_distance(Gaussian.of(3 * x), Gaussian.of(3 * y)) == pytest.approx(9 * expected)


def test_streamed_is_as_whole():
  x, y = mixed(300, 30, 0), mixed(250, 30, 1)
  parts = Gaussian.of(x[:100]).merged(Gaussian.of(x[100:110])).merged(Gaussian.of(x[110:]))
  expected = frechet_distance(Gaussian.of(x), Gaussian.of(y))
  assert frechet_distance(parts, Gaussian.of(y)) == pytest.approx(expected, rel=1e-12)


def test_samples_of_a_shifted_and_stretched_gaussian():
  """N(0, 1) and N(μ, s²) over F turned axes: the truth is |μ|² + Σ (1 − s)².

  Of n samples each the mean differences have variance (1 + s²)/n, which moves |μ|² by
  2μ√((1 + s²)/n); sample variances v have variance 2v²/n, which moves (1 − s)² by
  (1 − s)√(2/n) and s(1 − s)√(2/n). Second order, at most that of two equal Gaussians of the larger
  spread: see the next test.
  """
  width, count = 16, 8000
  rng = np.random.default_rng(1)
  s, shift = np.linspace(0.4, 1.8, width), np.linspace(-0.5, 0.7, width)
  turn = rotation(width)
  x = rng.standard_normal((count, width)) @ turn
  y = (rng.standard_normal((count, width)) * s[None] + shift[None]) @ turn
  variance = np.sum(4 * shift**2 * (1 + s**2) + 2 * (1 - s) ** 2 * (1 + s**2)) / count
  second = (width * (width + 1) / 2 + 2 * width) * s.max() ** 2 / count
  expected = np.sum(shift**2) + np.sum((1 - s) ** 2)
  found = frechet_distance(Gaussian.of(x), Gaussian.of(y))
  bound = 4 * np.sqrt(variance) + second
  assert abs(found - expected) < bound
  assert bound < expected / 10


def test_halves_of_one_set():
  """How near 0: for N(0, 1) over F axes and n samples on each side χ²_{F(F+1)/2}/n + 2χ²_F/n.

  To second order the distance is |Δm|² + |ΔS|²/4; Δm has variance 2/n, ΔS 2/n and 4/n on the
  diagonal, and off it each number counts twice. Mean F(F + 1)/2 + 2F, variance F(F + 1) + 8F.
  """
  width, count, draws = 16, 4000, 12
  rng = np.random.default_rng(2)
  found = []
  for _ in range(draws):
    x = rng.standard_normal((2 * count, width))
    found.append(frechet_distance(Gaussian.of(x[:count]), Gaussian.of(x[count:])) * count)
  expected, variance = width * (width + 1) / 2 + 2 * width, width * (width + 1) + 8 * width
  # Third order: less than F/n of the mean.
  assert abs(np.mean(found) - expected) < 4 * np.sqrt(variance / draws) + expected * width / count


def test_grows_with_what_is_done_to_the_images():
  x = mixed(2000, 10, 0)
  rng = np.random.default_rng(0)
  noisy = [x + sigma * rng.standard_normal(x.shape) for sigma in (0.0, 0.2, 0.5, 1.0, 2.0)]
  distances = [frechet_distance(Gaussian.of(x), Gaussian.of(y)) for y in noisy]
  assert distances == sorted(distances)
  assert distances[1] > 10 * distances[0] + 1e-3
