"""Which fields of its config a resumed run may change."""

import pathlib

import pytest

from stylegan2_jax import config as config_lib
from stylegan2_jax import resuming
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import Settings
from tests.helpers import changed


def test_differences_and_what_may_change():
  new = changed(train__batch_size=64, data__threads=8, sample__grid_rows=1)
  assert resuming.differences(Settings(), new) == {
    'data.threads': 'data.threads: 2 -> 8',
    'train.batch_size': 'train.batch_size: 32 -> 64',
    'sample.grid_rows': 'sample.grid_rows: 4 -> 1',
  }
  assert resuming.may_change('data.threads')
  assert resuming.may_change('sample.grid_rows')
  assert not resuming.may_change('train.batch_size')
  assert {name for name in config_lib.field_types() if resuming.may_change(name)} == {
    *('train.total_kimg', 'train.snapshot_kimg', 'train.keep', 'train.keep_every'),
    *('train.deterministic', 'train.on_nonfinite', 'train.max_bad_steps'),
    *('data.source', 'data.dir', 'data.threads'),
    *('sample.grid_rows', 'sample.grid_cols', 'sample.truncation_psi'),
    *('metrics.names', 'metrics.kimg', 'metrics.best'),
    *('log.scalars_kimg', 'log.tensorboard', 'log.wandb'),
  }


def test_configs_say_which_fields_may_change():
  """`configs/default.py` explains each of them so."""
  text = (pathlib.Path(__file__).parents[1] / 'configs' / 'default.py').read_text()
  for field in config_lib.field_types():
    group, _, name = field.rpartition('.')
    before, found, _ = text.partition(f'  {group or "config"}.{name} = ')
    assert found, field
    comment = before[before.rindex('=') :] if field != 'seed' else ''
    said = 'May change on resume' in comment.replace('\n  # ', ' ')
    grouped = field.startswith(('sample.', 'metrics.', 'log.'))
    assert said == resuming.may_change(field) or grouped, field


def test_what_may_not_change_is_named():
  resuming.check_resume(Settings(), changed(train__total_kimg=9.0), 'the run')
  new = changed(seed=1, train__batch_size=64, train__total_kimg=9.0)
  with pytest.raises(UserError, match=r'^the run holds .*\(seed: 0 -> 1; train\.batch_size: 32 ->'):
    resuming.check_resume(Settings(), new, 'the run')
