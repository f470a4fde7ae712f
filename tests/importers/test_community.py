"""The community PyTorch layout: files made by the inverse mapping, and its networks plainly."""

import functools

import jax
import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.torch_writer import write_torch
from stylegan2_jax.importers import community
from stylegan2_jax.importers.read import read_model
from stylegan2_jax.networks.builder import build_networks, variable_shapes
from tests import helpers
from tests.importers import community_files as files
from tests.importers import community_plain as plain

SIZES = {'channel_base': 64, 'channel_max': 8, 'mapping_layers': 3, 'd_mapping_layers': 0}


@functools.cache
def _drawn(size=16, channels=3):
  """(G's average, D, G, noise maps, w_avg [8])."""
  pair = helpers.networks(size, channels, **SIZES)
  ema_params, d_params = helpers.random_params(*pair)
  maps = helpers.randomized(variable_shapes(*pair)[2], 5)
  w_avg = np.random.default_rng(6).standard_normal(8).astype(np.float32)
  return ema_params, d_params, helpers.random_params(*pair, seed=10)[0], maps, w_avg


def _content(size=16, channels=3):
  """A whole file of training: what is not needed is there as well."""
  ema_params, d_params, g_params, maps, w_avg = _drawn(size, channels)
  return {
    'g': files.generator_state(g_params, helpers.randomized(maps, 9)),
    'd': files.discriminator_state(d_params),
    'g_ema': files.generator_state(ema_params, maps),
    'g_optim': {'state': {0: {'step': 7}}, 'param_groups': [{'lr': 0.002}]},
    'latent_avg': w_avg,
    'ada_aug_p': 0.25,
  }


@pytest.mark.parametrize(('size', 'channels'), [(8, 3), (16, 1), (32, 3)])
def test_the_round_trip_is_exact(tmp_path, size, channels):
  """Through a file, whose sizes are read from the shapes."""
  with (tmp_path / 'model.pt').open('wb') as file:
    write_torch(file, _content(size, channels))
  found = read_model(tmp_path / 'model.pt')
  ema_params, d_params, g_params, maps, w_avg = _drawn(size, channels)
  helpers.assert_trees_equal(found.ema_params, ema_params)
  helpers.assert_trees_equal(found.g_params, g_params)
  helpers.assert_trees_equal(found.d_params, d_params)
  helpers.assert_trees_equal(found.noise_maps, maps)
  np.testing.assert_array_equal(found.w_avg, w_avg)
  assert (found.resolution, found.channels, found.c_dim) == (size, channels, 0)
  assert found.remarks == ()
  network = found.network
  assert (network.z_dim, network.w_dim, network.mapping_layers) == (8, 8, 3)
  assert (network.g_architecture, network.d_architecture) == ('skip', 'resnet')
  assert (network.mbstd_group, network.mbstd_features) == (4, 1)


@pytest.mark.parametrize(
  ('multiplier', 'size', 'base'), [(2, 1024, 32768), (1, 1024, 16384), (2, 256, 32768)]
)
def test_sizes_of_the_published_code(multiplier, size, base):
  """Its table of channels, by channel_multiplier."""
  table = dict.fromkeys((4, 8, 16, 32), 512)
  table |= {64 << i: (256 >> i) * multiplier for i in range(5)}
  shapes = {'input.input': (1, 512, 4, 4), 'to_rgb1.bias': (1, 3, 1, 1)}
  shapes |= {f'style.{i}.weight': (512, 512) for i in range(1, 9)}
  for level in range(1, size.bit_length() - 2):
    out = table[4 << level]
    shapes[f'convs.{2 * level - 1}.conv.weight'] = (1, out, out, 3, 3)
    shapes[f'to_rgbs.{level - 1}.bias'] = (1, 3, 1, 1)
  arrays = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
  network, resolution, channels = community._sizes(community.Arrays('g_ema', arrays))
  assert (network.channel_base, network.channel_max) == (base, 512)
  assert (network.mapping_layers, network.z_dim, network.w_dim) == (8, 512, 512)
  assert (resolution, channels) == (size, 3)


@pytest.mark.usefixtures('double')
def test_networks_compute_what_the_plain_form_does():
  ema_params, d_params, _, maps, _ = _drawn()
  found = community.convert(_content())
  z = np.random.default_rng(1).standard_normal((8, 8))
  ws, expected = plain.generator(files.generator_state(ema_params, maps), z)
  generator, discriminator = build_networks(found.network, (16, 16), 3, 0, np.float64)

  @jax.jit
  def draw(params, z, noise):
    ws = generator.apply({'params': params}, z, None, method='map')
    return ws, generator.apply({'params': params}, ws, noise, method='synthesize')

  ours, images = draw(_double(found.ema_params), z, found.noise_maps)
  np.testing.assert_allclose(ours[:, 0], ws, rtol=1e-6, atol=1e-6)
  _assert_close(images.transpose(0, 3, 1, 2), expected)
  logits = plain.discriminator(files.discriminator_state(d_params), expected)
  judge = jax.jit(discriminator.apply)
  ours = judge({'params': _double(found.d_params)}, expected.transpose(0, 2, 3, 1))
  _assert_close(ours, logits)  # 8 images: two groups of 4


def _double(tree):
  return jax.tree.map(lambda x: np.asarray(x, np.float64), tree)


def _assert_close(ours, expected):
  assert np.abs(expected).max() > 1e-2
  assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_average_alone_as_data_parallel_names_it():
  ema_params, _, _, maps, _ = _drawn()
  state = files.generator_state(ema_params, maps)
  found = community.convert({f'module.{name}': x for name, x in state.items()})
  helpers.assert_trees_equal(found.ema_params, ema_params)
  assert found.absent() == ['G', 'D']


def test_without_latent_avg_it_is_the_mean_w():
  content = _content()
  del content['latent_avg']
  found = community.convert(content)
  (remark,) = found.remarks
  assert 'no latent_avg' in remark
  z = np.random.default_rng(2).standard_normal((20_000, 8))
  state = {name: x for name, x in content['g_ema'].items() if name.startswith('style')}
  w = z / np.sqrt((z**2).mean(axis=1, keepdims=True) + 1e-8)
  for i in (1, 2, 3):
    w = plain._leaky(plain._linear(state, f'style.{i}', w, 0.01))
  error = np.abs(found.w_avg - w.mean(axis=0)) / (w.std(axis=0) / np.sqrt(10_000))
  assert error.max() < 6  # standard errors
  np.testing.assert_array_equal(found.w_avg, community.convert(content).w_avg)


def test_old_files_have_no_noise_maps():
  content = _content()
  for name in [name for name in content['g_ema'] if name.startswith('noises')]:
    del content['g_ema'][name], content['g'][name]
  found = community.convert(content)
  (remark,) = found.remarks
  assert 'no noise maps' in remark
  maps = helpers.names(found.noise_maps)
  assert {name: x.shape for name, x in maps.items()} == {
    'b4.conv1': (4, 4),
    'b8.conv0': (8, 8),
    'b8.conv1': (8, 8),
    'b16.conv0': (16, 16),
    'b16.conv1': (16, 16),
  }
  assert abs(np.concatenate([x.ravel() for x in maps.values()]).std() - 1) < 0.1
  helpers.assert_trees_equal(found.noise_maps, community.convert(content).noise_maps)


def test_half_precision_files():
  content = _content()
  content['g_ema'] = {name: x.astype(np.float16) for name, x in content['g_ema'].items()}
  found = community.convert(content)
  expected = jax.tree.map(lambda x: np.asarray(x, np.float16).astype(np.float32), _drawn()[0])
  helpers.assert_trees_equal(found.ema_params, expected)


def test_shapes_of_latent_avg():
  content = _content()
  content['latent_avg'] = content['latent_avg'][None]
  np.testing.assert_array_equal(community.convert(content).w_avg, _drawn()[4])


@pytest.mark.parametrize(
  ('part', 'name', 'value', 'expected'),
  [
    ('g_ema', 'convs.2.conv.weight', None, 'g_ema of .* lacks convs.2.conv.weight'),
    ('g_ema', 'input.input', None, 'has no input.input of 4 axes'),
    ('g_ema', 'to_rgb1.bias', np.zeros(3), 'has no to_rgb1.bias of 4 axes'),
    ('g_ema', 'to_rgb1.bias', np.zeros((1, 7, 1, 1)), '7 channels'),
    ('g_ema', 'to_rgbs.0.bias', None, 'to_rgbs'),
    ('g_ema', 'noises.noise_3', None, 'lacks noises.noise_3'),
    ('g_ema', 'noises.noise_0', np.zeros((2, 1, 4, 4)), r'noise_0 has the shape \[2, 1, 4, 4\]'),
    ('g_ema', 'convs.0.noise.weight', np.zeros(2), r'noise.weight has the shape \[2\]'),
    ('g_ema', 'convs.0.activate.bias', np.full(8, np.inf), 'activate.bias is not finite'),
    ('g_ema', 'convs.0.conv.blur.kernel', np.ones((4, 4)) / 4, 'another filter'),
    ('g_ema', 'convs.0.conv.blur.kernel', np.ones((3, 3)), 'blur.kernel has the shape'),
    ('g_ema', 'attention.gamma', np.zeros(1), 'also holds attention.gamma'),
    ('g_ema', 'style.4.weight', np.zeros((8, 8)), 'lacks style.4.bias'),
    ('g', 'convs.2.conv.weight', None, 'g of .* lacks convs.2.conv.weight'),
    ('d', 'final_linear.1.bias', None, 'd of .* lacks final_linear.1.bias'),
    ('d', 'convs.1.skip.0.kernel', np.ones((4, 4)), 'another filter'),
    ('d', 'convs.1.conv1.0.weight', np.zeros((4, 5, 3, 3)), 'convs.1.conv1.0.weight has the shape'),
    ('d', 'convs.0.1.bias', 'text', 'does not hold numbers'),
  ],
)
def test_damaged_files_are_refused(part, name, value, expected):
  content = _content()
  if value is None:
    del content[part][name]
  else:
    content[part][name] = value
  with pytest.raises(UserError, match=expected) as raised:
    community.convert(content)
  assert '\n' not in str(raised.value)


def test_recognises():
  content = _content()
  assert community.recognises(content)
  assert community.recognises(content['g_ema'])
  others = ({}, None, [], {'g_ema': 3}, {'GAN': {}}, {'g_ema': {'style.1': 1}}, {1: 2})
  assert not any(map(community.recognises, others))
