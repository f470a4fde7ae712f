"""The mapping network by its formula, labels, and truncation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stylegan2_jax.networks.mapping import Mapping, truncate
from tests.helpers import randomized

RNG = np.random.default_rng(0)
Z, LABEL = RNG.standard_normal((4, 6)), np.eye(3)[[0, 1, 2, 0]]
WS, W_AVG = RNG.standard_normal((2, 6, 8)), RNG.standard_normal(8)


def mapping(z_dim=6, c_dim=3, num_ws=None, num_layers=2):
  module = Mapping(z_dim, c_dim, 8, num_layers, num_ws, jnp.float64, jnp.float64)
  z, label = (Z if z_dim else None), (LABEL if c_dim else None)
  shapes = jax.eval_shape(module.init, jax.random.key(0), z, label)['params']
  return module, randomized(shapes, 1, scale=100)


def normalized(x):
  return x / np.sqrt(np.square(x).mean(axis=1, keepdims=True) + 1e-8)


def by_numpy(params, z, label, num_layers=2):
  parts = [] if z is None else [normalized(z)]
  if label is not None:
    embed = {k: np.asarray(v) for k, v in params['embed'].items()}
    parts.append(normalized(label @ embed['weight'] / np.sqrt(3) + embed['bias']))
  w = np.concatenate(parts, axis=1)
  for i in range(num_layers):
    fc = {k: 0.01 * np.asarray(v) for k, v in params[f'fc{i}'].items()}
    w = w @ fc['weight'] / np.sqrt(w.shape[1]) + fc['bias']
    w = np.sqrt(2) * np.where(w > 0, w, 0.2 * w)
  return w


@pytest.mark.parametrize(('z_dim', 'c_dim'), [(6, 0), (6, 3), (0, 3)])
def test_values(z_dim, c_dim, x64):
  module, params = mapping(z_dim, c_dim)
  z, label = (Z if z_dim else None), (LABEL if c_dim else None)
  w = module.apply({'params': params}, z, label)
  np.testing.assert_allclose(w, by_numpy(params, z, label), rtol=1e-12)


def test_no_layers_is_embedding_and_normalisation(x64):
  module, params = mapping(0, 3, num_layers=0)
  assert set(params) == {'embed'}
  w = module.apply({'params': params}, None, LABEL)
  np.testing.assert_allclose(w, by_numpy(params, None, LABEL, 0), rtol=1e-12)


def test_every_layer_gets_the_same_w(x64):
  (module, params), (single, _) = mapping(num_ws=5), mapping()
  ws = module.apply({'params': params}, Z, LABEL)
  w = single.apply({'params': params}, Z, LABEL)
  np.testing.assert_array_equal(ws, np.broadcast_to(np.asarray(w)[:, None], (4, 5, 8)))


def test_the_label_matters_and_the_length_of_z_does_not(x64):
  module, params = mapping()
  w = module.apply({'params': params}, Z, LABEL)
  others = module.apply({'params': params}, Z, LABEL[::-1])
  assert (np.abs(w - others).max(axis=1) > 0.1).tolist() == [False, True, True, False]
  longer = module.apply({'params': params}, 7 * Z, LABEL)
  np.testing.assert_allclose(w, longer, rtol=1e-6)


@pytest.mark.parametrize(
  ('z', 'label', 'message'),
  [
    (Z[:, :5], LABEL, r'z must be \[N, 6\], got \(4, 5\)'),
    (Z[0], LABEL, r'z must be \[N, 6\], got \(6,\)'),
    (Z, None, r'label must be \[N, 3\], got None'),
    (Z, LABEL[:, :2], r'label must be \[N, 3\], got \(4, 2\)'),
  ],
)
def test_wrong_widths(z, label, message, x64):
  module, params = mapping()
  with pytest.raises(ValueError, match=message):
    module.apply({'params': params}, z, label)


def test_truncation(x64):
  w_avg = jnp.asarray(W_AVG)
  np.testing.assert_array_equal(
    truncate(jnp.asarray(WS), w_avg, 0.0), np.broadcast_to(W_AVG, WS.shape)
  )
  np.testing.assert_allclose(truncate(jnp.asarray(WS), w_avg, 1.0), WS, rtol=1e-14)
  half = truncate(jnp.asarray(WS), w_avg, 0.5)
  np.testing.assert_allclose(half, (WS + W_AVG) / 2, rtol=1e-13)
  beyond = truncate(jnp.asarray(WS), w_avg, -2.0)
  np.testing.assert_allclose(beyond, 3 * W_AVG - 2 * WS, rtol=1e-12)


def test_truncation_towards_a_centre_of_each(x64):
  centers = RNG.standard_normal((2, 8))
  half = truncate(jnp.asarray(WS), jnp.asarray(centers), 0.5, 4)
  np.testing.assert_allclose(half[:, :4], (WS[:, :4] + centers[:, None]) / 2, rtol=1e-13)
  np.testing.assert_array_equal(half[:, 4:], WS[:, 4:])


@pytest.mark.parametrize('cutoff', [0, 2, 6, 99])
def test_truncation_below_a_cutoff(cutoff, x64):
  ws = truncate(jnp.asarray(WS), jnp.asarray(W_AVG), 0.25, cutoff)
  np.testing.assert_allclose(ws[:, :cutoff], (WS[:, :cutoff] + 3 * W_AVG) / 4, rtol=1e-12)
  np.testing.assert_array_equal(ws[:, cutoff:], WS[:, cutoff:])
