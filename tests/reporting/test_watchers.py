import dataclasses
import sys

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting.base import Watcher
from stylegan2_jax.reporting.watchers import Watchers, open_watchers
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import LogSettings
from tests.helpers import settings

RECORD = {'step': 1, 'kimg': 0.008, 'loss_g': 0.5}


class Noting(Watcher):
  """Notes what it is told."""

  def __init__(self):
    self.heard = []

  def record(self, record):
    self.heard.append(('record', record['step']))

  def picture(self, kimg, path):
    self.heard.append(('picture', kimg))

  def measured(self, record):
    self.heard.append(('measured', record['metric']))

  def snapshot(self):
    self.heard.append(('snapshot',))

  def close(self):
    self.heard.append(('close',))


class Failing(Noting):
  """Fails at one of the methods, and at closing as well."""

  name = 'the failing one'

  def __init__(self, method, error):
    super().__init__()
    self.error = error
    setattr(self, method, self.fail)

  def fail(self, *unused):
    self.heard.append('fail')
    raise self.error

  def close(self):
    self.heard.append('close')
    raise self.error


def tell(watchers, times=1):
  for _ in range(times):
    watchers.record(RECORD)
    watchers.picture(0.008, 'fakes-000000.png')
    watchers.snapshot()
    watchers.measured({'metric': 'swd'})
  watchers.close()


def log_settings(**log):
  return dataclasses.replace(settings(), log=LogSettings(**log))


def test_all_are_told_in_order():
  watchers, lines = [Noting(), Noting()], []
  tell(Watchers(watchers, lines.append))
  expected = [('record', 1), ('picture', 0.008), ('snapshot',), ('measured', 'swd'), ('close',)]
  assert [watcher.heard for watcher in watchers] == [expected, expected]
  assert lines == []


@pytest.mark.parametrize('method', ['record', 'picture', 'snapshot', 'measured'])
@pytest.mark.parametrize(
  ('error', 'words'),
  [
    (OSError(28, 'No space left on device'), 'No space left on device'),
    (ConnectionError('gone\nfor good'), 'gone for good'),
    (KeyError(), 'KeyError'),
    (UserError('stats.jsonl is damaged'), 'stats.jsonl is damaged'),
  ],
)
def test_one_that_fails_is_said_once_and_left_out(method, error, words):
  failing, other, lines = Failing(method, error), Noting(), []
  tell(Watchers([failing, other], lines.append), times=3)
  assert lines == [f'warning: the failing one failed ({words}): the run goes on without it']
  assert failing.heard.count('fail') == 1
  assert failing.heard[-1] == 'close'
  assert len(other.heard) == 13


def test_failing_at_the_end_is_said():
  lines = []
  watchers = Watchers([Failing('record', OSError(5, 'Input/output error'))], lines.append)
  watchers.close()
  watchers.close()
  assert lines == [
    'warning: the failing one failed (Input/output error): the run goes on without it'
  ]


def test_ctrl_c_is_no_failure():
  with pytest.raises(KeyboardInterrupt):
    tell(Watchers([Failing('record', KeyboardInterrupt())], print))


def opened(path, log, lines):
  with RunDirectory(path).open(log) as run:
    tell(open_watchers(run, log, {'jax': '0'}, step=0, kimg=0.0, say=lines.append))
  return sorted(entry.name for entry in path.iterdir() if not entry.name.startswith('.'))


def test_what_the_settings_ask_for(tmp_path):
  lines = []
  with_it = opened(tmp_path / 'a', log_settings(), lines)
  without = opened(tmp_path / 'b', log_settings(tensorboard=False), lines)
  assert set(with_it) - set(without) == {'tensorboard'}
  assert 'report.html' in without


def test_a_folder_that_cannot_be_used_is_said_and_left_out(tmp_path):
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / 'config.json').write_text('')
  lines, log = [], log_settings()
  run = RunDirectory(tmp_path / 'run')
  run.tensorboard_path.write_text('in the way')
  open_watchers(run, log, {}, step=0, kimg=0.0, say=lines.append).close()
  assert lines == ['warning: TensorBoard failed (File exists): the run goes on without it']


def test_wandb_that_is_not_installed_is_refused_before_anything_is_written(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'wandb', None)
  log = log_settings(wandb='stylegan2')
  with (
    RunDirectory(tmp_path / 'run').open(log) as run,
    pytest.raises(UserError, match='wandb is not installed: pip install wandb, or give --config'),
  ):
    open_watchers(run, log, {}, step=0, kimg=0.0, say=print)
  assert not run.tensorboard_path.exists()
