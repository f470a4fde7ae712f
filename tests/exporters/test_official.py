"""`export --format=official`: names, shapes and values that the official PyTorch code expects."""

import json

import numpy as np
import pytest

from stylegan2_jax import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.exporters.official import (
  discriminator_state,
  generator_state,
  official,
  write_official,
)
from stylegan2_jax.importers.official import recognises
from stylegan2_jax.importers.pickle_reader import load
from tests.helpers import saved_run
from tests.official_trees import buffers, to_tree
from tests.parity import reference
from tests.tools.models import saved_model

PICKLES = sorted(reference.FOLDER.glob('official_*.pkl'))
OF_PYTORCH = [path for path in PICKLES if recognises(load(path))]


def _state(module, prefix=''):
  """Parameters and buffers of an official module, as its state_dict() would name them."""
  found = {}
  for kind in ('_parameters', '_buffers'):
    arrays = module.state[kind].items()
    found |= {prefix + name: array for name, array in arrays if array is not None}
  for name, inner in module.state['_modules'].items():
    found |= _state(inner, f'{prefix}{name}.')
  return found


def _assert_same(found, expected):
  assert found.keys() == expected.keys()
  for name, array in expected.items():
    assert found[name].shape == array.shape, name
    assert found[name].dtype == array.dtype, name
    np.testing.assert_array_equal(found[name], array, name)


@pytest.mark.parametrize('path', OF_PYTORCH, ids=lambda path: path.stem)
def test_an_imported_pickle_comes_back(tmp_path, path):
  content = load(path)
  gan = StyleGAN2.load(path)
  write_official(gan, tmp_path / 'model.pt')
  found = load(tmp_path / 'model.pt')
  for name in found['init_kwargs']:
    _assert_same(found[name], _state(content[name]))
    given = content[name].state['_init_kwargs']
    _assert_says_the_same(found['init_kwargs'][name], given)
  assert found['notice'] == gan.notice
  assert path.name in found['notice']


def _assert_says_the_same(found, given):
  """What the official network was built with, where it was not left to its defaults."""
  flat = _flat(found)
  assert flat.keys() >= {'img_resolution', 'c_dim', 'channel_base', 'channel_max', 'num_layers'}
  for name, value in _flat(given).items():
    assert flat.get(name, value) == value, name


def _flat(kwargs):
  """Without the dicts inside, which StyleGAN3's code does not have everywhere."""
  flat = {}
  for name, value in kwargs.items():
    flat |= _flat(value) if isinstance(value, dict) else {name: value}
  return flat


@pytest.mark.parametrize('name', reference.names('generator'))
def test_generators_of_every_architecture(name):
  arrays = reference.under(reference.arrays(name), 'param/')
  maps, w_avg = buffers(arrays)
  state = generator_state({'generator': to_tree(arrays), 'w_avg': w_avg, 'noise_maps': maps})
  _check_state(name, state, arrays)


@pytest.mark.parametrize('name', reference.names('discriminator'))
def test_discriminators_of_every_architecture(name):
  arrays = reference.under(reference.arrays(name), 'param/')
  _check_state(name, discriminator_state(to_tree(arrays)), arrays)


def _check_state(name, state, arrays):
  taps = [array for key, array in state.items() if key.endswith('resample_filter')]
  rest = {key: array for key, array in state.items() if not key.endswith('resample_filter')}
  expected = {
    key: np.asarray(array, np.float32)
    for key, array in arrays.items()
    if not key.endswith('resample_filter')
  }
  _assert_same(rest, expected)
  assert all(np.array_equal(x * 64, np.outer([1, 3, 3, 1], [1, 3, 3, 1])) for x in taps)
  others = ('noise_const', 'w_avg')
  stored = sum(x.size for key, x in rest.items() if key.rpartition('.')[2] in others)
  assert stored + 16 * len(taps) == reference.index()[name]['num_buffers']


def test_a_conditional_run(tmp_path):
  run = saved_run(tmp_path / 'run', class_names=('a', 'b', 'c'))
  content = official(StyleGAN2.load(run.path))
  assert content['G_ema']['mapping.embed.weight'].shape == (8, 3)
  np.testing.assert_array_equal(content['G_ema']['mapping.w_avg'], run.state.w_avg)
  const = np.asarray(run.state.ema_params['synthesis']['b4']['const'])
  np.testing.assert_array_equal(content['G_ema']['synthesis.b4.const'], const.transpose(2, 0, 1))
  kwargs = content['init_kwargs']
  assert json.loads(json.dumps(kwargs)) == kwargs
  assert (kwargs['G_ema']['c_dim'], kwargs['D']['c_dim']) == (3, 3)
  assert kwargs['D']['mapping_kwargs'] == {'num_layers': 1}
  assert kwargs['D']['epilogue_kwargs'] == {'mbstd_group_size': 2, 'mbstd_num_channels': 1}
  assert kwargs['G_ema']['synthesis_kwargs']['conv_clamp'] is None
  assert content['notice'] == ''


def _load(folder, **changes):
  return StyleGAN2.load(saved_model(folder, **changes), discriminator=False)


def test_settings_become_arguments(tmp_path):
  changes = {'num_reduced': 2, 'clamp': 256.0, 'mbstd_group': None, 'noise': False}
  content = official(_load(tmp_path, **changes))
  arguments = content['init_kwargs']['G_ema']['synthesis_kwargs']
  assert (arguments['num_fp16_res'], arguments['conv_clamp']) == (2, 256)
  assert type(arguments['conv_clamp']) is int  # PyTorch 1.13 reads no float
  assert arguments['use_noise'] is False
  assert not [name for name in content['G_ema'] if 'noise' in name]
  assert 'D' not in content
  content = official(_load(tmp_path, **changes, reduced_dtype='float32'))
  arguments = content['init_kwargs']['G_ema']['synthesis_kwargs']
  assert (arguments['num_fp16_res'], arguments['conv_clamp']) == (0, 256.0)


@pytest.mark.parametrize(
  ('changes', 'culprit'),
  [
    ({'resolution': 12}, '12x12'),
    ({'resolution': 16, 'aspect': '2:1'}, '16x8'),
    ({'equalized_lr': False}, 'equalized_lr = False'),
    ({'demodulation': 'instance'}, 'demodulation = instance'),
  ],
)
def test_what_the_official_code_has_not(tmp_path, changes, culprit):
  gan = _load(tmp_path, **changes)
  with pytest.raises(UserError, match=culprit) as raised:
    write_official(gan, tmp_path / 'model.pt')
  assert '\n' not in str(raised.value)
  assert not (tmp_path / 'model.pt').exists()
