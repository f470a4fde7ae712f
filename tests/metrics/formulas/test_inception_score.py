"""The inception score of probabilities whose score is known, and against a plain form."""

import itertools
import math

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics.formulas.inception_score import inception_score


def random_probabilities(count, classes, sharpness=2.0):
  logits = sharpness * np.random.default_rng(count).standard_normal((count, classes))
  return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def plain(rows):
  """exp of the mean divergence, number by number."""
  marginal = [sum(row[c] for row in rows) / len(rows) for c in range(len(rows[0]))]
  terms = [p * math.log(p / q) for row in rows for p, q in zip(row, marginal, strict=True) if p > 0]
  return math.exp(sum(terms) / len(rows))


def test_the_same_of_every_image_scores_1():
  uniform = np.full((60, 7), 1 / 7)
  one_class = np.eye(7)[np.zeros(60, int)]
  for probabilities in (uniform, one_class):
    np.testing.assert_allclose(inception_score(probabilities), (1, 0), atol=1e-12)


@pytest.mark.parametrize('classes', [2, 5, 20])
def test_certain_and_balanced_scores_the_number_of_classes(classes):
  probabilities = np.eye(classes)[np.arange(10 * classes * 3) % classes]  # each split is balanced
  np.testing.assert_allclose(inception_score(probabilities), (classes, 0), rtol=1e-12, atol=1e-12)


def test_one_class_a_split():
  """Parts are successive: sorted by class each scores 1, the whole at once 10."""
  probabilities = np.repeat(np.eye(10), 6, axis=0)
  assert inception_score(probabilities) == pytest.approx((1, 0), abs=1e-12)
  assert inception_score(probabilities, splits=1) == pytest.approx((10, 0), abs=1e-12)


def test_half_certain():
  """p = (1 ± d)/2, both ways equally often: KL is that of p to evens, by hand."""
  d = 0.6
  probabilities = np.array([[1 + d, 1 - d], [1 - d, 1 + d]] * 20) / 2
  divergence = (1 + d) / 2 * math.log(1 + d) + (1 - d) / 2 * math.log(1 - d)
  assert inception_score(probabilities, 4)[0] == pytest.approx(math.exp(divergence), rel=1e-12)


@pytest.mark.parametrize(('count', 'splits'), [(40, 10), (43, 10), (10, 10), (7, 3), (12, 1)])
def test_plain(count, splits):
  """Also of numbers that do not divide: part i starts at i·n // splits."""
  probabilities = random_probabilities(count, 6)
  starts = [i * count // splits for i in range(splits + 1)]
  scores = [plain(probabilities[a:b].tolist()) for a, b in itertools.pairwise(starts)]
  mean, std = inception_score(probabilities, splits)
  assert mean == pytest.approx(np.mean(scores), rel=1e-12)
  assert std == pytest.approx(np.std(scores), rel=1e-10, abs=1e-12)


def test_zeros_that_float32_makes():
  probabilities = random_probabilities(50, 5, sharpness=200).astype(np.float32)
  assert (probabilities == 0).any()
  expected = plain(probabilities.astype(float).tolist())
  assert inception_score(probabilities, 1)[0] == pytest.approx(expected, rel=1e-12)


def test_memory_mapped(tmp_path):
  probabilities = random_probabilities(55, 6).astype(np.float32)
  probabilities.tofile(tmp_path / 'rows')
  mapped = np.memmap(tmp_path / 'rows', np.float32, 'r', shape=(55, 6))
  assert inception_score(mapped) == inception_score(probabilities)


def test_bad_input():
  probabilities = random_probabilities(30, 4)
  with pytest.raises(UserError, match='10 splits takes at least 10 images, not 9'):
    inception_score(probabilities[:9])
  with pytest.raises(UserError, match='probabilities of image 17 are not finite'):
    inception_score(np.where(np.arange(30)[:, None] == 17, np.nan, probabilities))
  with pytest.raises(ValueError, match='logits'):
    inception_score(np.log(probabilities))
  with pytest.raises(ValueError, match='splits'):
    inception_score(probabilities, 0)
