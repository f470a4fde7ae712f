"""Official PyTorch pickles of networks that are not ours, or are damaged: one line says what."""

import types

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from tests.importers import official_files
from tests.importers.hand_pickles import Made, Tensor
from tests.importers.test_official import content, imported, weights


def array_at(network, *names):
  """Changes an array: (content, path of modules, name of the parameter) -> the state's dict."""
  return official_files.inner(network, *names)['_parameters'].items


G_REFUSED = {
  'synthesis.b8.conv0.activation': ('relu', "activation='?relu"),
  'synthesis.b8.conv1.conv_clamp': (128, 'conv_clamp'),
  'synthesis.b8.conv1.use_noise': (False, 'noise in some layers'),
  'synthesis.b8.architecture': ('orig', 'differ in architecture'),
  'synthesis.b4.architecture': ('dense', 'architecture'),
  'mapping.fc0.activation': ('linear', 'activation'),
  'mapping.num_layers': (3, 'fc2'),
  'mapping.z_dim': (9, 'fc0.weight'),
  'mapping.w_dim': (9, 'shape'),
  'c_dim': (2, 'embed'),
  'img_channels': (1, 'torgb'),
  'img_resolution': (16, 'b16'),
  'img_resolution ': (24, 'img_resolution'),
  'z_dim': ('8', None),
  'synthesis.b8.conv0.conv_clamp': ([1], 'conv_clamp'),
  'mapping.fc1.bias_gain': (0, 'bias_gain'),
  'synthesis.b8.conv0.affine.activation': ('lrelu', 'activation'),
  'synthesis.b4.torgb.affine.bias_gain': (0.5, 'bias_gain'),
}


@pytest.mark.parametrize('path', G_REFUSED)
def test_generators_that_are_others_are_refused(tmp_path, path):
  value, words = G_REFUSED[path]
  changed = content(weights(), g_changes={path.strip(): value})
  if words is None:  # not looked at: the mapping says it too
    imported(tmp_path, changed)
    return
  with pytest.raises(UserError, match=words) as caught:
    imported(tmp_path, changed)
  assert '\n' not in str(caught.value)
  assert 'network.pkl' in str(caught.value)


D_LEFT_OUT = {
  'b4.fc.activation': ('linear', 'activation'),
  'b4.out.bias_gain': (2, 'bias_gain'),
  'b8.conv1.conv_clamp': (1, 'conv_clamp'),
  'b8.conv0.activation': ('relu', 'activation'),
  'b8.conv0.conv_clamp': (128, 'conv_clamp'),
  'b8.architecture': ('skip', 'architecture'),
  'c_dim': (3, 'c_dim'),
  'img_resolution': (16, 'img_resolution'),
  'b4.mbstd.num_channels': (-1, 'num_channels'),
  'b4.mbstd.group_size': (0, 'group_size'),
}


@pytest.mark.parametrize('path', D_LEFT_OUT)
def test_discriminators_that_are_others_are_left_out_and_it_is_said(tmp_path, path):
  value, words = D_LEFT_OUT[path]
  result = imported(tmp_path, content(weights(), d_changes={path: value}))
  assert result.d_params is None
  assert result.absent() == ['D']
  (remark,) = result.remarks
  assert 'left out' in remark
  assert words in remark
  assert remark in result.notice


def test_features_that_do_not_divide_the_width(tmp_path):
  result = imported(tmp_path, content(weights(), d_changes={'b4.mbstd.num_channels': 3}))
  assert result.d_params is None
  assert 'num_channels=3' in result.remarks[0]


@pytest.mark.parametrize('change', ['shape', 'filter', 'more'])
def test_a_discriminator_of_other_arrays_is_left_out(tmp_path, change):
  made = content(weights())
  if change == 'shape':
    array_at(made['D'], 'b4', 'fc')['weight'] = np.zeros((3, 3), np.float32)
  elif change == 'filter':
    buffers = official_files.inner(made['D'], 'b8', 'conv1')['_buffers']
    buffers['resample_filter'] = np.eye(4, dtype=np.float32)
  else:
    array_at(made['D'], 'b4', 'fc')['extra'] = np.zeros(3, np.float32)
  result = imported(tmp_path, made)
  assert result.d_params is None
  assert 'the discriminator was left out' in result.remarks[0]


def test_a_discriminator_of_other_widths_is_left_out(tmp_path):
  found = types.SimpleNamespace(**vars(weights()))
  found.d_params = weights(channel_max=4).d_params
  result = imported(tmp_path, content(found))
  assert result.d_params is None
  assert 'D has channel_' in result.remarks[0]


def changed_array(found, *path, shape=None, value=..., gone=False, added=False):
  """The content with another array at a place of G_ema."""
  made = content(found)
  *names, leaf = path
  arrays = array_at(made['G_ema'], *names)
  if gone:
    del arrays[leaf]
  elif added:
    arrays['extra'] = Tensor(np.ones(3, np.float32))
  else:
    arrays[leaf] = Tensor(np.ones(shape, np.float32)) if value is ... else value
  return made


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    ({'shape': (8, 7, 3, 3)}, r'conv1.weight has the shape \[8, 7, 3, 3\]'),
    ({'shape': (8,)}, 'shape'),
    ({'shape': ()}, 'shape'),
    ({'gone': True}, 'lacks synthesis.b8.conv1.weight'),
    ({'added': True}, 'extra'),
    ({'value': Tensor(np.full((8, 8, 3, 3), np.nan, np.float32))}, 'not finite'),
    ({'value': 'a word'}, 'conv1.weight'),
    ({'value': [[1, 2], [3]]}, 'conv1.weight|damaged'),
    ({'value': None}, 'lacks synthesis.b8.conv1.weight'),
    ({'value': Made('argparse.Namespace', new=True)}, 'conv1.weight'),
  ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, change, words):
  with pytest.raises(UserError, match=words) as caught:
    imported(tmp_path, changed_array(weights(), 'synthesis', 'b8', 'conv1', 'weight', **change))
  assert '\n' not in str(caught.value)
  assert len(str(caught.value)) < 400


def test_another_resample_filter_is_refused(tmp_path):
  value = content(weights())
  state = official_files.inner(value['G_ema'], 'synthesis', 'b8', 'conv0')
  state['_buffers']['resample_filter'] = Tensor(np.ones((2, 2), np.float32) / 4)
  with pytest.raises(UserError, match='resample filter'):
    imported(tmp_path, value)


def test_alias_free_generators_of_stylegan3_are_refused(tmp_path):
  value = content(weights())
  state = official_files.inner(value['G_ema'], 'synthesis')
  state['_modules'] = {'input': official_files.module('SynthesisInput')}
  with pytest.raises(UserError, match='alias-free'):
    imported(tmp_path, value)


@pytest.mark.parametrize(
  ('value', 'words'),
  [
    ({}, 'an empty dict'),
    ({'a': 1}, 'a dict of a'),
    ([1], 'a list'),
    ({'G_ema': 1}, 'a dict of G_ema'),
    ({'G_ema': Made('argparse.Namespace', new=True)}, 'damaged|lacks'),
    (3, 'an? int'),
  ],
)
def test_other_contents_are_refused(tmp_path, value, words):
  with pytest.raises(UserError, match=words) as caught:
    imported(tmp_path, value)
  assert '\n' not in str(caught.value)
