"""When metrics are measured, of which images, and which checkpoint stays."""

import contextlib
import time
import types

import numpy as np

from stylegan2_jax.checkpoints import Checkpoints
from stylegan2_jax.reporting import page
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.training.measuring import Measuring
from tests import helpers
from tests.training.measuring.stand_ins import BATCH, Engine, places, records, saved
from tests.training.workplace import contents


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
  assert told.checked == [(names, (4, 4), 11)]
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
