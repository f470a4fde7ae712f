"""Settings, presets, overrides and validation."""

import dataclasses
import pathlib
import re

import pytest
from ml_collections import ConfigDict

from stylegan2_jax import config as config_lib
from stylegan2_jax import presets, validation
from stylegan2_jax.config import Settings
from stylegan2_jax.errors import UserError

CONFIGS = pathlib.Path(__file__).parents[1] / 'configs'
PRESETS = sorted(path for path in CONFIGS.glob('*.py') if path.stem != '__init__')
DEFAULT = CONFIGS / 'default.py'


def changed(**fields):
  """The default settings with fields replaced, dots written as double underscores."""
  values = dataclasses.asdict(Settings())
  for field, value in fields.items():
    group, _, name = field.rpartition('__')
    (values[group] if group else values)[name] = value
  return config_lib.from_mapping(values, 'test')


def test_default_file_and_dataclasses_agree():
  assert presets.load_settings(DEFAULT) == Settings()


def test_default_file_explains_every_field():
  lines = DEFAULT.read_text().splitlines()
  for field in config_lib.field_types():
    assignment = re.compile(rf'  (config\.)?{re.escape(field)} = ')
    (row,) = [i for i, line in enumerate(lines) if assignment.match(line)]
    while assignment.match(lines[row]) or re.match(r'  \w+\.\w+ = ', lines[row]):
      row -= 1  # fields that belong together share the comment above them
    assert lines[row].startswith('  # '), field


@pytest.mark.parametrize('path', PRESETS, ids=lambda path: path.stem)
def test_every_preset_is_locked_documented_and_valid(path):
  config = presets.load_preset(path)
  assert config.is_locked
  settings = presets.to_settings(config)
  if path.stem == 'emoji':
    settings = presets.override(settings, {'data.source': 'emoji.zip'})
  validation.validate(settings, num_devices=1)
  assert 'Run:      python launch.py' in path.read_text()
  assert 'Expected: ' in path.read_text()


def test_preset_from_another_folder_and_working_directory(tmp_path, monkeypatch):
  preset = tmp_path / 'mine.py'
  preset.write_text(
    'from configs import default\n'
    'def get_config():\n'
    '  config = default.get_config()\n'
    '  config.seed = 7\n'
    '  return config\n'
  )
  monkeypatch.chdir(tmp_path)
  assert presets.load_settings(preset) == dataclasses.replace(Settings(), seed=7)


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('', r'bad\.py needs a function get_config\(\)'),
    ('get_config = dict', r'bad\.py needs a function get_config\(\)'),
    ('import nowhere', r"bad\.py fails: ModuleNotFoundError: No module named 'nowhere'"),
    ('def get_config(:', r'bad\.py fails: SyntaxError: '),
    (
      'from configs import default\ndef get_config():\n  default.get_config().train.keeep = 3\n',
      r'unknown config field keeep in .*bad\.py: did you mean train\.keep\?',
    ),
  ],
)
def test_broken_preset(tmp_path, text, message):
  (tmp_path / 'bad.py').write_text(text)
  with pytest.raises(UserError, match=message) as caught:
    presets.load_preset(tmp_path / 'bad.py')
  assert '\n' not in str(caught.value)


def test_missing_preset():
  with pytest.raises(UserError, match=r'no config file nowhere\.py'):
    presets.load_preset('nowhere.py')


@pytest.mark.parametrize(
  ('field', 'text', 'value'),
  [
    ('seed', '3', 3),
    ('train.batch_size', '64', 64),
    ('train.r1_gamma', '10', 10.0),
    ('train.learning_rate', '1e-3', 1e-3),
    ('train.ema_rampup', '0.05', 0.05),
    ('network.clamp', 'none', None),
    ('data.mirror', 'True', True),
    ('data.mirror', '0', False),
    ('data.source', 'a folder/with=signs', 'a folder/with=signs'),
  ],
)
def test_override(field, text, value):
  settings = presets.override(Settings(), {field: text})
  result = config_lib.flatten(settings)[field]
  assert result == value
  assert type(result) is type(value)
  same_otherwise = {**config_lib.flatten(Settings()), field: value}
  assert config_lib.flatten(settings) == same_otherwise


@pytest.mark.parametrize(
  ('field', 'text', 'message'),
  [
    ('train.batchsize', '8', r'train\.batchsize .*did you mean train\.batch_size\?'),
    ('batch_size', '8', r'did you mean train\.batch_size\?'),
    ('network.resolution', '8', r'did you mean data\.resolution\?'),
    ('qqqq', '8', r'unknown config field qqqq .*configs/default\.py lists all'),
    ('train', '8', r'unknown config field train '),
    ('train.batch_size', '8.5', r'--config\.train\.batch_size=8\.5: .* a whole number'),
    ('train.r1_gamma', 'much', r'--config\.train\.r1_gamma=much: .* a number'),
    ('network.clamp', 'off', 'a number or none'),
    ('data.mirror', 'maybe', 'true or false'),
  ],
)
def test_bad_override(field, text, message):
  with pytest.raises(UserError, match=message):
    presets.override(Settings(), {field: text})


def test_override_keeps_the_original():
  config = presets.load_preset(DEFAULT)
  presets.apply_overrides(config, {'seed': '5'})
  assert config.seed == 0


def test_fields_must_be_exactly_the_known_ones():
  config = ConfigDict(dataclasses.asdict(Settings()))
  config.train.momentum = 0.9
  with pytest.raises(UserError, match=r'unknown config field train\.momentum'):
    presets.to_settings(config)
  del config.train.momentum, config.train.keep
  with pytest.raises(UserError, match=r'lacks the field train\.keep'):
    presets.to_settings(config)
  config.train.keep = '2'
  with pytest.raises(UserError, match=r"train\.keep = '2' must be a whole number"):
    presets.to_settings(config)


def test_json_round_trip():
  settings = changed(seed=9, network__clamp=None, train__ema_rampup=0.05, data__source='ä "b"')
  assert config_lib.from_json(config_lib.to_json(settings)) == settings


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('{', r'run/config\.json is not valid JSON'),
    ('[]', r'run/config\.json does not hold a config'),
    ('{"seed": 0}', r'run/config\.json lacks the field data\.source'),
    ('{"seed": {"a": 1}}', r'unknown config field seed\.a in run/config\.json'),
  ],
)
def test_damaged_json(text, message):
  with pytest.raises(UserError, match=message):
    config_lib.from_json(text, 'run/config.json')


def test_differences_and_what_may_change():
  new = changed(train__batch_size=64, data__threads=8, sample__grid_rows=1)
  assert config_lib.differences(Settings(), new) == {
    'data.threads': 'data.threads: 2 -> 8',
    'train.batch_size': 'train.batch_size: 32 -> 64',
    'sample.grid_rows': 'sample.grid_rows: 4 -> 1',
  }
  assert config_lib.may_change('data.threads')
  assert config_lib.may_change('sample.grid_rows')
  assert not config_lib.may_change('train.batch_size')
  assert {name for name in config_lib.field_types() if config_lib.may_change(name)} == {
    *('train.total_kimg', 'train.snapshot_kimg', 'train.keep', 'data.dir', 'data.threads'),
    *('sample.grid_rows', 'sample.grid_cols', 'sample.truncation_psi'),
  }


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'data__resolution': 33}, r'data\.resolution = 33 must be a power of two'),
    ({'data__resolution': 2}, r'data\.resolution = 2 must be a power of two: 4'),
    ({'data__resolution': 0}, r'data\.resolution = 0 '),
    ({'data__resolution': -32}, r'data\.resolution = -32 '),
    ({'data__channels': 5}, r'data\.channels = 5 '),
    ({'data__source': ''}, r'data\.source is empty: .*--config\.data\.source='),
    ({'data__dir': ''}, r'data\.dir is empty'),
    ({'data__threads': 0}, r'data\.threads = 0 must be at least 1'),
    ({'seed': -1}, 'seed = -1 must be 0 or greater'),
    ({'seed': 2**32}, r'seed = \d+ must be less than'),
    ({'network__g_architecture': 'rexnet'}, r'g_architecture = rexnet must be one of orig, skip'),
    ({'network__d_architecture': ''}, r'network\.d_architecture'),
    ({'network__reduced_dtype': 'float8'}, r'reduced_dtype = float8 must be one of float32'),
    ({'network__channel_base': 16}, r'channel_base = 16 must be at least the resolution, 32'),
    ({'network__mbstd_features': 3}, r'mbstd_features = 3 must divide the 512 channels'),
    ({'network__mbstd_group': 5}, r'mbstd_group = 5 must divide the micro-batch of 32'),
    ({'network__clamp': 0.0}, r'network\.clamp = 0\.0 must be greater than 0, or none'),
    ({'train__batch_size': 0}, r'train\.batch_size = 0 must be at least 1'),
    ({'train__learning_rate': 0.0}, r'learning_rate = 0\.0 must be greater than 0'),
    ({'train__learning_rate': float('nan')}, r'learning_rate = nan must be finite'),
    ({'train__adam_b2': 1.0}, r'adam_b2 = 1\.0 '),
    ({'train__style_mixing_prob': 1.1}, r'style_mixing_prob = 1\.1 must lie between 0 and 1'),
    ({'train__r1_interval': 0}, r'r1_interval = 0 must be at least 1'),
    ({'train__pl_batch_shrink': 64}, r'pl_batch_shrink = 64 must be at most'),
    ({'train__micro_batch': 12}, r'micro_batch = 12 must split the batch of 32 .* 1, 2, 4, 8'),
  ],
)
def test_validate_refuses(fields, message):
  with pytest.raises(UserError, match=message) as caught:
    validation.validate(changed(**fields), num_devices=1)
  assert '\n' not in str(caught.value)


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


def test_path_length_half_is_free_when_the_phase_is_skipped():
  fields = {'train__batch_size': 1, 'train__pl_weight': 0.0}
  validation.validate(changed(**fields), num_devices=1)
  with pytest.raises(UserError, match='pl_batch_shrink'):
    validation.validate(changed(**fields | {'train__pl_weight': 2.0}), num_devices=1)
