import csv
import io
import math

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.tools import ablation_table
from stylegan2_jax.tools.ablation_folder import Member, Row
from stylegan2_jax.tools.ablation_table import Numbers, make_table, read_numbers, spread
from tests.helpers import changed
from tests.reporting.runs import append, make_run, record

BASE = changed(train__r1_gamma=1.0, train__pl_weight=2.0)


def run_of(path, steps=200, **fields):
  """A run with loss_g = 1 + step, and r1_penalty = step every fourth step; (its folder, config)."""
  run = make_run(path, **fields)
  extra = [{'r1_penalty': float(n)} if n % 4 == 0 else {} for n in range(1, steps + 1)]
  append(run, *(record(n, **more) for n, more in enumerate(extra, 1)))
  return run, run.read_settings()


def test_the_last_part_of_a_run(tmp_path):
  """200 steps: the last tenth are 181 to 200, of which 184, 188, ..., 200 have a penalty."""
  last = read_numbers(*run_of(tmp_path / 'run'), 0.1).last
  assert last['loss_g'] == 1 + (181 + 200) / 2
  assert last['r1_penalty'] == (184 + 188 + 192 + 196 + 200) / 5
  assert last['loss_d'] == 0.5
  assert last['memory_gib'] == 1.25
  assert not {'step', 'kimg', 'elapsed_seconds'} & last.keys()


@pytest.mark.parametrize(
  ('share', 'mean'), [(1.0, 101.5), (0.3, 1 + 170.5), (0.001, 201), (0.0051, 1 + 199.5)]
)
def test_shares_of_a_run(tmp_path, share, mean):
  last = read_numbers(*run_of(tmp_path / 'run'), share).last
  assert last['loss_g'] == pytest.approx(mean, rel=1e-12)
  assert ('r1_penalty' in last) is True  # step 200 has one


def test_a_part_without_a_lazy_number(tmp_path):
  numbers = read_numbers(*run_of(tmp_path / 'run', 198, train__total_kimg=19.8), 0.005)
  assert numbers.last['loss_g'] == 199
  assert 'r1_penalty' not in numbers.last
  assert 'r1_penalty' in numbers.names


def test_curves_are_means_of_stretches(tmp_path):
  """200 steps of 100 images in 50 points: four steps each, of which the last has a penalty."""
  curves = read_numbers(*run_of(tmp_path / 'run'), 0.1).curves
  assert curves['loss_g'] == [(pytest.approx(0.4 * i), 1 + 4 * i - 1.5) for i in range(1, 51)]
  assert curves['r1_penalty'] == [(pytest.approx(0.4 * i), 4.0 * i) for i in range(1, 51)]


def test_points_do_not_depend_on_how_far_a_run_came(tmp_path):
  whole = read_numbers(*run_of(tmp_path / 'whole'), 0.1).curves['loss_g']
  half = read_numbers(*run_of(tmp_path / 'half', 100), 0.1)
  assert half.curves['loss_g'] == whole[:25]
  assert 'loss_g' not in half.last


def test_a_run_of_few_steps(tmp_path):
  numbers = read_numbers(*run_of(tmp_path / 'run', 3, train__total_kimg=0.3), 0.1)
  assert numbers.curves['loss_g'] == [(pytest.approx(k / 10), 1.0 + k) for k in (1, 2, 3)]
  assert numbers.last['loss_g'] == 4.0


def test_a_run_without_numbers(tmp_path):
  assert read_numbers(*run_of(tmp_path / 'run', 0), 0.1) == Numbers({}, {})


def test_spread():
  """2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32."""
  found = spread([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
  assert (found.mean, found.count) == (5.0, 8)
  assert found.deviation == pytest.approx(math.sqrt(32 / 7))
  assert str(found) == '5 ± 2.1'
  assert spread([3.0]) == (3.0, None, 1)


@pytest.fixture
def table():
  """Three variants over two fields: two seeds, one, and none."""

  def row(values, seeds):
    return Row(values, [Member(seed, BASE, RunDirectory('nowhere')) for seed in range(seeds)])

  rows = [
    row({'train.r1_gamma': 0.1}, 2),
    row({'train.r1_gamma': 10.0, 'train.pl_weight': 0.0}, 2),
    row({'data.source': 'a|b'}, 1),
  ]
  numbers = {
    ('train.r1_gamma=0.1', 0): Numbers({'loss_d': 1.0, 'new': 3.0}, {}),
    ('train.r1_gamma=0.1', 1): Numbers({'loss_d': 2.0}, {}),
    ('train.r1_gamma=10+train.pl_weight=0', 1): Numbers({'loss_d': 0.25}, {}),
  }
  return make_table(rows, BASE, numbers, ['loss_d', 'new'])


def test_markdown(table):
  text = ablation_table.to_markdown(table, 0.1, ['gamma=1, seed 0: failed: x'], 'c.png')
  assert text.splitlines() == [
    '| r1_gamma | pl_weight | source | finished | loss_d | new |',
    '| ---: | ---: | ---: | ---: | ---: | ---: |',
    '| 0.1 | 2 | shapes | 2 of 2 | 1.5 ± 0.71 | 3 |',
    '| 10 | 0 | shapes | 1 of 2 | 0.25 | – |',
    r'| 1 | 2 | a\|b | 0 of 1 | – | – |',
    '',
    'Mean ± sample standard deviation over the finished seeds, of the mean over the last 10 % of '
    'the steps of each.',
    '',
    'Not finished:',
    '',
    '- gamma=1, seed 0: failed: x',
    '',
    '![mean and spread over training](c.png)',
  ]


def test_csv(table):
  first, second, third = csv.DictReader(io.StringIO(ablation_table.to_csv(table)))
  assert first['variant'] == 'train.r1_gamma=0.1'
  assert (first['train.r1_gamma'], first['finished'], first['runs']) == ('0.1', '2', '2')
  assert float(first['loss_d mean']) == 1.5
  assert float(first['loss_d std']) == pytest.approx(math.sqrt(0.5), rel=1e-15)
  assert (first['loss_d n'], first['new n'], first['new std']) == ('2', '1', '')
  assert (second['loss_d mean'], second['loss_d std'], second['new mean']) == ('0.25', '', '')
  assert (third['data.source'], third['loss_d n']) == ('a|b', '0')


def test_the_scalars_to_show():
  known = ['new', 'seconds', 'loss_d', 'loss_d', 'loss_g']
  assert ablation_table.chosen([], known) == ['loss_g', 'loss_d', 'seconds']
  assert ablation_table.chosen(['new', 'loss_d', 'new'], known) == ['new', 'loss_d']
  with pytest.raises(UserError, match=r'--of=los_d: .* did you mean loss_d\? they have loss_d, '):
    ablation_table.chosen(['los_d'], known)
