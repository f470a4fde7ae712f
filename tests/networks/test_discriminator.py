"""The discriminator: labels, minibatch groups, and what it refuses."""

import functools

import jax
import numpy as np
import pytest

from tests.helpers import networks, random_params, shapes_of

IMG = np.random.default_rng(0).standard_normal((4, 4, 4, 3)).astype(np.float32)
LABEL = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]


@functools.cache
def discriminate(c_dim=0, **changes):
  """A function (images, labels) -> logits of random parameters."""
  modules = networks(4, c_dim=c_dim, **changes)
  _, params = random_params(*modules)
  return jax.jit(lambda img, label: modules[1].apply({'params': params}, img, label)), params


def test_the_label_matters():
  run, _ = discriminate(c_dim=3)
  before, after = run(IMG, LABEL), run(IMG, LABEL[[1, 1, 2, 2]])
  assert (np.abs(before - after)[:, 0] > 1e-3).tolist() == [True, False, False, True]


@pytest.mark.parametrize('layers', [0, 1])
def test_depth_of_the_label_mapping(layers):
  _, params = discriminate(c_dim=3, d_mapping_layers=layers)
  assert set(params['mapping']) == {'embed', *(f'fc{i}' for i in range(layers))}
  assert params['b4']['out']['weight'].shape == (8, 8)  # cmap_dim is the width at 4×4


def test_a_group_sees_its_own_members():
  """Of four samples in pairs: 0 with 2, 1 with 3."""
  run, _ = discriminate()
  changed = IMG.copy()
  changed[2] *= -3
  difference = np.abs(run(IMG, None) - run(changed, None))[:, 0]
  assert (difference > 1e-6).tolist() == [True, False, True, False]


def test_without_the_statistic_samples_are_alone():
  run, params = discriminate(mbstd_features=0)
  assert params['b4']['conv']['weight'].shape == (3, 3, 8, 8)
  changed = IMG.copy()
  changed[2] *= -3
  difference = np.abs(run(IMG, None) - run(changed, None))[:, 0]
  assert (difference > 1e-6).tolist() == [False, False, True, False]


def test_more_features_of_the_statistic():
  _, d_shapes = shapes_of(*networks(4, mbstd_features=2))
  assert d_shapes['b4']['conv']['weight'].shape == (3, 3, 10, 8)


@pytest.mark.parametrize('shape', [(4, 8, 8, 3), (4, 4, 4, 1), (4, 4, 3)])
def test_images_of_another_size(shape):
  _, discriminator = networks(4)
  with pytest.raises(ValueError, match=r'images must be \[N, 4, 4, 3\]'):
    discriminator.apply({}, np.zeros(shape))
