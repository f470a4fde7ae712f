"""The inception score (arXiv 1606.03498, section 4): exp of the mean of KL(p(y|x) ‖ p(y)).

p(y|x) are a classifier's probabilities of an image's classes, p(y) their mean over images. From 1,
where all images look alike to the classifier, to the number of classes, where it is certain of each
image and sees each class equally often. It knows no reals, and grows with the number of images.
"""

import itertools

import numpy as np
import scipy.special

from stylegan2_jax.metrics.formulas import checks

_OFF = 1e-3  # sums of float32 probabilities are nearer to 1 than that


def inception_score(probabilities: np.ndarray, splits: int = 10) -> tuple[float, float]:
  """Mean and standard deviation (as numpy.std) over equal successive parts of the images.

  As in the official code, split i of s starts at image i·n // s. A probability of 0 counts as the
  limit 0, where the official code gives NaN.

  Args:
    probabilities: [n, classes], also memory mapped: one part at a time is read.
    splits: number of parts.

  Raises:
    UserError: fewer images than splits, or rows that are not finite.
    ValueError: other than probabilities, or no splits.
  """
  if probabilities.ndim != 2 or splits < 1:
    raise ValueError(f'{splits} splits of {list(probabilities.shape)}: at least 1 of [n, classes]')
  count = len(probabilities)
  checks.enough(count, splits, 'images', f'the inception score over {splits} splits')
  edges = [count * i // splits for i in range(splits + 1)]
  scores = [_score(probabilities, *part) for part in itertools.pairwise(edges)]
  return float(np.mean(scores)), float(np.std(scores))


def _score(probabilities, start, stop):
  each = np.asarray(probabilities[start:stop], np.float64)
  checks.finite(each, start, 'probabilities')
  if each.min() < 0 or np.abs(each.sum(1) - 1).max() > _OFF:
    raise ValueError('probabilities are at least 0 and sum to 1: these may be logits')
  divergences = scipy.special.rel_entr(each, each.mean(0)[None]).sum(1)
  return np.exp(divergences.mean())
