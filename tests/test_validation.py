"""Settings that cannot work are refused, with the values that would do."""

import pytest

from stylegan2_jax import validation
from stylegan2_jax.errors import UserError
from tests.helpers import changed


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    (
      {'data__resolution': 33},
      r'data\.resolution = 33 must be 4, 5, 6 or 7 times .*, such as 32 or 40$',
    ),
    ({'data__resolution': 2}, r'data\.resolution = 2 must be .*such as 4$'),
    ({'data__resolution': 0}, r'data\.resolution = 0 '),
    ({'data__resolution': -32}, r'data\.resolution = -32 '),
    (
      {'data__resolution': 24, 'data__aspect': '4:3'},
      r'= 24 must be 4 times .*aspect=4:3, such as 16 or 32$',
    ),
    ({'data__resolution': 40, 'data__aspect': '1:2'}, r'= 40 must be 4 or 6 times .* 32 or 48$'),
    ({'data__aspect': '16:9'}, r'data\.aspect = 16:9 must be of numbers up to 7, such as 7:4$'),
    ({'data__aspect': '900:1600'}, r'data\.aspect = 900:1600 must be .* such as 4:7$'),
    ({'data__aspect': '99999:1'}, r'data\.aspect = 99999:1 must be .* such as 7:1$'),
    ({'data__aspect': '8:6'}, r'data\.aspect = 8:6 must be in lowest terms: 4:3$'),
    ({'data__aspect': '4x3'}, r"data\.aspect = '4x3' must be width:height in whole numbers"),
    ({'data__aspect': ''}, r"data\.aspect = '' must be width:height"),
    ({'data__aspect': '0:1'}, r"data\.aspect = '0:1' must be width:height"),
    ({'data__aspect': '4:3\n'}, r"data\.aspect = '4:3\\n' must be width:height"),
    ({'data__channels': 5}, r'data\.channels = 5 '),
    ({'data__source': ''}, r'data\.source is empty: .*--config\.data\.source='),
    ({'data__dir': ''}, r'data\.dir is empty'),
    ({'finetune__freeze_d': -1}, r'finetune\.freeze_d = -1 must be 0 or greater'),
    ({'finetune__freeze_d': 2}, r'finetune\.freeze_d = 2 needs finetune\.start, which is empty'),
    ({'finetune__freeze_mapping': True}, r'freeze_mapping = True needs finetune\.start'),
    ({'data__threads': 0}, r'data\.threads = 0 must be at least 1'),
    ({'seed': -1}, 'seed = -1 must be 0 or greater'),
    ({'seed': 2**32}, r'seed = \d+ must be less than'),
    ({'network__g_architecture': 'rexnet'}, r'g_architecture = rexnet must be one of orig, skip'),
    ({'network__d_architecture': ''}, r'network\.d_architecture'),
    ({'network__reduced_dtype': 'float8'}, r'reduced_dtype = float8 must be one of float32'),
    ({'network__channel_base': 16}, r'channel_base = 16 must be at least 32, to leave a channel'),
    ({'network__mbstd_features': 3}, r'mbstd_features = 3 must divide the 512 channels'),
    ({'network__mbstd_features': -1}, r'mbstd_features = -1 must be 0 or greater'),
    ({'network__demodulation': 'mean'}, r'demodulation = mean must be one of weights, instance'),
    ({'network__mbstd_group': 5}, r'mbstd_group = 5 must divide the micro-batch of 32'),
    ({'network__clamp': 0.0}, r'network\.clamp = 0\.0 must be greater than 0, or none'),
    ({'train__batch_size': 0}, r'train\.batch_size = 0 must be at least 1'),
    ({'train__learning_rate': 0.0}, r'learning_rate = 0\.0 must be greater than 0'),
    ({'train__learning_rate': float('nan')}, r'learning_rate = nan must be finite'),
    ({'train__adam_b2': 1.0}, r'adam_b2 = 1\.0 '),
    ({'train__style_mixing_prob': 1.1}, r'style_mixing_prob = 1\.1 must lie between 0 and 1'),
    ({'train__r1_interval': -1}, r'r1_interval = -1 must be 0 or greater'),
    ({'train__pl_batch_shrink': 64}, r'pl_batch_shrink = 64 must be at most'),
    ({'train__loss': 'gan'}, r'train\.loss = gan must be one of non_saturating, hinge, wgan, rel'),
    ({'train__gp_weight': -1.0}, r'train\.gp_weight = -1\.0 must be 0 or greater'),
    ({'train__d_learning_rate': 0.0}, r'd_learning_rate = 0\.0 must be greater than 0, or none'),
    ({'data__held_out': 1.0}, r'data\.held_out = 1\.0 must be at least 0 and less than 1'),
    ({'data__subset': -1}, r'data\.subset = -1 must be 0 or greater'),
    ({'augment__kind': 'adapt'}, r'augment\.kind = adapt must be one of none, ada, fixed, diffaug'),
    ({'augment__transforms': 'bgc,turn'}, r"augment\.transforms: 'turn' is none of blit, geom"),
    (
      {'augment__kind': 'ada', 'augment__transforms': 'blit=0'},
      r'augment\.transforms leaves no transform: set augment\.kind=none',
    ),
    ({'augment__policy': 'color,'}, r"augment\.policy: '' is none of color, translation, cutout"),
    ({'augment__kind': 'fixed'}, r'augment\.p = 0\.0 must be greater than 0 where augment\.kind=f'),
    (
      {'augment__p': 0.5, 'augment__p_max': 0.4},
      r'augment\.p = 0\.5 must be at most aug',
    ),
    ({'metrics__kimg': -1.0}, r'metrics\.kimg = -1\.0 must be 0 or greater'),
    (
      {'metrics__names': 'fid50k_ful'},
      r"^config field metrics\.names: unknown metric 'fid50k_ful': did you mean fid50k_full\?$",
    ),
    ({'metrics__names': 'swd,swd'}, r'metrics\.names: metric swd is named twice'),
    ({'metrics__best': 'swd'}, r'metrics\.best = swd must be empty without names$'),
    (
      {'metrics__names': 'swd,pr5k3', 'metrics__best': 'fid5k'},
      r'metrics\.best = fid5k must be empty, or such as swd or pr5k3_precision$',
    ),
    (
      {'metrics__names': 'swd,pr5k3', 'metrics__best': 'pr5k3'},
      r'metrics\.best = pr5k3 must be empty, or such as pr5k3_precision or pr5k3_recall$',
    ),
    ({'augment__target': 5.0}, r'augment\.target = 5\.0 must lie between -1 and 1'),
    ({'augment__interval': 0}, r'augment\.interval = 0 must be at least 1'),
    ({'augment__ada_kimg': 0.0}, r'augment\.ada_kimg = 0\.0 must be greater than 0'),
    (
      {'augment__kind': 'ada', 'train__loss': 'wgan'},
      r'augment\.kind = ada must be fixed, diffaugment or none with train\.loss=wgan: its logits',
    ),
    ({'train__micro_batch': 12}, r'micro_batch = 12 must split the batch of 32 .* 1, 2, 4, 8'),
  ],
)
def test_validate_refuses(fields, message):
  with pytest.raises(UserError, match=message) as caught:
    validation.validate(changed(**fields), num_devices=1)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('resolution', 'aspect', 'size'),
  [
    (32, '1:1', (32, 32)),
    (4, '1:1', (4, 4)),
    (7, '1:1', (7, 7)),
    (96, '1:1', (96, 96)),
    (512, '4:3', (384, 512)),
    (512, '3:4', (512, 384)),
    (384, '3:2', (256, 384)),
    (128, '2:1', (64, 128)),
    (96, '1:3', (96, 32)),
    (112, '7:1', (16, 112)),
    (1280, '5:3', (768, 1280)),
  ],
)
def test_sizes_of_images(resolution, aspect, size):
  settings = changed(data__resolution=resolution, data__aspect=aspect)
  assert settings.data.size == size
  validation.validate(settings, num_devices=1)


@pytest.mark.parametrize(
  ('batch', 'micro', 'devices', 'message'),
  [
    (32, 0, 1, None),
    (32, 8, 4, None),
    (32, 4, 4, None),
    (2, 0, 1, None),  # the group of 4 shrinks to the micro-batch
    (30, 0, 4, r'batch_size = 30 must be a multiple of the 4 devices, such as 28 or 32'),
    (3, 0, 4, r'batch_size = 3 must be a multiple of the 4 devices, such as 4$'),
    (32, 0, 4, r'micro_batch = 0 \(the whole batch\) must split .* on 4 devices: .*1, 2, 4, 8$'),
    (32, 16, 4, r'micro_batch = 16 must split'),
    (48, 6, 4, r'mbstd_group = 4 must divide the micro-batch of 6'),
  ],
)
def test_batch_on_devices(batch, micro, devices, message):
  settings = changed(train__batch_size=batch, train__micro_batch=micro)
  if message is None:
    validation.validate(settings, devices)
  else:
    with pytest.raises(UserError, match=message):
      validation.validate(settings, devices)


def test_groups_of_no_statistic_divide_everything():
  fields = {'network__mbstd_group': 5, 'network__mbstd_features': 0}
  validation.validate(changed(**fields), num_devices=1)
  with pytest.raises(UserError, match=r'one of 1, 2, 3, 4, 6, 8, 12, 16, 24, 48$'):
    validation.validate(changed(**fields, train__batch_size=48, train__micro_batch=7), 1)


def test_path_length_half_is_free_when_the_phase_is_skipped():
  fields = {'train__batch_size': 1, 'train__pl_weight': 0.0}
  validation.validate(changed(**fields), num_devices=1)
  with pytest.raises(UserError, match='pl_batch_shrink'):
    validation.validate(changed(**fields | {'train__pl_weight': 2.0}), num_devices=1)


@pytest.mark.parametrize('best', ['', 'fid5k_full', 'pr5k3_recall', 'swd', 'swd_16'])
def test_what_may_decide_which_checkpoint_is_best(best):
  """Of swd only measuring tells which values there are."""
  names = 'fid5k_full,pr5k3,swd'
  validation.validate(changed(metrics__names=names, metrics__best=best), num_devices=1)
