"""The formulas of metrics against the reference answers.

The numbers in the names of arrays, as in precision_k3, are settings.
"""

import numpy as np
import pytest

from stylegan2_jax.metrics.formulas.gaussian import Gaussian, frechet_distance
from stylegan2_jax.metrics.formulas.inception_score import inception_score
from stylegan2_jax.metrics.formulas.kernel_distance import kernel_distance, mmd2
from stylegan2_jax.metrics.formulas.manifolds import precision_recall
from stylegan2_jax.metrics.formulas.trimmed import trimmed_mean
from tests.parity import reference

_RTOL = 1e-11  # asked for are 1e-5
_THERE = (reference.FOLDER / 'metrics.npz').is_file()

pytestmark = pytest.mark.skipif(not _THERE, reason='the reference has no metrics')


def settings(prefix, suffix=''):
  """The numbers between prefix and suffix among the names of the arrays."""
  if not _THERE:
    return []
  with np.load(reference.FOLDER / 'metrics.npz') as file:
    names = file.files
  found = [n.removeprefix(prefix).removesuffix(suffix) for n in names if n.startswith(prefix)]
  return [int(number) for number in found if number.isdigit()]


def features():
  data = reference.arrays('metrics')
  return data['real_features'], data['fake_features'], data


@pytest.mark.parametrize('blocks', [1, 3])
def test_frechet_distance(blocks):
  real, fake, data = features()
  sides = []
  for rows in (real, fake):
    first, *others = (Gaussian.of(part) for part in np.array_split(rows, blocks))
    for part in others:
      first = first.merged(part)
    sides.append(first)
  reference.check(frechet_distance(*sides), data['fid'], _RTOL, 'fid')


@pytest.mark.parametrize('count', settings('kid_first_'))
def test_kernel_distance(count):
  """Of the first rows of each; subsets of all of them are the same."""
  real, fake, data = features()
  rows = real[:count], fake[:count]
  expected = data[f'kid_first_{count}']
  reference.check(mmd2(*rows), expected, _RTOL, 'kid')
  reference.check(kernel_distance(*rows, size=count).mean, expected, _RTOL, 'kid of subsets')


@pytest.mark.parametrize('k', settings('precision_k'))
def test_precision_and_recall(k):
  """Shares of rows: the same rows, or the answer is off by one of hundreds."""
  real, fake, data = features()
  precision, recall = precision_recall(real, fake, k)
  reference.check(precision, data[f'precision_k{k}'], 1e-12, 'precision')
  reference.check(recall, data[f'recall_k{k}'], 1e-12, 'recall')


@pytest.mark.parametrize('splits', settings('is_mean_', '_splits'))
def test_inception_score(splits):
  data = reference.arrays('metrics')
  mean, std = inception_score(data['is_probabilities'], splits)
  reference.check(mean, data[f'is_mean_{splits}_splits'], _RTOL, 'mean')
  reference.check(std, data[f'is_std_{splits}_splits'], _RTOL, 'std')


def test_trimmed_mean():
  data = reference.arrays('metrics')
  reference.check(trimmed_mean(data['ppl_distances']), data['ppl_trimmed_mean'], _RTOL, 'mean')
