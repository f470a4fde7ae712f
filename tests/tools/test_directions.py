"""Directions: SeFa and PCA against plain computations, and what moving changes."""

import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.tools.directions import Directions, move, pca, sefa, w_moments
from tests.tools.models import saved_model

SAMPLES = 1234  # not a multiple of a batch


def explicit_w(gan, label=None, samples=SAMPLES):
  """w of seeds 0, 1, … in one piece: float64 [samples, w_dim]."""
  return np.asarray(gan.map(gan.latents(range(samples)), label)[:, 0], np.float64)


def assert_signs(found):
  """The largest component of each is positive."""
  largest = np.abs(found.directions).argmax(1)
  assert (found.directions[np.arange(len(found)), largest] > 0).all()


# The convolutions that read w_0 to w_2 of an 8x8 model, and the last ToRGB.
AFFINES = [('b4', 'conv1'), ('b8', 'conv0'), ('b8', 'conv1'), ('b8', 'torgb')]


@pytest.mark.parametrize('layers', [None, [0], [3, 1], [2, 3]])
def test_sefa(gan, layers):
  """The eigenvectors of AᵀA, from the weights as they are stored."""
  synthesis = gan.params['generator']['synthesis']
  rows = []
  for layer in sorted(layers or range(4)):
    block, name = AFFINES[layer]
    for style in np.asarray(synthesis[block][name]['affine']['weight'], np.float64).T:
      rows.append(style / np.sqrt((style**2).sum()))
  values, vectors = np.linalg.eigh(sum(np.outer(row, row) for row in rows))
  found = sefa(gan, layers, 3, samples=SAMPLES)
  np.testing.assert_allclose(found.eigenvalues, values[:-4:-1], rtol=1e-5)
  for direction, vector in zip(found.directions, vectors.T[::-1], strict=False):
    assert abs(direction @ vector) == pytest.approx(1, abs=1e-5)
  np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(3), atol=1e-6)
  assert_signs(found)
  assert (found.method, found.layers) == ('sefa', tuple(sorted(layers or range(4))))
  along = explicit_w(gan) @ found.directions.T
  np.testing.assert_allclose(found.sigmas, along.std(0, ddof=1), rtol=1e-5)


def test_moments(gan):
  mean, covariance = w_moments(gan, SAMPLES)
  w = explicit_w(gan)
  np.testing.assert_allclose(mean, w.mean(0), atol=1e-12)
  np.testing.assert_allclose(covariance, np.cov(w.T), rtol=1e-9, atol=1e-12)


def test_moments_far_from_zero(gan, monkeypatch):
  """Nothing cancels, even where w varies little about a point far away."""
  near = w_moments(gan, SAMPLES)

  def far(self, z, label=None):
    return np.asarray(StyleGAN2.map(gan, z, label), np.float64) + 1e6

  class Far:
    w_avg, w_dim, labels, latents = gan.w_avg + 1e6, gan.w_dim, gan.labels, gan.latents
    map = far

  mean, covariance = w_moments(Far(), SAMPLES)
  np.testing.assert_allclose(mean - 1e6, near[0], atol=1e-6)
  np.testing.assert_allclose(covariance, near[1], atol=1e-8)


def test_pca(gan):
  found = pca(gan, 8, SAMPLES)
  w = explicit_w(gan)
  values, vectors = np.linalg.eigh(np.cov(w.T))
  np.testing.assert_allclose(found.eigenvalues, values[::-1], rtol=1e-5)
  np.testing.assert_allclose(found.sigmas, np.sqrt(values[::-1]), rtol=1e-5)
  cosines = np.abs((found.directions * vectors.T[::-1]).sum(1))
  np.testing.assert_allclose(cosines, 1, atol=1e-5)
  np.testing.assert_allclose((w @ found.directions.T).std(0, ddof=1), found.sigmas, rtol=1e-5)
  assert_signs(found)
  assert (found.method, found.layers) == ('pca', (0, 1, 2, 3))
  assert pca(gan, 2, SAMPLES, layers=[2]).layers == (2,)
  np.testing.assert_array_equal(pca(gan, 2, SAMPLES).directions, found.directions[:2])


def test_pca_of_a_class(conditional):
  """One class, or a label for each sample."""
  gan = StyleGAN2.load(conditional, discriminator=False)
  of_bees = pca(gan, 3, SAMPLES, label='bee')
  covariance = np.cov(explicit_w(gan, 'bee').T)
  np.testing.assert_allclose(of_bees.eigenvalues, np.linalg.eigvalsh(covariance)[:-4:-1], rtol=1e-5)
  turns = np.arange(SAMPLES) % 2
  covariance = np.cov(explicit_w(gan, turns).T)
  np.testing.assert_allclose(w_moments(gan, SAMPLES, turns)[1], covariance, rtol=1e-8, atol=1e-12)
  with pytest.raises(UserError, match='this model is conditional'):
    pca(gan, 3, SAMPLES)


@pytest.mark.parametrize('layers', [None, [1], [0, 3]])
def test_moving(gan, layers):
  """The chosen layers by strength·σ along the direction, the others not a bit."""
  found = sefa(gan, [1, 2], 3, samples=SAMPLES)
  ws = np.asarray(gan.map(gan.latents([5, 6])))
  moved = np.asarray(move(ws, found, 2, [1.5, -2.0], layers))
  chosen = [1, 2] if layers is None else layers
  for layer in range(4):
    if layer not in chosen:
      np.testing.assert_array_equal(moved[:, layer], ws[:, layer])
      continue
    for n, strength in enumerate((1.5, -2.0)):
      step = moved[n, layer] - ws[n, layer]
      np.testing.assert_allclose(step, strength * found.sigmas[2] * found.directions[2], atol=1e-5)
  both = np.asarray(move(ws, found, 2, 1.5, layers))
  np.testing.assert_array_equal(both[0], moved[0])
  assert np.any(both[1] != moved[1])
  np.testing.assert_array_equal(move(ws, found, 0, 0.0), ws)


def test_coarse_layers_stay_when_fine_ones_move(gan):
  """In pictures: what only ToRGB at full size reads changes no shape, as moved features would."""
  ws = gan.map(gan.latents([5]))
  found = pca(gan, 1, SAMPLES, layers=[3])
  moved = move(ws, found, 0, 3.0)
  before, after = (
    gan.generator.apply(
      {'params': gan.params['generator']},
      x,
      None,
      method='synthesize',
      capture_intermediates=True,
      mutable=['intermediates'],
    )[1]['intermediates']['synthesis']
    for x in (ws, moved)
  )
  same = np.array_equal(before['b8']['conv1']['__call__'][0], after['b8']['conv1']['__call__'][0])
  assert same
  assert np.any(np.asarray(before['__call__'][0]) != np.asarray(after['__call__'][0]))


def test_a_file(gan, tmp_path):
  found = sefa(gan, [0, 2], 3, samples=SAMPLES)
  found.save(tmp_path / 'a.npz')
  again = Directions.load(tmp_path / 'a.npz')
  for field, value in vars(found).items():
    np.testing.assert_array_equal(getattr(again, field), value)
  assert (again.layers, again.method, len(again)) == ((0, 2), 'sefa', 3)
  with np.load(tmp_path / 'a.npz', allow_pickle=False) as file:
    assert sorted(file) == sorted(vars(found))


def test_files_that_are_something_else(gan, tmp_path):
  found = pca(gan, 2, SAMPLES)
  path = tmp_path / 'a.npz'
  found.save(path)
  content = path.read_bytes()
  np.savez(tmp_path / 'other.npz', directions=np.zeros(3))
  np.savez(tmp_path / 'pickle.npz', **{**vars(found), 'layers': np.array([{}], object)})
  np.savez(tmp_path / 'width.npz', **{**vars(found), 'sigmas': np.ones(5, np.float32)})
  np.savez(tmp_path / 'nan.npz', **{**vars(found), 'sigmas': np.full(2, np.nan, np.float32)})
  np.save(tmp_path / 'one.npy', np.zeros(3))
  (tmp_path / 'short.npz').write_bytes(content[:200])
  (tmp_path / 'empty.npz').write_bytes(b'')
  names = ['other', 'pickle', 'width', 'nan', 'short', 'empty', 'nothing']
  for file in [tmp_path / f'{name}.npz' for name in names] + [tmp_path / 'one.npy', tmp_path]:
    with pytest.raises(UserError, match=r'^cannot read directions from .* \(.+\): name a') as error:
      Directions.load(file)
    assert '\n' not in str(error.value)


def test_other_architectures(tmp_path):
  """SeFa finds the layers of all of them, and of images that are no squares."""
  for i, architecture in enumerate(('orig', 'resnet')):
    (tmp_path / str(i)).mkdir()
    path = saved_model(tmp_path / str(i), 16, aspect='3:4', g_architecture=architecture)
    gan = StyleGAN2.load(path, discriminator=False)
    assert sefa(gan, None, 2, samples=10).layers == tuple(range(gan.num_ws))


def test_bad_arguments(gan):
  found = pca(gan, 2, SAMPLES)
  ws = gan.map(gan.latents([0]))
  for call, words in (
    (lambda: move(ws, found, 2, 1.0), '^there is no direction 2: there are 0 to 1$'),
    (lambda: move(ws, found, -1, 1.0), 'there is no direction -1'),
    (lambda: move(ws, found, 0, 1.0, [4]), '^there is no layer 4: this model has layers 0 to 3$'),
    (lambda: move(ws, found, 0, 1.0, []), '^no layers are named: this model has layers 0 to 3$'),
    (lambda: move(ws[:, :, :5], found, 0, 1.0), 'have 8 numbers and w of this model 5: find'),
    (lambda: sefa(gan, [-1]), 'there is no layer -1'),
    (lambda: pca(gan, 3, 2), 'PCA of 2 samples gives 1 to 1 directions'),
  ):
    with pytest.raises(UserError, match=words):
      call()
