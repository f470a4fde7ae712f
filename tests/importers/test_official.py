"""Official PyTorch pickles made from random networks: the round trip is exact."""

import dataclasses
import functools
import hashlib
import types

import jax
import numpy as np
import pytest

from stylegan2_jax.importers import read
from stylegan2_jax.networks.builder import variable_shapes
from tests.helpers import assert_trees_equal, network_settings, networks, random_params, randomized
from tests.importers import official_files
from tests.importers.hand_pickles import Made, Tensor, dumps

# What the networks of the file are, as config fields.
CASES = {
  'skip and resnet': {},
  'orig': {'g_architecture': 'orig', 'd_architecture': 'orig'},
  'resnet and skip': {'g_architecture': 'resnet', 'd_architecture': 'skip'},
  'float16 and clamp': {'num_reduced': 1, 'clamp': 256.0},
  'no noise': {'noise': False},
  'no minibatch deviation': {'mbstd_features': 0},
  'two features': {'mbstd_features': 2, 'mbstd_group': 3},
  'one width': {'channel_base': 1024},
  'deep mapping': {'mapping_layers': 4, 'w_dim': 6},
}


@functools.cache
def weights(c_dim=0, resolution=8, seed=0, **fields):
  """A random pair: (settings, parameters of G, of its average, of D, maps, w_avg)."""
  settings = network_settings(**{'num_reduced': 0, 'clamp': None, **fields})
  pair = networks(resolution, c_dim=c_dim, **dataclasses.asdict(settings))
  params, d_params = random_params(*pair, seed)
  average, _ = random_params(*pair, seed + 1)
  maps = jax.tree.map(np.asarray, randomized(variable_shapes(*pair)[2], seed + 2))
  w_avg = np.random.default_rng(seed).standard_normal(settings.w_dim).astype(np.float32)
  return types.SimpleNamespace(
    settings=settings, params=params, average=average, d_params=d_params, maps=maps, w_avg=w_avg,
    resolution=resolution, c_dim=c_dim,
  )  # fmt: skip


def content(found, g_changes=None, d_changes=None, **entries):
  """What the official code keeps in a snapshot."""
  rest = found.maps, found.w_avg, found.settings, found.resolution, 3, found.c_dim
  value = {
    'training_set_kwargs': Made('dnnlib.util.EasyDict', items={'path': '/x.zip'}, new=True),
    'G': official_files.generator(found.params, *rest, g_changes),
    'D': official_files.discriminator(
      found.d_params, found.settings, found.resolution, 3, found.c_dim, d_changes
    ),
    'G_ema': official_files.generator(found.average, *rest, g_changes),
    'augment_pipe': None,
  }
  return {key: made for key, made in (value | entries).items() if made is not Ellipsis}


def imported(tmp_path, value, protocol=4):
  path = tmp_path / 'network.pkl'
  path.write_bytes(dumps(value, protocol))
  return read.read_model(path)


@pytest.mark.parametrize(
  ('case', 'c_dim'), [(case, 0) for case in CASES] + [('skip and resnet', 3), ('deep mapping', 3)]
)
def test_the_round_trip_is_exact(tmp_path, case, c_dim):
  found = weights(c_dim, **CASES[case])
  result = imported(tmp_path, content(found))
  assert (result.resolution, result.channels, result.c_dim) == (8, 3, c_dim)
  assert_trees_equal(result.ema_params, found.average)
  assert_trees_equal(result.g_params, found.params)
  assert_trees_equal(result.d_params, found.d_params)
  np.testing.assert_array_equal(result.w_avg, found.w_avg)
  if found.settings.noise:
    assert_trees_equal(result.noise_maps, found.maps)
  wanted = dataclasses.asdict(found.settings)
  same = dataclasses.asdict(result.network)
  free = {'channel_base', 'reduced_dtype'}  # several mean the same
  if not c_dim:
    free |= {'d_mapping_layers'}
  if not found.settings.mbstd_features:
    free |= {'mbstd_group'}
  assert {k: v for k, v in same.items() if k not in free} == {
    k: v for k, v in wanted.items() if k not in free
  }
  assert result.remarks == ()
  assert result.absent() == []


@pytest.mark.parametrize('protocol', [2, 3, 5])
def test_any_protocol(tmp_path, protocol):
  found = weights()
  result = imported(tmp_path, content(found), protocol)
  assert_trees_equal(result.ema_params, found.average)


def test_labels_are_classes_by_number(tmp_path):
  result = imported(tmp_path, content(weights(3)))
  assert result.labels.class_names == ('0', '1', '2')
  assert result.settings.data.labels


def test_clamps_without_float16_stay(tmp_path):
  """The config knows clamps only beside reduced precision, which may be float32."""
  found = weights(clamp=0.5)
  result = imported(tmp_path, content(found))
  assert result.network.clamp == 0.5
  assert (result.network.num_reduced > 0, result.network.reduced_dtype) == (True, 'float32')


def test_a_group_of_the_whole_batch(tmp_path):
  found = weights()
  result = imported(tmp_path, content(found, d_changes={'b4.mbstd.group_size': None}))
  assert result.network.mbstd_group is None


def test_another_multiplier_of_the_mapping_keeps_what_it_computes(tmp_path):
  found = weights(2)
  names = [f'mapping.fc{i}' for i in range(2)]
  changes = {f'{name}.bias_gain': 0.1 for name in names}
  changes |= {
    f'{name}.weight_gain': 0.1 / size**0.5 for name, size in zip(names, (16, 8), strict=True)
  }
  result = imported(tmp_path, content(found, g_changes=changes))
  for i in range(2):
    for kind in ('weight', 'bias'):
      np.testing.assert_allclose(
        result.ema_params['mapping'][f'fc{i}'][kind],
        10 * np.asarray(found.average['mapping'][f'fc{i}'][kind]),
        rtol=1e-6,
      )
  assert_trees_equal(
    result.ema_params['mapping']['embed'], found.average['mapping']['embed']
  )  # of multiplier 1


def test_what_is_absent_is_said(tmp_path):
  found = weights()
  result = imported(tmp_path, content(found, D=None, G=...))
  assert result.d_params is None
  assert result.g_params is None
  assert result.absent() == ['G', 'D']
  assert_trees_equal(result.ema_params, found.average)


def test_frozen_layers_of_d_are_buffers(tmp_path):
  found = weights()
  value = content(found)
  layer = official_files.inner(value['D'], 'b8', 'conv0')
  layer['_buffers'] = {
    **layer['_buffers'],
    **{name: Tensor(made.arguments[0].storage.array.reshape(made.arguments[0].rest[1]))
       for name, made in layer['_parameters'].items.items()},
  }  # fmt: skip
  layer['_parameters'] = {}
  assert_trees_equal(imported(tmp_path, value).d_params, found.d_params)


def test_half_precision_arrays_become_float32(tmp_path):
  found = weights()
  value = content(found)
  state = official_files.inner(value['G_ema'], 'synthesis', 'b8', 'conv1')
  array = np.asarray(found.average['synthesis']['b8']['conv1']['bias'], np.float16)
  state['_parameters'].items['bias'] = Tensor(array)
  result = imported(tmp_path, value).ema_params['synthesis']['b8']['conv1']['bias']
  assert result.dtype == np.float32
  np.testing.assert_array_equal(result, array)


def test_the_notice_says_where_it_is_from_and_whose_licence_it_carries(tmp_path):
  result = imported(tmp_path, content(weights()))
  digest = hashlib.sha256((tmp_path / 'network.pkl').read_bytes()).hexdigest()
  for words in ('network.pkl', digest, result.kind, 'licence', 'non-commercially'):
    assert words in result.notice
