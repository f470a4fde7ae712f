"""stats.jsonl: readable at once, never half a line, cut back where a run goes on."""

import contextlib
import json
import math

import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.stats import Stats


@pytest.fixture
def stats(tmp_path):
  with contextlib.closing(Stats(tmp_path / 'stats.jsonl')) as stats:
    yield stats


def written(stats, *steps):
  """Appends records of these steps."""
  for step in steps:
    stats.append(record(step))


def record(step):
  return {'step': step, 'kimg': step / 4, 'loss': step / 8}


def steps(stats, offset=0):
  return [record['step'] for record, _ in stats.records(offset)]


def test_before_the_first_step(stats):
  assert list(stats.records()) == []
  assert stats.last() is None
  stats.cut(0)
  stats.close()
  assert not stats.path.exists()


def test_a_record_is_readable_at_once(stats):
  stats.append(record(1))
  assert json.loads(stats.path.read_text()) == record(1)
  assert stats.last() == record(1)
  stats.append(record(2))
  assert stats.last() == record(2)


def test_numbers_that_json_has_not_are_left_out(stats):
  stats.append({'step': 1, 'a': math.nan, 'b': math.inf, 'c': -math.inf, 'd': 0.25, 'e': 3})
  assert json.loads(stats.path.read_text()) == {'step': 1, 'd': 0.25, 'e': 3}


def test_reading_on_from_an_offset(stats):
  written(stats, 1, 2)
  *_, (_, offset) = stats.records()
  assert steps(stats, offset) == []
  written(stats, 3, 4)
  assert steps(stats, offset) == [3, 4]


@pytest.mark.parametrize('torn', [b'{"step": 3, "ki', b'{"step": 3, "kimg": 1}', b'\xff'])
def test_a_torn_last_line(stats, torn):
  written(stats, 1, 2)
  stats.close()
  with stats.path.open('ab') as file:
    file.write(torn)
  assert steps(stats) == [1, 2]
  assert stats.last()['step'] == 2
  written(stats, 3)
  assert steps(stats) == [1, 2, 3]


def test_a_torn_first_line(stats):
  stats.path.write_bytes(b'{"ste')
  written(stats, 1)
  assert steps(stats) == [1]


@pytest.mark.parametrize('step', range(7))
def test_cutting_back(stats, step):
  written(stats, 1, 2, 3, 4, 5)
  stats.cut(step)
  assert steps(stats) == list(range(1, min(step, 5) + 1))
  written(stats, 99)
  assert steps(stats)[-1] == 99


def test_cutting_past_damage_at_the_end(stats):
  """What a power failure leaves: blocks of zeros."""
  written(stats, 1, 2)
  stats.close()
  with stats.path.open('ab') as file:
    file.write(b'\0' * 5000 + b'\n{"step": "x"}\n[]\n')
  assert steps(stats) == [1, 2]
  assert stats.fault is not None
  stats.cut(2)
  assert steps(stats) == [1, 2]
  assert stats.fault is None


def test_a_damaged_line_in_the_middle(stats):
  """It is passed over, and the first of them remembered by its number."""
  written(stats, *range(1, 6))
  lines = stats.path.read_text().splitlines()
  lines[1], lines[3] = '{"st', lines[3][:-1]
  stats.path.write_text('\n'.join([*lines, '']))
  assert stats.fault is None
  assert steps(stats) == [1, 3, 5]
  assert stats.fault == f'{stats.path} is damaged in line 2: passed over, remove that line'
  other = Stats(stats.path)
  assert steps(other, len(lines[0]) + 6) == [3, 5]  # from where the next one begins
  assert f'{stats.path} is damaged in line 4: ' in other.fault
  assert steps(other) == [1, 3, 5]
  assert other.fault == stats.fault


def test_the_number_of_a_damaged_line_in_a_large_file(stats):
  stats.path.write_bytes(b'{"step": 1, "kimg": 1}\n' * 10_000 + b'{}\n')
  assert steps(stats) == [1] * 10_000
  assert 'in line 10001:' in stats.fault


@pytest.mark.parametrize(
  'line',
  [
    *('{"step": 3}', '{"kimg": 1}', '{"step": 3, "kimg": "1"}', '{"step": 3, "kimg": null}'),
    *('{"step": "3", "kimg": 1}', '{"step": true, "kimg": 1}', '{"step": 3.0, "kimg": 1}'),
    *('{"step": 3, "kimg": NaN}', '{"step": 3, "kimg": 1e999}', '[]', '3', '[' * 50_000),
  ],
)
def test_what_is_no_record(stats, line):
  written(stats, 1)
  stats.close()
  with stats.path.open('a') as file:
    file.write(f'{line}\n')
  assert steps(stats) == [1]
  assert 'in line 2:' in stats.fault
  assert stats.last()['step'] == 1


def test_what_is_no_number_is_left_out(stats):
  text = '{"step": 1, "kimg": 0.5, "a": "x", "b": [1], "c": null, "d": Infinity, "e": true, "f": 1'
  stats.path.write_text(f'{text}{"0" * 400}}}\n')
  assert next(stats.records())[0] == {'step': 1, 'kimg': 0.5}
  assert stats.fault is None


def test_a_folder_in_its_place(stats):
  stats.path.mkdir()
  for read in (stats.last, lambda: next(stats.records()), lambda: stats.elapsed(1)):
    with pytest.raises(UserError, match=rf'^cannot read {stats.path}: Is a directory$'):
      read()


def test_elapsed_time(stats):
  """Records of older versions do not say it: it is the sum of their steps' time."""
  assert stats.elapsed(5) == 0
  for step in range(1, 5):
    stats.append({**record(step), 'seconds': 2.0})
  assert [stats.elapsed(step) for step in (0, 3, 9)] == [0, 6, 8]
  stats.append({**record(5), 'seconds': 2.0, 'elapsed_seconds': 70.0})
  assert stats.elapsed(5) == 70


def test_long_files_are_not_read_to_find_their_end(stats, monkeypatch):
  """`last` looks at the end only, and cutting back does not touch what stays."""
  filler = b'not json\n' * 100_000
  stats.path.write_bytes(filler)
  written(stats, 1, 2, 3)
  assert stats.last()['step'] == 3
  seen = []
  parse = stats._parsed
  monkeypatch.setattr(stats, '_parsed', lambda line: seen.append(line) or parse(line))
  stats.cut(1)
  assert len(seen) == 3
  assert stats.path.read_bytes() == filler + json.dumps(record(1)).encode() + b'\n'
