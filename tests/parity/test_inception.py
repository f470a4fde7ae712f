"""Inception-v3 against the reference answers, on weights that the recipe makes."""

import json

import jax
import numpy as np
import pytest

from stylegan2_jax.metrics.features.inception import inception_pools, unbiased_logits
from stylegan2_jax.metrics.features.weights_folder import inception_network
from tests.metrics import recipe
from tests.parity import reference

_IMAGES = '_image_uint8_nchw'


def cases():
  """The names of sets of images, those of all arrays that begin with inception."""
  if not (reference.FOLDER / 'metrics.npz').is_file():
    return []
  with np.load(reference.FOLDER / 'metrics.npz') as file:
    names = file.files
  return [n.removesuffix(_IMAGES) for n in names if n.startswith('inception') and _IMAGES in n]


@pytest.fixture(scope='module')
def network(tmp_path_factory):
  """By way of a file in the folder of weights."""
  folder = tmp_path_factory.mktemp('weights')
  path = folder / 'inception.npz'
  np.savez(path, **recipe.inception_state())
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('STYLEGAN2_WEIGHTS', str(folder))
    network = inception_network()
  path.unlink()  # large
  return network


@pytest.fixture(scope='module')
def outputs(network):
  """Function: all that there are answers for, by the ends of their names."""

  def run(weights, images):
    pools = inception_pools(weights, images)
    logits = unbiased_logits(weights, pools[2048])
    found = {str(width): pool for width, pool in pools.items()}
    found |= {'logits_unbiased': logits, 'logits': logits + weights.fc[1][None]}
    return found, network.apply(weights, images, np.arange(len(images), dtype=np.uint32))

  return jax.jit(run)


@pytest.mark.parametrize('case', cases())
def test_outputs(case, network, outputs):
  data = reference.arrays('metrics')
  images = np.asarray(data[case + _IMAGES].transpose(0, 2, 3, 1))
  found, rows = outputs(network.weights, images)
  answers = {f'{case}_{end}': end for end in found if f'{case}_{end}' in data}
  assert answers
  for name, end in answers.items():
    reference.check(found[end], data[name], 2e-6, name)
  np.testing.assert_array_equal(rows['features'], found['2048'])
  if f'{case}_logits_unbiased' in data:
    exponentials = np.exp(data[f'{case}_logits_unbiased'])
    expected = exponentials / exponentials.sum(1, keepdims=True)
    np.testing.assert_allclose(rows['probabilities'], expected, rtol=1e-5)


@pytest.mark.skipif(not cases(), reason='this folder of answers has none of Inception')
def test_names_and_shapes():
  """Those that the recipe is written for, and no others."""
  text = (reference.FOLDER / 'metrics.json').read_text()
  expected = json.loads(text)['inception']['names_and_shapes']
  expected = {name: tuple(shape) for name, shape in expected.items() if 'num_batches' not in name}
  assert {name: x.shape for name, x in recipe.inception_state().items()} == expected
