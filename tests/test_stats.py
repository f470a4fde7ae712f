"""stats.jsonl: readable at once, never half a line, cut back where a run goes on."""

import contextlib
import json
import math

import pytest

from stylegan2_jax import stats as stats_lib
from stylegan2_jax.errors import UserError
from stylegan2_jax.stats import Stats


@pytest.fixture
def stats(tmp_path):
  with contextlib.closing(Stats(tmp_path / 'stats.jsonl')) as stats:
    yield stats


def written(stats, *steps):
  """Appends records of these steps."""
  for step in steps:
    stats.append({'step': step, 'loss': step / 8})


def steps(stats, offset=0):
  return [record['step'] for record, _ in stats.records(offset)]


def test_before_the_first_step(stats):
  assert list(stats.records()) == []
  assert stats.last() is None
  stats.cut(0)
  stats.close()
  assert not stats.path.exists()


def test_a_record_is_readable_at_once(stats):
  stats.append({'step': 1, 'loss': 1.5})
  assert json.loads(stats.path.read_text()) == {'step': 1, 'loss': 1.5}
  assert stats.last() == {'step': 1, 'loss': 1.5}
  stats.append({'step': 2, 'loss': 0.5})
  assert stats.last() == {'step': 2, 'loss': 0.5}


def test_numbers_that_json_has_not_are_left_out(stats):
  stats.append({'step': 1, 'a': math.nan, 'b': math.inf, 'c': -math.inf, 'd': 0.25, 'e': 3})
  assert json.loads(stats.path.read_text()) == {'step': 1, 'd': 0.25, 'e': 3}


def test_reading_on_from_an_offset(stats):
  written(stats, 1, 2)
  *_, (_, offset) = stats.records()
  assert steps(stats, offset) == []
  written(stats, 3, 4)
  assert steps(stats, offset) == [3, 4]


@pytest.mark.parametrize('torn', [b'{"step": 3, "lo', b'{"step": 3}', b'\xff'])
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
  stats.cut(2)
  assert steps(stats) == [1, 2]


def test_a_damaged_line_in_the_middle(stats):
  stats.path.write_text('{"step": 0}\n{"st\n{"step": 2}\n')
  with pytest.raises(UserError, match=r'stats\.jsonl is damaged at byte 12: remove that line'):
    list(stats.records())


def test_long_files_are_not_read_to_find_their_end(stats, monkeypatch):
  """`last` looks at the end only, and cutting back does not touch what stays."""
  filler = b'not json\n' * 100_000
  stats.path.write_bytes(filler)
  written(stats, 1, 2, 3)
  assert stats.last()['step'] == 3
  seen = []
  parse = stats_lib._parsed
  monkeypatch.setattr(stats_lib, '_parsed', lambda line: seen.append(line) or parse(line))
  stats.cut(1)
  assert len(seen) == 3
  assert stats.path.read_bytes() == filler + b'{"step": 1, "loss": 0.125}\n'
