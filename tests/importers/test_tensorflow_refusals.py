"""TensorFlow pickles that cannot be imported: one line each, which names the culprit."""

import copy

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.importers import tensorflow
from tests.importers import tensorflow_files as files
from tests.importers.tensorflow_files import Made

UNKNOWN = [
  ('g', 'attention', True),
  ('g', 'fmap_decay', 0.5),
  ('g', 'fmap_min', 5),
  ('g', 'fmap_base', 0),
  ('g', 'fmap_base', '32'),
  ('g', 'fmap_const', 4),
  ('g', 'resolution', 24),
  ('g', 'resolution', 2**40),
  ('g', 'num_channels', 9),
  ('g', 'label_size', -1),
  ('g', 'mapping_layers', 10**6),
  ('g', 'mapping_fmaps', 16),
  ('g', 'mapping_lrmul', None),
  ('g', 'mapping_nonlinearity', 'relu'),
  ('g', 'normalize_latents', False),
  ('g', 'architecture', 'grow'),
  ('g', 'architecture', ['skip']),
  ('g', 'resample_kernel', None),
  ('g', 'resample_kernel', np.ones(4)),
  ('g', 'resample_kernel', [np.ones(4), 3]),
  ('g', 'resample_kernel', np.ones(10**6)),
  ('g', 'dtype', 'float16'),
  ('g', 'conv_clamp', float('nan')),
  ('d', 'use_pagan', True),
  ('d', 'score_max', 2),
  ('d', 'mbstd_num_features', 3),
  ('d', 'nonlinearity', 'relu'),
  ('d', 'num_fp16_res', 2.5),
]


@pytest.mark.parametrize(('network', 'name', 'value'), UNKNOWN)
def test_arguments_that_cannot_be_done_are_named(network, name, value):
  made = Made()
  (made.g_kwargs if network == 'g' else made.d_kwargs)[name] = value
  with pytest.raises(UserError) as raised:
    made.imported()
  message = str(raised.value)
  assert f'was made with {name}=' in message
  assert 'cannot be imported' in message
  assert '\n' not in message


@pytest.mark.parametrize(
  ('changes', 'expected'),
  [
    ({'synthesis/8x8/Conv1/weight': None}, 'Gs .* lacks synthesis/8x8/Conv1/weight'),
    ({'dlatent_avg': None}, 'lacks dlatent_avg'),
    ({'synthesis/noise3': None}, 'lacks synthesis/noise3'),
    ({'synthesis/8x8/Attention/gamma': np.zeros(3)}, 'also holds synthesis/8x8/Attention/gamma'),
    ({'synthesis/8x8/Conv1/weight': np.zeros((3, 3, 8, 9))}, r'Conv1/weight .*\[3, 3, 8, 9\]'),
    ({'synthesis/8x8/Conv1/weight': np.zeros(8)}, r'Conv1/weight has the shape \[8\]'),
    ({'synthesis/noise0': np.zeros((2, 1, 4, 4))}, r'noise0 has the shape \[2, 1, 4, 4\]'),
    ({'synthesis/8x8/ToRGB/bias': np.full(3, np.nan)}, 'ToRGB/bias is not finite'),
    ({'synthesis/8x8/ToRGB/bias': np.full(3, 1e300)}, 'ToRGB/bias is not finite'),
    ({'synthesis/8x8/ToRGB/bias': 'abc'}, 'ToRGB/bias does not hold numbers'),
    ({'mapping/LabelConcat/weight': np.zeros((3, 8))}, 'jointly'),
  ],
)
def test_damaged_variables_are_named(changes, expected):
  with pytest.raises(UserError, match=expected) as raised:
    Made(changes=changes).imported()
  assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
  ('change', 'expected'),
  [
    ({'version': 3}, 'version 3'),
    ({'version': None}, 'no version'),
    ({'static_kwargs': None}, 'lacks its settings'),
    ({'variables': None}, 'no list of variables'),
    ({'variables': [('lod',)]}, 'a variable without a name'),
    ({'components': {'mapping': 3}}, 'lacks its settings'),
    ({'components': None}, 'lacks its settings'),
  ],
)
def test_damaged_networks_are_refused(change, expected):
  networks = [files.as_read(network) for network in Made().networks()]
  networks[2].state.update(copy.copy(change))
  with pytest.raises(UserError, match=expected) as raised:
    tensorflow.convert(networks)
  assert '\n' not in str(raised.value)


def test_networks_that_do_not_belong_together():
  made = Made()
  made.d_kwargs['fmap_max'] = 16
  with pytest.raises(UserError, match=r'D of .* has channel_max 16 and Gs has 8'):
    made.imported()
  with pytest.raises(UserError, match='of 2 networks'):
    tensorflow.convert(tuple(map(files.as_read, Made().networks()[:2])))
