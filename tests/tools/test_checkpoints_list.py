"""`launch.py checkpoints`: a line for each saved step."""

import contextlib
import os
import time

import pytest

import launch
from stylegan2_jax.checkpoints import KEPT
from stylegan2_jax.run_directory import RunDirectory
from tests.helpers import saved_run, settings


def test_a_line_for_each(tmp_path, capsys, monkeypatch):
  monkeypatch.setenv('TZ', 'UTC')
  time.tzset()
  path = saved_run(tmp_path / 'run', step=250).path
  saved_run(tmp_path / 'run', step=1000)
  (path / 'checkpoints' / '250' / KEPT).touch()
  (path / 'checkpoints' / '2000.orbax-checkpoint-tmp').mkdir()
  for step in ('250', '1000'):
    os.utime(path / 'checkpoints' / step, (0, 86400 * 365))
  assert launch.main(['checkpoints', f'--workdir={path}']) == 0
  head, first, second = capsys.readouterr().out.splitlines()
  assert head.split() == ['step', 'kimg', 'saved', 'size']
  assert first.split()[:4] == ['250', '2', '1971-01-01', '00:00']
  assert first.endswith('KiB  stays for good')
  assert second.split()[:4] == ['1000', '8', '1971-01-01', '00:00']
  assert second.endswith('KiB')


def test_the_best_is_marked(tmp_path, capsys):
  path = saved_run(tmp_path / 'run', step=250).path
  saved_run(tmp_path / 'run', step=1000)
  (path / 'checkpoints' / '250' / KEPT).touch()
  with contextlib.closing(RunDirectory(path)) as run:
    for step, value in ((250, 1.23456), (500, 1.0), (1000, 2.0)):
      run.metrics.append({'metric': 'swd', 'values': {'swd': value}, 'step': step, 'kimg': 1.0})
  assert launch.main(['checkpoints', f'--workdir={path}']) == 0
  _, first, second = capsys.readouterr().out.splitlines()
  assert first.endswith('KiB  stays for good, best: swd 1.235')
  assert second.endswith('KiB')


@pytest.mark.parametrize('begun', [True, False])
def test_nothing_saved(begun, tmp_path, capsys):
  path = tmp_path / 'run'
  if begun:
    RunDirectory(path).open(settings()).close()
  assert launch.main(['checkpoints', f'--workdir={path}']) == 2
  message = capsys.readouterr().err
  assert message.count('\n') == 1
  assert ('there is no checkpoint in' if begun else 'no run in') in message
