"""LPIPS against the reference answers, on weights that the recipe makes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.metrics.features.lpips import Lpips, lpips
from stylegan2_jax.metrics.features.lpips_files import load_lpips
from tests.metrics import recipe
from tests.parity import reference

_FIRST, _SECOND, _ANSWER = '_a_uint8_nchw', '_b_uint8_nchw', '_distance'


def cases():
  """The names of pairs of images, those of all arrays that begin with lpips."""
  if not (reference.FOLDER / 'metrics.npz').is_file():
    return []
  with np.load(reference.FOLDER / 'metrics.npz') as file:
    names = file.files
  return [n.removesuffix(_FIRST) for n in names if n.startswith('lpips') and n.endswith(_FIRST)]


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
  path = tmp_path_factory.mktemp('weights') / 'both.npz'
  np.savez(path, **recipe.vgg_state(), **recipe.linear_state())
  return load_lpips(path)


@pytest.mark.parametrize('case', cases())
def test_distances(case, weights):
  """Also by way of the features that projection keeps of its target."""
  data = reference.arrays('metrics')
  a, b = (reference.nhwc(data[case + end], jnp.float32) / 127.5 - 1 for end in (_FIRST, _SECOND))
  expected = data[case + _ANSWER]
  reference.check(jax.jit(lpips)(weights, a, b), expected, 2e-6, case)
  if max(a.shape[1:3]) <= 256:
    distance = Lpips(weights)
    found = jax.jit(lambda a, b: distance.between(distance.features(a), distance.features(b)))(a, b)
    reference.check(found, expected, 2e-6, f'{case} by features')
