"""Classes and label vectors, as the Python API takes them."""

import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import to_uint8
from tests.api.inputs import latents, one_hot
from tests.helpers import saved_run


@pytest.mark.parametrize(
  ('label', 'numbers'),
  [
    ('bee', (1, 1)),
    (1, (1, 1)),
    ('0', (2, 2)),
    (0, (2, 2)),
    ('0,1,0', (1, 1)),
    ([0.0, 1.0, 0.0], (1, 1)),
    (['ant', 1], (0, 1)),
    (np.array([0, 1]), (2, 1)),
    (one_hot(1, 0), (1, 0)),
  ],
)
def test_ways_to_name_a_class(gan, label, numbers):
  """A class may be called by a number: then names go before numbers."""
  expected = gan.sample_seeds([0, 1], label=one_hot(*numbers))
  np.testing.assert_array_equal(gan.sample_seeds([0, 1], label=label), expected)
  others = gan.sample_seeds([0, 1], label=one_hot(*(n - 1 for n in numbers)))
  assert np.any(others != expected)


@pytest.mark.parametrize('label', ['wasp', 3, -1, ['bee', 'wasp']])
def test_unknown_class(gan, label):
  with pytest.raises(UserError, match=r'there is no class (wasp|3|-1): there are ant, bee, 0'):
    gan.sample_seeds([0, 1], label=label)


def test_between_classes(run, gan):
  """A vector need not be a class: half of the one, half of the other."""
  middle = np.array([0.5, 0.5, 0], np.float32)
  variables = {'params': run.state.ema_params}
  label = jnp.asarray(np.tile(middle, (3, 1)))
  expected = run.generator.apply(variables, jnp.asarray(latents()), label, method='map')
  for given in (middle, '0.5,0.5,0', [middle] * 3):
    np.testing.assert_allclose(gan.map(latents(), given), expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope='module')
def faces(tmp_path_factory):
  """A model of label vectors."""
  path = tmp_path_factory.mktemp('faces') / 'run'
  return StyleGAN2.load(saved_run(path, vector=2, component_names=('smiling', 'glasses')).path)


def test_a_model_of_label_vectors(faces):
  assert (faces.c_dim, faces.class_names) == (2, ())
  assert faces.component_names == ('smiling', 'glasses')
  expected = faces.sample_seeds([0, 1], label=np.array([[1, 1], [1, 1]]))
  for label in ('smiling+glasses', [1, 1], '1,1'):
    np.testing.assert_array_equal(faces.sample_seeds([0, 1], label=label), expected)
  other = faces.sample_seeds([0, 1], label=np.array([[1, 1], [1, 0]]))
  np.testing.assert_array_equal(other[0], expected[0])
  np.testing.assert_array_equal(other[1], faces.sample_seeds([1], label='smiling')[0])
  assert np.any(other[1] != expected[1])
  with pytest.raises(UserError, match='give a vector of 2 numbers, or names joined by'):
    faces.sample(1)


def test_a_conditional_model_wants_a_class(gan):
  with pytest.raises(UserError, match='name a class out of ant, bee, 0'):
    gan.sample(1)


def test_an_unconditional_model_has_no_classes(plain):
  assert plain.class_names == ()
  assert plain.sample(1).shape == (1, 8, 8, 3)
  with pytest.raises(UserError, match='unconditional'):
    plain.sample(1, label=0)


def test_truncation_towards_each_class(run, gan, plain):
  label, variables = one_hot(0, 2, 1), {'params': run.state.ema_params}
  ws = run.generator.apply(variables, jnp.asarray(latents()), jnp.asarray(label), method='map')
  means = gan.map(latents(), label, psi=0.0, center='class')
  np.testing.assert_allclose(
    gan.map(latents(), label, 0.5, 2, center='class'),
    jnp.concatenate([(ws + means)[:, :2] / 2, ws[:, 2:]], axis=1),
    rtol=1e-5,
    atol=1e-5,
  )
  many = np.random.default_rng(1).standard_normal((4000, 8)).astype(np.float32)
  of_bees = np.asarray(gan.map(many, 'bee'))[:, 0]
  error = 5 * of_bees.std(axis=0) / 4000**0.5 * 1.2
  assert (np.abs(of_bees.mean(axis=0) - means[2, 0]) < error).all()  # label 2 of these is class 1
  pictures = gan.sample_seeds([0, 1], psi=0.0, label='bee', center='class')
  np.testing.assert_array_equal(pictures[0], pictures[1])
  expected = to_uint8(gan.synthesize(means[2:]))
  assert np.abs(pictures[0].astype(int) - np.asarray(expected)[0]).max() <= 1
  with pytest.raises(UserError, match='this model is unconditional'):
    plain.sample(1, center='class')
