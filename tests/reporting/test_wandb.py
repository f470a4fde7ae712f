"""Weights & Biases, with a module in place of the real one that notes what it is told."""

import sys
import types

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting.weights_and_biases import WeightsAndBiases
from stylegan2_jax.run_directory import RunDirectory
from tests.helpers import changed

SETTINGS = changed(log__wandb='stylegan2', train__batch_size=16)


class UsageError(Exception):
  pass


class Run:
  """As W&B: a run that goes on begins after its newest step, and no step goes back."""

  def __init__(self, starting_step):
    self.starting_step, self.history, self.finished = starting_step, [], False

  def log(self, values, step):
    assert step >= max([self.starting_step, *(s for s, _ in self.history)])
    self.history.append((step, values))

  def finish(self):
    self.finished = True


@pytest.fixture
def wandb(monkeypatch):
  module = types.ModuleType('wandb')
  module.Settings = dict
  module.Image = lambda path: ('image', path)
  module.errors = types.SimpleNamespace(UsageError=UsageError)
  module.calls, module.runs, module.error = [], [], None

  def init(**arguments):
    if module.error is not None:
      raise module.error
    module.calls.append(arguments)
    newest = max((step for run in module.runs for step, _ in run.history), default=-1)
    module.runs.append(Run(newest + 1))
    return module.runs[-1]

  module.init = init
  monkeypatch.setitem(sys.modules, 'wandb', module)
  return module


@pytest.fixture
def run(tmp_path):
  (tmp_path / 'faces').mkdir()
  return RunDirectory(tmp_path / 'faces')


def feed(watcher, first, last):
  """Steps of 100 images each."""
  for step in range(first, last + 1):
    watcher.record({'step': step, 'kimg': step / 10, 'loss_g': float(step)})


def start(run, kimg=0.0):
  return WeightsAndBiases(run, SETTINGS, {'jax': '0.10'}, kimg)


def test_how_it_is_opened(wandb, run):
  start(run).close()
  (call,) = wandb.calls
  assert call['project'] == 'stylegan2'
  assert call['dir'] == str(run.path)
  assert call['name'] == 'faces'
  assert call['config']['train.batch_size'] == 16
  assert call['config']['about'] == {'jax': '0.10'}
  assert wandb.runs[0].finished


def test_means_and_grids(wandb, run):
  watcher = start(run)
  feed(watcher, 1, 10)
  watcher.picture(1.0, 'fakes-000001.png')
  feed(watcher, 11, 15)
  watcher.snapshot()
  feed(watcher, 16, 17)
  watcher.close()
  grid = {'kimg': 1.0, 'fakes': ('image', 'fakes-000001.png')}
  assert wandb.runs[0].history == [
    (1000, {'step': 10, 'kimg': 1.0, 'loss_g': 5.5}),
    (1000, grid),
    (1500, {'step': 15, 'kimg': 1.5, 'loss_g': 13.0}),
    (1700, {'step': 17, 'kimg': 1.7, 'loss_g': 16.5}),
  ]


def test_the_grid_of_the_beginning_comes_after_the_first_step(wandb, run):
  watcher = WeightsAndBiases(run, changed(log__wandb='a', log__scalars_kimg=0.1), {}, 0.0)
  feed(watcher, 1, 1)
  watcher.picture(0.0, 'fakes-000000.png')
  feed(watcher, 2, 2)
  watcher.close()
  assert [step for step, _ in wandb.runs[0].history] == [100, 100, 200]


def test_a_run_started_again_goes_on_at_wandb_too(wandb, run):
  first = start(run)
  feed(first, 1, 25)
  first.snapshot()  # at W&B there is step 2500, the newest checkpoint is of step 1500
  second = start(run, kimg=1.5)
  feed(second, 16, 40)
  second.close()
  assert wandb.calls[0]['id'] == wandb.calls[1]['id']
  assert wandb.calls[1]['resume'] == 'allow'
  assert [step for step, _ in wandb.runs[1].history] == [3000, 4000]


def test_the_id_is_kept_in_the_folder(wandb, run):
  start(run).close()
  kept = run.path / 'wandb_id.txt'
  assert kept.read_text().strip() == wandb.calls[0]['id']
  kept.write_text('mine\n')
  start(run).close()
  assert wandb.calls[1]['id'] == 'mine'


def test_two_runs_have_two_ids(wandb, run, tmp_path):
  start(run).close()
  (tmp_path / 'b').mkdir()
  start(RunDirectory(tmp_path / 'b')).close()
  assert wandb.calls[0]['id'] != wandb.calls[1]['id']


def test_not_logged_in(wandb, run):
  wandb.error = UsageError('No API key configured. Use `wandb login` to log in.')
  with pytest.raises(UserError) as error:
    start(run)
  assert str(error.value) == (
    'Weights & Biases refuses project stylegan2 (No API key configured. Use `wandb login` to log '
    "in.): set it up, or give --config.log.wandb=''"
  )


def test_a_network_that_is_down_is_no_fault_of_the_user(wandb, run):
  wandb.error = ConnectionError('no route')
  with pytest.raises(ConnectionError):
    start(run)


def test_not_installed(monkeypatch, run):
  monkeypatch.setitem(sys.modules, 'wandb', None)
  with pytest.raises(UserError, match='the Python package wandb is not installed: pip install'):
    start(run)
  assert not (run.path / 'wandb_id.txt').exists()


def test_metrics(wandb, run):
  """W&B takes no step twice: what is measured first by a run that goes on is an image later."""
  first = start(run)
  feed(first, 1, 15)
  first.snapshot()
  first.measured({'kimg': 1.5, 'values': {'fid5k': 9.0}})
  second = start(run, kimg=1.5)
  second.measured({'kimg': 1.5, 'values': {'swd': 2.0}})
  feed(second, 16, 20)
  second.measured({'kimg': 2.0, 'values': {'fid5k': 8.0}})
  assert wandb.runs[0].history[-1] == (1500, {'kimg': 1.5, 'metrics/fid5k': 9.0})
  assert wandb.runs[1].history[0] == (1501, {'kimg': 1.5, 'metrics/swd': 2.0})
  assert wandb.runs[1].history[-1] == (2000, {'kimg': 2.0, 'metrics/fid5k': 8.0})


def test_metrics_that_are_measured_again_are_left_out(wandb, run):
  first = start(run)
  feed(first, 1, 25)
  first.snapshot()
  second = start(run, kimg=0.5)  # the checkpoints in between were lost
  second.measured({'kimg': 0.5, 'values': {'swd': 2.0}})
  feed(second, 6, 30)
  assert [step for step, _ in wandb.runs[1].history] == [3000]
