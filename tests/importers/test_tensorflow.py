"""The official TensorFlow layout, in files made by the inverse mapping."""

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import tensorflow
from stylegan2_jax.importers.read import read_model
from stylegan2_jax.networks.mapping import Mapping
from tests import helpers
from tests.importers import tensorflow_files as files
from tests.importers.tensorflow_files import Made

CASES = {
  'skip and resnet': {},
  'orig': {
    'g_kwargs': {'architecture': 'orig'},
    'd_kwargs': {'architecture': 'orig'},
    'g_architecture': 'orig',
    'd_architecture': 'orig',
  },
  'resnet and skip': {
    'g_kwargs': {'architecture': 'resnet'},
    'd_kwargs': {'architecture': 'skip', 'mbstd_num_features': 2},
    'g_architecture': 'resnet',
    'd_architecture': 'skip',
    'mbstd_features': 2,
  },
  'conditional': {'c_dim': 3},
}


@pytest.mark.parametrize('case', CASES)
def test_weights_come_back(case):
  made = Made(**CASES[case])
  found = made.imported()
  expected = helpers.network_settings(clamp=None, d_mapping_layers=0)
  given = {k: v for k, v in CASES[case].items() if k in vars(expected)}
  assert found.network == helpers.network_settings(clamp=None, d_mapping_layers=0, **given)
  assert (found.resolution, found.channels) == (16, 3)
  assert found.c_dim == CASES[case].get('c_dim', 0)
  helpers.assert_trees_close(found.ema_params, made.ema_params, 1e-6)  # biases: - 1 + 1
  helpers.assert_trees_close(found.g_params, made.g_params, 1e-6)
  helpers.assert_trees_equal(found.d_params, made.d_params)
  helpers.assert_trees_equal(found.noise_maps, made.maps)
  np.testing.assert_array_equal(found.w_avg, made.w_avg)


@pytest.mark.parametrize('protocol', [2, 3, 4])
def test_whole_pickles(tmp_path, protocol):
  """By the names that NumPy before 2 gave; published files are of protocol 2 or 3."""
  made = Made()
  path = tmp_path / 'network.pkl'
  path.write_bytes(files.pickled(made.networks(), protocol))
  assert (b'numpy.core.multiarray' in path.read_bytes()) == (protocol < 4)
  found = read_model(path)
  helpers.assert_trees_close(found.ema_params, made.ema_params, 1e-6)
  helpers.assert_trees_equal(found.d_params, made.d_params)
  helpers.assert_trees_equal(found.noise_maps, made.maps)
  assert 'an official TensorFlow pickle' in found.notice


def test_the_average_alone_is_enough():
  made = Made()
  found = tensorflow.convert(files.as_read(made.networks()[2]))
  helpers.assert_trees_close(found.ema_params, made.ema_params, 1e-6)
  assert found.absent() == ['G', 'D']


def test_a_network_without_noise():
  made = Made(g_kwargs={'use_noise': False}, noise=False)
  made.changes = {f'synthesis/noise{n}': None for n in range(5)}
  networks = [files.as_read(network) for network in made.networks()]
  for network in networks[::2]:
    synthesis = network.state['components']['synthesis'].state
    synthesis['variables'] = [v for v in synthesis['variables'] if not v[0].startswith('noise')]
  found = tensorflow.convert(networks)
  assert not found.network.noise
  assert not any(np.any(x) for x in helpers.names(found.noise_maps).values())
  assert 'noise_strength' not in found.ema_params['synthesis']['b8']['conv0']


def test_growing_networks_are_orig_when_they_have_grown():
  """Configs B to D: an RGB layer for each resolution, of which the last one draws."""
  made = Made(g_architecture='orig', d_architecture='orig')
  networks = [files.as_read(network) for network in made.networks()]
  lods = {'ToRGB': ('synthesis', 3), 'FromRGB': (None, 2)}
  for network in networks:
    for scope, (part, _) in lods.items():
      owner = network.state['components'].get(part, network) if part else network
      variables = []
      for name, value in owner.state['variables']:
        name = name.replace(f'16x16/{scope}/', f'{scope}_lod0/')
        variables.append((name, value))
        if name.startswith(f'{scope}_lod0/'):
          variables.append((name.replace('lod0', 'lod1'), np.full_like(value, 7)))
      owner.state['variables'] = [*variables, ('lod', np.float32(0))]
  found = tensorflow.convert(networks)
  assert (found.network.g_architecture, found.network.d_architecture) == ('orig', 'orig')
  helpers.assert_trees_close(found.ema_params, made.ema_params, 1e-6)
  helpers.assert_trees_equal(found.d_params, made.d_params)
  networks[2].state['components']['synthesis'].state['variables'][-1] = ('lod', np.float32(1.5))
  with pytest.raises(UserError, match='has not ended'):
    tensorflow.convert(networks)


def test_another_multiplier_computes_the_same():
  """D's mapping has 0.1 by default, ours 0.01: held against the formula, by hand."""
  made = Made(d_kwargs={'mapping_layers': 1}, c_dim=3, d_mapping_layers=1)
  layer = {name: np.asarray(x) for name, x in made.d_params['mapping']['fc0'].items()}
  embed = {name: np.asarray(x) for name, x in made.d_params['mapping']['embed'].items()}
  found = made.imported()
  label = np.eye(3, dtype=np.float32)
  y = label @ embed['weight'] / np.sqrt(3) + embed['bias']
  y = y / np.sqrt((y**2).mean(axis=1, keepdims=True) + 1e-8)
  y = y @ (layer['weight'] * 0.1 / np.sqrt(8)) + layer['bias'] * 0.1
  y = np.where(y > 0, y, 0.2 * y) * np.sqrt(2)
  mapping = Mapping(0, 3, 8, found.network.d_mapping_layers)
  ours = mapping.apply({'params': found.d_params['mapping']}, None, label)
  assert found.network.d_mapping_layers == 1
  np.testing.assert_allclose(ours, y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  ('kwargs', 'function', 'group', 'features'),
  [
    ({}, 'D_main', None, 1),
    ({}, 'D_stylegan2', 4, 1),
    ({'mbstd_group_size': None}, 'D_main', None, 1),
    ({'mbstd_group_size': np.int64(8)}, 'D_main', 8, 1),
    ({'mbstd_group_size': 1}, 'D_stylegan2', 1, 0),
    ({'mbstd_num_features': 0}, 'D_main', None, 0),
  ],
)
def test_groups_of_the_minibatch_statistics(kwargs, function, group, features):
  """ADA's code takes the whole batch unless told otherwise, that before it groups of 4."""
  made = Made(mbstd_features=features)
  del made.d_kwargs['mbstd_group_size']
  made.d_kwargs |= kwargs
  networks = made.networks()
  networks[1].build_func_name = function
  found = tensorflow.convert(tuple(map(files.as_read, networks)))
  assert (found.network.mbstd_group, found.network.mbstd_features) == (group, features)


def test_reduced_precision_and_clamp():
  kwargs = {'num_fp16_res': 2, 'conv_clamp': 256}
  network = Made(kwargs, kwargs).imported().network
  assert (network.num_reduced, network.clamp) == (2, 256.0)
  kwargs = {'conv_clamp': 100.5}
  network = Made(kwargs, kwargs).imported().network
  assert (network.num_reduced, network.reduced_dtype, network.clamp) == (4, 'float32', 100.5)


def test_arguments_that_change_nothing():
  kwargs = {
    'truncation_psi': 0.5,
    'style_mixing_prob': None,
    'randomize_noise': False,
    'fused_modconv': True,
    'fmap_decay': 1.0,
    'fmap_min': 1,
    'resample_kernel': (1, 3, 3, 1),
    'mapping_func': 'G_mapping',
    'synthesis_func': 'G_synthesis_stylegan2',
  }
  assert Made(kwargs, {'freeze_layers': 4}).imported().network == Made().imported().network


def test_recognises():
  networks = tuple(map(files.as_read, Made().networks()))
  assert tensorflow.recognises(networks)
  assert tensorflow.recognises(networks[2])
  assert not any(map(tensorflow.recognises, ((), {}, None, [1, 2, 3], ({}, networks[0]))))
