"""Charts of metrics: where their points stand, which values they have, and what is best."""

import pytest

from stylegan2_jax.reporting import page
from stylegan2_jax.reporting.history import History
from stylegan2_jax.reporting.metric_charts import metric_charts
from stylegan2_jax.run_directory import RunDirectory
from tests.helpers import changed
from tests.reporting.reports import report_of, write_steps


@pytest.fixture
def run(tmp_path):
  run = RunDirectory(tmp_path)
  yield run
  run.close()


def record(metric, kimg, **values):
  return {'metric': metric, 'values': values, 'step': round(kimg * 125), 'kimg': kimg}


def stretches(run, steps, limit=500):
  """Those of a run of so many steps of 8 images."""
  write_steps(run, range(1, steps + 1))
  history = History(run.stats, limit)
  history.update()
  return history.stretches


def test_points_stand_where_they_were_measured(run):
  records = [record('swd', 0.016, swd=3.25, swd_16=5.0), record('swd', 0.04, swd=2.123456789)]
  (chart,) = metric_charts(records, stretches(run, 6), 'swd')
  (line,) = chart['lines']
  assert line['mean'] == line['low'] == line['high'] == [None, 3.25, None, None, 2.1235, None]
  assert (chart['title'], line['label'], chart['points']) == ('swd', '', True)
  assert chart['note'].endswith('is better. Best: 2.123 at 0.04 kimg, whose checkpoint is kept.')


def test_thinned_stretches(run):
  """Four steps each: two measurements in one of them leave the later one."""
  found = stretches(run, 16, limit=4)
  assert [stretch.step for stretch in found] == [4, 8, 12, 16]
  records = [record('swd', step * 0.008, swd=float(step)) for step in (4, 5, 6, 12)]
  (chart,) = metric_charts(records, found, None)
  assert chart['lines'][0]['mean'] == [4, 6, 12, None]
  assert chart['note'].endswith('Best: 4 at 0.032 kimg.')


def test_values_that_have_a_curve(run):
  """Those of precision and recall; not the spread of a score, nor each level of swd."""
  records = [
    record('pr5k3', 0.008, pr5k3_precision=0.5, pr5k3_recall=0.1),
    record('is5k', 0.008, is5k_mean=3.0, is5k_std=0.1),
    record('shapes1k', 0.008, shapes1k_valid_share=0.9, shapes1k_kind_distance=0.2),
    record('of_tomorrow', 0.008, of_tomorrow=1.0, of_tomorrow_more=2.0),
  ]
  charts = metric_charts(records, stretches(run, 2), 'pr5k3_recall')
  shown = {chart['title']: [line['label'] for line in chart['lines']] for chart in charts}
  assert shown == {
    'pr5k3': ['precision', 'recall'],
    'is5k': ['mean'],
    'shapes1k': ['kind distance'],
    'of_tomorrow': [''],
  }
  assert [chart['lines'][0]['mean'][0] for chart in charts] == [0.5, 3, 0.2, 1]
  assert charts[0]['note'].endswith(
    'is better. Best precision: 0.5 at 0.008 kimg. '
    'Best recall: 0.1 at 0.008 kimg, whose checkpoint is kept.'
  )


def test_what_has_nothing_to_show(run):
  records = [record('swd', 0.008), record('fid5k', 0.5, fid5k=3.0)]
  assert metric_charts(records, stretches(run, 2), None) == []
  assert metric_charts([], stretches(run, 2), None) == []


def test_metrics_come_first_in_the_report(run):
  write_steps(run, range(1, 5))
  settings = changed(train__batch_size=8, train__total_kimg=1.0, metrics__names='swd')
  report = report_of(run, settings)
  run.metrics.append(record('swd', 0.016, swd=3.0))
  report.measured(record('swd', 0.016, swd=3.0))
  charts = page.embedded(run.report_path)['charts']
  assert [chart['title'] for chart in charts[:2]] == ['swd', 'Losses']
  assert charts[0]['lines'][0]['mean'] == [None, 3, None, None]
