"""Metrics that cannot be had, and records that cannot be written or read."""

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.metrics import evaluation
from stylegan2_jax.run_directory import RunDirectory
from tests.training.measuring.stand_ins import Engine, saved


def test_what_is_missing_is_said_before_the_first_step(told, train, run_dir, monkeypatch):
  def missing(metrics, *data):
    raise UserError(f'no weights for {metrics[0].name}: put them there')

  monkeypatch.setattr(evaluation, 'check', missing)
  with pytest.raises(UserError, match=r'^no weights for swd: put them there$'):
    train(2)
  assert not run_dir.exists()
  train(2, '')
  assert told.asked == []


def test_a_metric_that_fails(told, train, run_dir, capsys):
  """Does not end a run of weeks; what is due at the last checkpoint is measured when it can be."""

  def fail(step, name, scratch):
    raise UserError('cannot read 3.png: mend it')

  told.hook = fail
  train(4)
  assert (Engine.steps, saved(run_dir)) == ([0, 1, 2, 3], [2, 4])
  assert capsys.readouterr().out.count('warning: cannot read 3.png: mend it; the run goes on') == 2
  assert not (run_dir / 'metrics.jsonl').exists()
  told.hook = lambda step, name, scratch: None
  train(4)
  assert [record['step'] for record in RunDirectory(run_dir).metrics.measured()] == [4]


def test_records_that_cannot_be_written(told, train, run_dir, monkeypatch):
  def full(step, name, scratch):
    raise OSError(28, 'No space left on device')

  told.hook = full
  path = run_dir / 'metrics.jsonl'
  with pytest.raises(Exception, match=rf'^cannot write {path} \(No space left on device\): make'):
    train(4)


def test_a_damaged_line(told, train, run_dir, capsys):
  """Is passed over and said; that metric is measured again where the run goes on."""
  train(2)
  (run_dir / 'metrics.jsonl').write_text('{"metric": "sw\n')
  train(4)
  assert f'warning: {run_dir / "metrics.jsonl"} is damaged in line 1: ' in capsys.readouterr().out
  assert told.asked == [(2, 'swd'), (2, 'swd'), (4, 'swd')]
