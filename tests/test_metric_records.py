"""metrics.jsonl: which of its lines count, what is the best, and what a resumed run drops."""

import contextlib
import json
import math

import pytest

from stylegan2_jax.metric_records import Best, MetricRecords
from stylegan2_jax.settings import MetricSettings


@pytest.fixture
def records(tmp_path):
  with contextlib.closing(MetricRecords(tmp_path / 'metrics.jsonl')) as records:
    yield records


def add(records, step, metric='swd', more=(), **values):
  """A line; without values the metric's own is the step."""
  record = {'metric': metric, 'values': values or {metric: float(step)}, 'step': step}
  records.append({**record, 'kimg': step / 4, 'seconds': 1.5, 'recipe': {'psi': 1.0}, **dict(more)})


def places(records):
  return [(record['step'], record['metric']) for record in records.measured()]


def test_before_anything_was_measured(records):
  assert records.measured() == []
  assert records.values_at(1) == {}
  assert records.best(MetricSettings('swd')) is None
  assert records.best(MetricSettings()) is None
  records.cut(0)
  assert not records.path.exists()


def test_a_record_is_there_at_once(records):
  add(records, 4, 'pr5k3', pr5k3_precision=0.5, pr5k3_recall=0.25)
  line = json.loads(records.path.read_text())
  assert records.measured() == [line]
  assert line['recipe'] == {'psi': 1.0}
  add(records, 4, 'swd')
  assert records.values_at(4) == {'pr5k3_precision': 0.5, 'pr5k3_recall': 0.25, 'swd': 4.0}


def test_in_the_order_of_steps_the_newest_of_each(records):
  """A checkpoint can be measured later, and again."""
  for step in (8, 4, 6):
    add(records, step)
  add(records, 4, swd=0.5)
  add(records, 4, 'is5k')
  assert places(records) == [(4, 'swd'), (4, 'is5k'), (6, 'swd'), (8, 'swd')]
  assert records.values_at(4)['swd'] == 0.5


def test_what_cannot_be_compared_does_not_count(records):
  add(records, 4)
  add(records, 4, more={'apart': True}, swd=0.001)
  add(records, 6, more={'apart': True}, swd=0.002)
  assert places(records) == [(4, 'swd')]
  assert records.best(MetricSettings('swd')).value == 4.0


def test_numbers_that_json_has_not_are_left_out(records):
  add(records, 4, swd=math.nan, swd_16=math.inf, swd_8=2.0)
  assert json.loads(records.path.read_text())['values'] == {'swd_8': 2.0}
  assert records.best(MetricSettings('swd')) is None
  assert records.best(MetricSettings('swd', best='swd_8')).value == 2.0


@pytest.mark.parametrize(
  'line',
  [
    *('{"st', '[]', '{}', '{"metric": "swd", "values": {}, "step": 3}'),
    *(
      '{"metric": "swd", "values": {}, "step": 3.0, "kimg": 1}',
      '{"metric": "swd", "values": {}, "step": true, "kimg": 1}',
      '{"metric": "swd", "values": [1], "step": 3, "kimg": 1}',
      '{"metric": 7, "values": {}, "step": 3, "kimg": 1}',
      '{"values": {}, "step": 3, "kimg": 1}',
      '{"metric": "swd", "values": {}, "step": 3, "kimg": NaN}',
    ),
  ],
)
def test_what_is_no_record(records, line):
  add(records, 1)
  records.close()
  with records.path.open('a') as file:
    file.write(f'{line}\n')
  add(records, 2)
  assert [step for step, _ in places(records)] == [1, 2]
  assert records.fault == f'{records.path} is damaged in line 2: passed over, remove that line'


def test_values_that_are_no_numbers_are_left_out(records):
  text = '{"metric": "swd", "values": {"swd": "low", "a": null, "b": 3}, "step": 1, "kimg": 1}\n'
  records.path.write_text(text)
  assert records.values_at(1) == {'b': 3}
  assert records.fault is None


def test_a_torn_last_line(records):
  add(records, 1)
  records.close()
  with records.path.open('ab') as file:
    file.write(b'{"metric": "swd", "val')
  assert [step for step, _ in places(records)] == [1]
  add(records, 2)
  assert [step for step, _ in places(records)] == [1, 2]
  assert records.fault is None


@pytest.mark.parametrize(
  ('step', 'left'), [(0, []), (4, [4, 4]), (5, [4, 4]), (6, [6, 4, 4]), (9, [6, 8, 4, 4])]
)
def test_cutting_back(records, step, left):
  """Also where a line of an early step follows those of later ones."""
  for each, metric in ((6, 'swd'), (8, 'swd'), (4, 'swd'), (4, 'is5k')):
    add(records, each, metric)
  records.cut(step)
  assert [json.loads(line)['step'] for line in records.path.read_text().splitlines()] == left
  add(records, 10)
  assert places(records)[-1] == (10, 'swd')


def test_cutting_leaves_what_stays_as_it_is(records):
  add(records, 4, more={'apart': True, 'note': 'é'})
  records.close()
  before = records.path.read_bytes()
  records.cut(4)
  assert records.path.read_bytes() == before
  add(records, 6)
  records.cut(4)
  assert records.path.read_bytes() == before


def test_the_best(records):
  """The lowest distance, the highest recall; of equal ones the latest."""
  for step, distance, recall in ((2, 5.0, 0.1), (4, 3.0, 0.4), (6, 3.0, 0.3), (8, 4.0, 0.4)):
    add(records, step, 'fid5k', fid5k=distance)
    add(records, step, 'pr5k3', pr5k3_precision=0.9 - recall, pr5k3_recall=recall)
  both = 'fid5k,pr5k3'
  assert records.best(MetricSettings(both)) == Best('fid5k', 3.0, 6, 1.5)
  assert records.best(MetricSettings('pr5k3,fid5k')) == Best('pr5k3_precision', 0.8, 2, 0.5)
  assert records.best(MetricSettings(both, best='pr5k3_recall')) == Best('pr5k3_recall', 0.4, 8, 2)
  assert records.best(MetricSettings(both), among=(2, 8)) == Best('fid5k', 4.0, 8, 2.0)
  assert records.best(MetricSettings(both), among=()) is None
  assert records.best(MetricSettings()).name == 'fid5k'  # what was measured first
