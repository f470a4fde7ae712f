"""Every value of every preset, against a table written from the papers; and the docs' table."""

import math
import pathlib
import re

import pytest

from stylegan2_jax import presets, validation
from stylegan2_jax.config import flatten
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import Settings
from tests.networks.test_parameter_counts import GOLDEN

ROOT = pathlib.Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
PRESETS = sorted(path.stem for path in CONFIGS.glob('*.py') if path.stem != '__init__')

OFFICIAL = {'network.num_reduced': 4, 'augment.kind': 'ada'}  # of all presets of that code
CONFIG_F = {
  **OFFICIAL,
  'data.source': '',
  'data.resolution': 1024,
  'train.micro_batch': 4,
  'train.learning_rate': 0.002,
  'train.r1_gamma': 10.0,
}
PAPER256 = {
  **OFFICIAL,
  'data.source': '',
  'data.resolution': 256,
  'network.channel_base': 16384,
  'network.mbstd_group': 8,
  'train.batch_size': 64,
  'train.micro_batch': 8,
  'train.ema_kimg': 20.0,
}
CIFAR10 = {
  **OFFICIAL,
  'data.source': 'cifar10',
  'network.mapping_layers': 2,
  'network.d_architecture': 'orig',
  'network.mbstd_group': 32,
  'train.batch_size': 64,
  'train.micro_batch': 32,
  'train.total_kimg': 100000.0,
  'train.r1_gamma': 0.01,
  'train.pl_weight': 0.0,
  'train.style_mixing_prob': 0.0,
  'train.ema_kimg': 500.0,
  'train.ema_rampup': 0.05,
}
SHAPES = {
  'network.z_dim': 64,
  'network.w_dim': 64,
  'network.mapping_layers': 2,
  'network.d_mapping_layers': 2,
  'network.channel_base': 1024,
  'network.channel_max': 64,
  'network.d_architecture': 'orig',
  'train.batch_size': 8,
  'train.total_kimg': 100.0,
  'train.snapshot_kimg': 5.0,
  'train.r1_gamma': 0.5,
  'train.ema_kimg': 2.5,
  'train.ema_rampup': 0.05,
}

# Preset: every field that differs from the default, with its value.
DIFFERENT = {
  'default': {},
  'stylegan2': CONFIG_F,
  'config_e': {**CONFIG_F, 'network.channel_base': 16384, 'train.r1_gamma': 100.0},
  'paper256': PAPER256,
  'paper512': {
    **{k: v for k, v in PAPER256.items() if k != 'network.channel_base'},
    'data.resolution': 512,
    'train.r1_gamma': 0.5,
  },
  'paper1024': {**CONFIG_F, 'train.r1_gamma': 2.0},
  'cifar10': CIFAR10,
  'cifar10_conditional': {
    **CIFAR10,
    'data.labels': True,
    'network.d_mapping_layers': 0,
    'sample.grid_cols': 10,
  },
  'auto': {**OFFICIAL, 'network.mapping_layers': 2, 'train.ema_rampup': 0.05},
  'ffhq512': {
    'data.source': '',
    'data.resolution': 512,
    'train.batch_size': 8,
    'train.micro_batch': 4,
    'train.total_kimg': 12000.0,
    'train.learning_rate': 0.0002,
    'train.d_learning_rate': 0.0004,
    'train.r1_gamma': 10.0,
    'train.ema_kimg': pytest.approx(55.44900),
    'sample.truncation_psi': 0.7,
  },
  'shapes': SHAPES,
  'emoji': {
    **{k: v for k, v in SHAPES.items() if k != 'train.r1_gamma'},
    'data.source': '',
    'data.mirror': True,
    'data.held_out': 0.1,
    'augment.kind': 'ada',
    'augment.ada_kimg': 30.0,
  },
  'tiny': {
    'data.resolution': 16,
    'network.z_dim': 32,
    'network.w_dim': 32,
    'network.mapping_layers': 2,
    'network.d_mapping_layers': 2,
    'network.channel_base': 512,
    'network.channel_max': 32,
    'train.batch_size': 8,
    'train.total_kimg': 4.0,
    'train.snapshot_kimg': 1.0,
    'train.ema_kimg': 2.5,
    'train.ema_rampup': 0.05,
  },
  'wide32': {'network.num_reduced': 4, 'train.ema_rampup': 0.05},
}

# What the table leaves to the default: the papers' values, and those of ADA.
DEFAULTS = {
  'network.mapping_layers': 8,
  'network.d_mapping_layers': 8,
  'network.channel_base': 32768,
  'network.channel_max': 512,
  'network.mbstd_group': 4,
  'network.reduced_dtype': 'bfloat16',
  'network.clamp': 256.0,
  'train.batch_size': 32,
  'train.total_kimg': 25000.0,
  'train.snapshot_kimg': 200.0,
  'train.learning_rate': 0.0025,
  'train.r1_gamma': 1.0,
  'train.r1_interval': 16,
  'train.pl_weight': 2.0,
  'train.pl_interval': 4,
  'train.style_mixing_prob': 0.9,
  'train.ema_kimg': 10.0,
  'train.ema_rampup': None,
  'augment.transforms': 'bgc',
  'augment.target': 0.6,
  'augment.ada_kimg': 500.0,
  'augment.interval': 4,
}
DEVICES = {  # that share the preset as it is, of 1, 2, 4 and 8; see train.micro_batch
  **dict.fromkeys(('stylegan2', 'config_e', 'paper256', 'paper512', 'paper1024'), (1, 2, 4, 8)),
  **dict.fromkeys(('cifar10', 'cifar10_conditional', 'ffhq512'), (1, 2)),
  **dict.fromkeys(('shapes', 'emoji', 'tiny', 'wide32', 'default'), (1,)),
}


def values(name):
  """Every field of a preset, before it is adapted."""
  return flatten(presets.load(CONFIGS / f'{name}.py').settings())


@pytest.mark.parametrize('name', PRESETS)
def test_every_value(name):
  before, found = flatten(Settings()), values(name)
  assert {field: v for field, v in found.items() if v != before[field]} == DIFFERENT[name]


def test_no_preset_is_left_out():
  assert set(DIFFERENT) == set(PRESETS)
  assert set(DEVICES) == set(PRESETS) - {'auto'}


def test_what_is_left_to_the_default():
  before = flatten(Settings())
  assert {field: before[field] for field in DEFAULTS} == DEFAULTS


def test_the_average_of_ffhq512_keeps_0_9999_at_each_step():
  found = values('ffhq512')
  assert 0.5 ** (8 / (1000 * found['train.ema_kimg'])) == pytest.approx(0.9999, abs=1e-12)
  assert 8 * math.log(0.5) / math.log(0.9999) == pytest.approx(55449.0, abs=0.1)


@pytest.mark.parametrize('name', sorted(DEVICES))
def test_devices(name):
  settings = presets.load_settings(CONFIGS / f'{name}.py', {'data.source': 'photos'})
  accepted = []
  for count in (1, 2, 4, 8):
    try:
      validation.validate(settings, count)
    except UserError as error:
      assert 'train.micro_batch' in str(error)  # noqa: PT017 - says what to change
    else:
      accepted.append(count)
  assert tuple(accepted) == DEVICES[name]


def test_without_path_length_its_interval_stays():
  """With weight 0 the phase is skipped, yet the learning rate of G stays rescaled by 4/5."""
  assert values('cifar10')['train.pl_interval'] == 4


def tables():
  """The docs' tables: {preset: {row: cell}}."""
  result = {}
  for block in re.findall(r'(?:^\|.*\n)+', (ROOT / 'docs' / 'presets.md').read_text(), re.M):
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in block.splitlines()]
    if rows[0][:2] == ['field', 'default']:
      for column, title in enumerate(rows[0][1:], 1):
        cells = result.setdefault(title.strip('`'), {})
        for row in rows[2:]:
          field = row[0].strip('`')
          assert cells.get(field, row[column]) == row[column]  # both tables have the default's
          cells[field] = row[column]
  return result


def meant(field, cell):
  """The value of a cell of the docs."""
  text = '' if cell == '(yours)' else cell
  return flatten(presets.override(Settings(), {field: text}))[field]


def test_the_docs_have_every_preset():
  assert set(tables()) == set(PRESETS)


@pytest.mark.parametrize('name', PRESETS)
def test_the_docs_agree(name):
  cells, before, found = tables()[name], flatten(Settings()), values(name)
  fields = {field for field in cells if field in before}
  assert set(DIFFERENT[name]) <= fields
  for field in fields:
    cell = cells[field]
    if cell == '*':
      assert name == 'auto'
    elif cell:
      assert meant(field, cell) == pytest.approx(found[field]), field
      assert name == 'default' or found[field] != before[field], field
    else:
      assert found[field] == before[field], field


@pytest.mark.parametrize('name', sorted(set(PRESETS) - {'auto', 'default'}))
def test_the_docs_know_parameters_and_devices(name):
  cells = tables()[name]
  counts = tuple(int(cells[f'parameters of {x}'].replace(',', '')) for x in 'GD')
  assert counts == GOLDEN[name]
  assert cells['devices that share it as it is'] == ', '.join(map(str, DEVICES[name]))
