"""report.html: what is in it, that it stays small, and that nothing from outside gets loose."""

import re

import numpy as np
import pytest

from stylegan2_jax import images
from stylegan2_jax.reporting import page
from stylegan2_jax.run_directory import RunDirectory
from tests import helpers
from tests.reporting.reports import report_of, write_grid, write_steps

EVIL = '</script><img src=x onerror=alert(1)><!--&amp;'


@pytest.fixture
def run(tmp_path):
  run = RunDirectory(tmp_path)
  yield run
  run.close()


def test_a_run_that_has_nothing_yet(run):
  report_of(run).snapshot()
  data = page.embedded(run.report_path)
  assert (data['x'], data['charts'], data['grids'], data['reals']) == ([], [], [], None)
  assert (data['kimg'], data['elapsed'], data['speed'], data['left']) == (0, 0, None, None)
  assert data['log'] == []


def test_contents(run):
  settings = helpers.settings(batch_size=8, total_kimg=1.0)
  write_steps(run, range(1, 11), surprise=1.5, nonfinite=2)
  write_steps(run, range(11, 21), surprise=2.5, nonfinite=0)
  write_grid(run, 0, 0)
  write_grid(run, 0.08, 100)
  write_grid(run, 0.16, 200)
  images.save_png(run.reals_path, np.zeros((4, 4, 1), np.uint8))
  run.log_path.write_text(''.join(f'line {i}\n' for i in range(150)))
  report_of(run, settings, {'jax': '1.2.3'}).snapshot()
  data = page.embedded(run.report_path)
  assert (data['kimg'], data['step'], data['elapsed']) == (0.16, 20, 20)
  assert data['speed'] == pytest.approx(8)  # by the clock, not by the steps' own time
  assert data['left'] == pytest.approx(105)
  assert data['x'] == pytest.approx([step * 8 / 1000 for step in range(1, 21)])
  lines = {chart['title']: chart['lines'] for chart in data['charts']}
  assert list(lines) == [
    'Losses',
    'Images per second',
    'Waiting for data, % of the time',
    'Non-finite gradient values per step',
    'surprise',
  ]
  assert lines['Losses'] == [
    {
      'label': 'generator',
      **{key: [s + 0.5 for s in range(1, 21)] for key in ('mean', 'low', 'high')},
    }
  ]
  assert lines['Images per second'][0]['mean'] == [16] * 20
  assert lines['Waiting for data, % of the time'][0]['mean'] == [20] * 20
  assert data['nonfinite'] == 20
  assert [grid['name'] for grid in data['grids']] == [
    'fakes-000000.png',
    'fakes-000000.080.png',
    'fakes-000000.160.png',
  ]
  assert [(grid['kimg'], grid['elapsed']) for grid in data['grids']] == [
    (0, 0),
    (0.08, 10),
    (0.16, 20),
  ]
  assert len({grid['picture'] for grid in data['grids']}) == 3
  assert data['reals']['picture'].startswith('data:image/webp;base64,')
  assert ['train.batch_size', '8', '32', True] in data['config']
  assert ['data.source', "'shapes'", "'shapes'", False] in data['config']
  assert data['about'] == [['jax', '1.2.3']]
  assert data['log'] == [f'line {i}' for i in range(50, 150)]


def test_time_left_follows_the_speed_of_late(run):
  """100 slow steps, then 100 of a tenth of the time: the last tenth of the time counts."""
  for step in range(1, 201):
    elapsed = step * 10.0 if step <= 100 else 1000.0 + (step - 100) * 1.0
    run.stats.append({'step': step, 'kimg': step * 8 / 1000, 'elapsed_seconds': elapsed})
  report_of(run, helpers.settings(batch_size=8, total_kimg=2.4)).snapshot()
  data = page.embedded(run.report_path)
  assert data['speed'] == pytest.approx(8, rel=0.1)
  assert data['left'] == pytest.approx(100, rel=0.1)


def test_texts_from_outside_cannot_get_loose(tmp_path):
  run = RunDirectory(tmp_path / 'a <b>&')
  run.path.mkdir()
  settings = helpers.settings(data={'source': EVIL})
  run.log_path.write_text(f'{EVIL}\n')
  run.stats.append({'step': 1, 'kimg': 0.008, EVIL: 1.0, 'seconds': 1.0})
  run.stats.append({'step': 2, 'kimg': 0.016, EVIL: 2.0, 'seconds': 1.0})
  report_of(run, settings, {EVIL: EVIL}).snapshot()
  run.close()
  text = run.report_path.read_text()
  assert 'onerror' in text
  assert '<img' not in text
  assert text.count('</script>') == 2
  assert '<title>a &lt;b&gt;&amp; - stylegan2_jax</title>' in text
  data = page.embedded(run.report_path)
  assert data['about'] == [[EVIL, EVIL]]
  assert data['log'] == [EVIL]
  assert data['charts'][-1]['title'] == EVIL


def test_nothing_is_fetched(run):
  report_of(run).snapshot()
  text = run.report_path.read_text()
  policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
  assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
  assert 'unsafe' not in policy
  assert not re.search(r'https?://(?!www\.w3\.org/2000/svg)', text)


@pytest.mark.parametrize('text', ['', 'no page', '<script type="application/json" id="data">[{'])
def test_a_damaged_report_is_written_anew(run, text):
  write_grid(run, 0, 0)
  run.report_path.write_text(text)
  report_of(run).snapshot()
  assert len(page.embedded(run.report_path)['grids']) == 1


def test_grids_of_steps_that_are_done_again_are_left_out(run):
  write_steps(run, range(1, 5))
  for kimg in (0, 0.016, 0.032):
    write_grid(run, kimg, 1)
  report = report_of(run)
  report.snapshot()
  assert len(page.embedded(run.report_path)['grids']) == 3
  run.stats.cut(2)
  report.snapshot()
  assert len(page.embedded(run.report_path)['grids']) == 2


def test_when_it_is_written(run):
  """With the first picture, at snapshots, and at the end, when the log has its last line."""
  report = report_of(run)
  assert not run.report_path.exists()
  report.record({'step': 1})
  assert not run.report_path.exists()
  report.picture(0.0, run.fakes_path(0))
  first = run.report_path.stat().st_mtime_ns
  report.picture(0.0, run.fakes_path(0))
  assert run.report_path.stat().st_mtime_ns == first
  write_steps(run, [1])
  report.snapshot()
  assert page.embedded(run.report_path)['step'] == 1
  run.log_path.write_text('finished\n')
  report.close()
  assert page.embedded(run.report_path)['log'] == ['finished']
  assert [path.name for path in run.path.glob('.*')] == []


def test_a_long_run_stays_small(run):
  """Numbers that came in a million steps' thinning, rounded: well below a megabyte."""
  rng = np.random.default_rng(0)
  names = [f'number_{i}' for i in range(16)]
  for step in range(1, 1001):
    values = dict(zip(names, rng.standard_normal(16), strict=True))
    run.stats.append({'step': step, 'kimg': step / 7, 'seconds': 0.1, **values})
  report_of(run).snapshot()
  assert len(page.embedded(run.report_path)['x']) == 500
  assert run.report_path.stat().st_size < 500_000
