"""Metrics while training: when they are due, what a stop or a kill leaves, which checkpoint stays.

Without real training or measuring: an engine that only counts steps, metrics whose values are told.
"""

import contextlib
import dataclasses
import json
import time
import types

import numpy as np
import pytest
from PIL import Image

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.errors import Preempted, UserError
from stylegan2_jax.metrics import evaluation
from stylegan2_jax.reporting import page
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import MetricSettings, SampleSettings
from stylegan2_jax.training import loop, session
from stylegan2_jax.training.engine import Outcome
from stylegan2_jax.training.measuring import Measuring
from stylegan2_jax.training.preemption import StopRequest
from tests import helpers
from tests.training.workplace import contents

BATCH, EVERY = 8, 2  # images of a step; steps from snapshot to snapshot


class Killed(BaseException):
  """The process is gone, as far as the run is concerned."""


class Engine:
  """Its state changes in nothing but the number of the step."""

  compiled, steps = {}, []

  def __init__(self, settings, networks, state, labels):
    self._state = state

  def compile(self, announce):
    pass

  def step(self, step, batch, wish, held_out=None):
    self.steps.append(step)
    self._state = self._state.replace(step=np.int32(step + 1))
    names = ('loss_g', 'loss_d', 'logits_real', 'logits_fake')
    return Outcome(dict.fromkeys(names, 0.5), {}, [], 0, wish)

  def replica_differences(self):
    return []

  def state(self):
    return self._state

  def sampling_weights(self):
    return self._state.ema_params, self._state.w_avg, self._state.noise_maps


class Evaluation:
  """Gives the values that it was told, and notes what it was asked."""

  def __init__(self):
    self.asked, self.checked, self.reals, self.fakes = [], [], [], []
    self.values = {}  # by step; else 1
    self.hook = lambda step, metric, scratch: None
    self.stop = None

  def check(self, metrics, reals):
    self.checked.append([metric.name for metric in metrics])

  def evaluate(self, metrics, fakes, reals, scratch, say, stop):
    self.reals.append(reals)
    self.fakes.append(fakes)
    for metric in metrics:
      step = int(scratch.name)
      self.asked.append((step, metric.name))
      self.hook(step, metric.name, scratch)
      if stop():
        raise Preempted('stopped at 3 of 5')
      value = self.values.get(step, 1.0)
      values = {metric.headline: value, f'{metric.name}_more': 2.0}
      yield evaluation.Result(metric, values, {'count': 5}, 0.25)


@pytest.fixture
def told(monkeypatch):
  """What to measure; training is replaced as well."""
  told = Evaluation()
  monkeypatch.setattr(evaluation, 'check', told.check)
  monkeypatch.setattr(evaluation, 'evaluate', told.evaluate)
  monkeypatch.setattr(loop, 'Engine', Engine)
  monkeypatch.setattr(Engine, 'steps', [])
  return told


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
  folder = tmp_path_factory.mktemp('pictures')
  rng = np.random.default_rng(0)
  for i in range(11):
    Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).save(folder / f'{i}.png')
  return folder


@pytest.fixture
def train(pictures, run_dir):
  """A function that trains the run up to a number of steps."""

  def train(steps, names='swd', stop=None, data=(), **fields):
    metrics = {name: fields.pop(name) for name in ('kimg', 'best') if name in fields}
    kimg = BATCH / 1000
    settings = helpers.settings(
      4,
      data={'source': str(pictures), **dict(data)},
      total_kimg=steps * kimg,
      snapshot_kimg=EVERY * kimg,
      micro_batch=2,
      **fields,
    )
    metrics, sample = MetricSettings(names, **metrics), SampleSettings(1, 2)
    session.train(dataclasses.replace(settings, metrics=metrics, sample=sample), run_dir, stop)

  return train


def records(run_dir):
  text = (run_dir / 'metrics.jsonl').read_text()
  return [json.loads(line) for line in text.splitlines()]


def places(run_dir):
  return [(record['step'], record['metric']) for record in records(run_dir)]


def saved(run_dir):
  return Checkpoints(run_dir / 'checkpoints').steps()


class Stop(StopRequest):
  """Made when somebody says so."""

  said = False

  @property
  def made(self):
    return self.said


def test_at_every_snapshot(told, train, run_dir, capsys):
  told.values = {2: 3.0, 4: 1.5, 5: 2.0}
  train(5, 'swd,pr1003')
  names = ['swd', 'pr1003']
  assert places(run_dir) == [(step, name) for step in (2, 4, 5) for name in names]
  assert records(run_dir)[2] == {
    'metric': 'swd',
    'values': {'swd': 1.5, 'swd_more': 2.0},
    'step': 4,
    'kimg': 0.032,
    'seconds': 0.25,
    'recipe': {'count': 5},
  }
  assert told.checked == [names]
  said = capsys.readouterr().out.splitlines()
  lines = [line for line in said if line.startswith(('swd', 'pr1003'))]
  assert lines[:4] == [
    'swd 3, more 2 (best, 0 s)',
    'pr1003 precision 3, more 2 (best, 0 s)',
    'swd 1.5, more 2 (best, 0 s)',
    'pr1003 precision 1.5, more 2 (0 s)',
  ]
  assert said.index(lines[2]) > said.index(f'wrote {run_dir / "fakes-000000.032.png"}')
  charts = page.embedded(run_dir / 'report.html')['charts']
  assert charts[0]['lines'][0]['mean'] == [None, 3, None, 1.5, 2]
  assert not (run_dir / 'measuring').exists()


def test_less_often_and_at_the_end(told, train, run_dir):
  train(9, kimg=3 * BATCH / 1000)
  assert [step for step, _ in places(run_dir)] == [4, 6, 9]


def test_the_time_does_not_count(told, train, run_dir):
  told.hook = lambda *asked: time.sleep(1)
  begun = time.monotonic()
  train(4)
  taken = time.monotonic() - begun
  last = RunDirectory(run_dir).stats.last()
  info = Checkpoints(run_dir / 'checkpoints').info(4)
  assert last['elapsed_seconds'] < info['elapsed_seconds'] < taken - 2


def test_the_best_checkpoint_stays(told, train, run_dir, capsys):
  """Beside the newest, until there is a better one; also over an end of the process."""
  told.values = {2: 5.0, 4: 1.0, 6: 3.0, 8: 2.0}
  train(8, keep=1)
  assert saved(run_dir) == [4, 8]
  train(12, keep=1)  # 1 again: of equal values the latest
  assert saved(run_dir) == [12]
  told.values = {14: 7.0, 16: 6.0}
  train(16, keep=1)
  assert saved(run_dir) == [12, 16]


def test_the_best_of_what_grows(told, train, run_dir):
  told.values = {2: 0.1, 4: 0.4, 6: 0.3, 8: 0.2}
  train(8, 'swd,pr1003', keep=2, best='pr1003_precision')
  assert saved(run_dir) == [4, 6, 8]


def test_the_best_is_found_anew(told, train, run_dir):
  """With another value that decides, of the checkpoints that are left."""
  told.values = {2: 0.1, 4: 0.3, 6: 0.2}
  train(6, 'swd,pr1003', keep=1)
  assert saved(run_dir) == [2, 6]
  train(8, 'swd,pr1003', keep=1, best='pr1003_precision')  # 4 is gone, and 8 has 1
  assert saved(run_dir) == [8]
  train(10, '', keep=1)  # what was measured first decides, of what is there
  assert saved(run_dir) == [8, 10]


def test_a_kill_while_measuring(told, train, run_dir):
  """The next start measures the rest, before its first step."""

  def kill(step, name, scratch):
    (scratch / 'half').touch()
    if (step, name) == (4, 'pr1003'):
      raise Killed

  told.hook = kill
  with pytest.raises(Killed):
    train(6, 'swd,pr1003')
  assert places(run_dir)[2:] == [(4, 'swd')]
  assert (Engine.steps, saved(run_dir)) == ([0, 1, 2, 3], [2, 4])
  (run_dir / 'measuring' / '6').mkdir()  # of a step that was lost
  seen = []
  told.hook = lambda step, name, scratch: seen.append(
    (step, name, len(Engine.steps), sorted(p.name for p in scratch.rglob('*')))
  )
  train(6, 'swd,pr1003')
  assert seen[0] == (4, 'pr1003', 4, ['half'])
  assert seen[1:] == [(6, 'swd', 6, []), (6, 'pr1003', 6, [])]
  assert places(run_dir) == [(step, name) for step in (2, 4, 6) for name in ('swd', 'pr1003')]
  assert [r['step'] for r, _ in RunDirectory(run_dir).stats.records()] == [1, 2, 3, 4, 5, 6]


def test_a_kill_before_the_checkpoint_was_complete(told, train, run_dir):
  """What was measured of it goes, as training comes there again."""
  train(4)
  (run_dir / 'checkpoints' / '4').rename(run_dir / 'checkpoints' / '4.orbax-checkpoint-tmp')
  told.values = {4: 9.0}
  train(4)
  assert [(r['step'], r['values']['swd']) for r in records(run_dir)] == [(2, 1.0), (4, 9.0)]


@pytest.mark.parametrize('steps', [4, 6])
def test_a_stop_while_measuring(told, train, run_dir, capsys, steps):
  """Also at the last step. It ends before the next step, and the next start goes on there."""
  stop = Stop()

  def say_stop(step, name, scratch):
    stop.said = step == 4

  told.hook = say_stop
  with pytest.raises(Preempted, match=r'^stopped at step 4 '):
    train(steps, stop=stop)
  assert 'stopped and saved at step 4 ' in capsys.readouterr().out
  assert (Engine.steps, saved(run_dir)) == ([0, 1, 2, 3], [2, 4])
  assert places(run_dir) == [(2, 'swd')]
  told.hook = lambda *asked: None
  train(steps)
  assert f'finished at step {steps} ' in capsys.readouterr().out
  assert [step for step, _ in places(run_dir)] == list(range(2, steps + 1, 2))
  assert Engine.steps == list(range(steps))


def test_a_stop_before_measuring(told, train, run_dir):
  """Nothing is begun."""
  stop, step = Stop(), Engine.step

  def stopping(self, number, *more):
    stop.said = number == 3
    return step(self, number, *more)

  Engine.step = stopping
  try:
    with pytest.raises(Preempted):
      train(6, stop=stop)
  finally:
    Engine.step = step
  assert told.asked == [(2, 'swd')]
  assert not (run_dir / 'measuring').exists()
  train(6)
  assert places(run_dir) == [(2, 'swd'), (4, 'swd'), (6, 'swd')]


def test_a_finished_run(told, train, run_dir, capsys):
  """Is left alone, unless something else is to be measured."""
  train(4)
  before = contents(run_dir)
  train(4)
  assert 'nothing to do' in capsys.readouterr().out
  assert contents(run_dir) == before
  train(4, 'swd,shapes5')
  said = capsys.readouterr().out
  assert 'compiling' not in said
  assert said.endswith('finished at step 4 (0.0 kimg)\n')
  assert places(run_dir)[2:] == [(4, 'shapes5')]
  assert Engine.steps == [0, 1, 2, 3]


def test_reals_are_the_whole_set(told, train):
  train(2, data={'subset': 3, 'held_out': 0.2, 'mirror': True})
  assert [len(reals) for reals in told.reals] == [11]
  assert told.fakes[0].labels_of(np.arange(2)) is None


def test_labels_are_drawn_from_the_whole_set(told, run_dir):
  run_dir.mkdir()
  source = types.SimpleNamespace(labels=lambda: np.repeat([0, 1, 2], [8, 2, 2]))
  settings = helpers.changed(
    metrics__names='swd', data__labels=True, data__subset=3, train__total_kimg=0.032
  )
  generator, _ = helpers.networks(4, c_dim=3)
  run = RunDirectory(run_dir)
  with contextlib.closing(run):
    found = Measuring(settings, run, source).measure(1, generator, None, print, lambda: False)
    assert len(list(found)) == 1
  drawn = told.fakes[0].labels_of(np.arange(3000))
  np.testing.assert_allclose(drawn.mean(axis=0), [8 / 12, 2 / 12, 2 / 12], atol=0.03)


def test_what_is_missing_is_said_before_the_first_step(told, train, run_dir, monkeypatch):
  def missing(metrics, reals):
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
