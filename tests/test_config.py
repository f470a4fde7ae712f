"""Settings, presets, overrides and validation."""

import dataclasses
import json
import pathlib
import re

import pytest
from ml_collections import ConfigDict

from stylegan2_jax import config as config_lib
from stylegan2_jax import presets, validation
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import Settings
from tests.helpers import changed

CONFIGS = pathlib.Path(__file__).parents[1] / 'configs'
PRESETS = sorted(path for path in CONFIGS.glob('*.py') if path.stem != '__init__')
DEFAULT = CONFIGS / 'default.py'


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
  if not settings.data.source:  # left to the command line
    settings = presets.override(settings, {'data.source': 'photos.zip'})
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


def test_runs_from_before_a_field_was_there():
  """Their config.json lacks it: it gets the value that says what was done then."""
  values = json.loads(config_lib.to_json(changed(seed=5, data__resolution=64)))
  del values['data']['aspect']
  assert config_lib.from_json(json.dumps(values)) == changed(seed=5, data__resolution=64)
  del values['data']['mirror']
  with pytest.raises(UserError, match=r'run/config\.json lacks the field data\.mirror'):
    config_lib.from_json(json.dumps(values), 'run/config.json')
  with pytest.raises(UserError, match=r'unknown config field data'):
    config_lib.from_json('{"data": 3}')
