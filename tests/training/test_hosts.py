"""What hosts tell one another: two real processes of two devices each, and one alone."""

import json

import numpy as np
import pytest

from stylegan2_jax.errors import UserError
from stylegan2_jax.training import hosts
from tests.training.processes import finish, start

PROGRAM = """
first, results = HOST == 0, {}
assert (hosts.index(), hosts.count(), hosts.is_first()) == (HOST, 2, first)
assert (parallel.device_count(), parallel.local_device_count()) == (4, 2)

results['said'] = hosts.first_says({'a': [1, None, 'ü' * 300]} if first else 'not heard')
tree = {
  'float': np.array([-0.0, np.nan, 1e-45, 1.5], np.float32),
  'words': np.arange(5, dtype=np.uint32) + 2**31,
  'double': np.array(np.pi),
  'half': np.array([[1.5]], np.float16),
  'bytes': np.arange(7, dtype=np.int8),
  'empty': np.zeros((2, 0), np.int32),
  'large': np.random.default_rng(0).standard_normal(3_000_000),
}
got = hosts.broadcast(tree if first else {k: np.zeros_like(v) for k, v in tree.items()})
for name, value in tree.items():
  same = got[name].dtype == value.dtype and got[name].shape == value.shape
  results[f'array {name}'] = bool(same and got[name].tobytes() == value.tobytes())
with caught(results, 'shapes'):
  hosts.broadcast({'x': np.zeros(3 if first else 4)})

hosts.check_same('config', 'the same on both')
with caught(results, 'check_same'):
  hosts.check_same('config', '{\\n  "seed": 0,\\n  "size": %d,\\n}' % (8 + HOST))
with caught(results, 'more'):
  hosts.check_same('set of images', 'a' if first else 'a\\nb')

with caught(results, 'all well'), hosts.together('opening the data'):
  pass
with caught(results, 'user error'), hosts.together('opening the data'):
  if not first:
    raise UserError('no such\\nfile')
with caught(results, 'failure'), hosts.together('saving'):
  if first:
    raise TrainingFailed('disk full')
with caught(results, 'bug'), hosts.together('saving'):
  if first:
    raise KeyError('x')
with caught(results, 'both'), hosts.together('saving'):
  raise UserError(f'host {HOST}')

turns = []
def turn():
  begun = time.time()
  time.sleep(0.3)
  turns.extend([begun, time.time()])
  return HOST
results['turn'] = hosts.first_then_others('opening', turn)
results['turns'] = turns
with caught(results, 'failed turn'):
  hosts.first_then_others('opening', lambda: 1 / 0 if first else None)

x = parallel.local_rows(np.arange(8, dtype=np.float32).reshape(4, 2))
state, x = parallel.replicate(np.ones(2, np.float32)), parallel.shard(x)
fn = parallel.parallel(lambda s, x: s + jax.lax.psum(x, parallel.AXIS_NAME))
fn = parallel.compile_all({'fn': (fn, (state, x))}, lambda *line: None)['fn']
for _ in range(100):  # more than one under way would come to a standstill
  state = fn(state, x)
results['sum'] = parallel.fetch(state).tolist()
results['sum on a device'] = np.asarray(parallel.unreplicate(state)).tolist()
results['memory'] = fn.memory_analysis() is not None
print(json.dumps(results))
"""


@pytest.fixture(scope='module')
def results():
  ended = finish(start(PROGRAM))
  for status, _, err in ended:
    assert status == 0, err
    (line,) = err.splitlines()  # and nothing else was complained of
    assert line.startswith('waiting up to 60 s for all 2 hosts, the first at 127.0.0.1:')
  return [json.loads(out) for _, out, _ in ended]  # and nothing else was printed


def test_the_first_speaks(results):
  for result in results:
    assert result['said'] == {'a': [1, None, 'ü' * 300]}


def test_arrays_travel_to_the_bit(results):
  for result in results:
    arrays = {name: same for name, same in result.items() if name.startswith('array ')}
    assert len(arrays) == 7
    assert all(arrays.values()), arrays


@pytest.mark.parametrize(
  ('name', 'difference'),
  [
    ('shapes', 'shape of the state than host 0 (float64[4], not float64[3])'),
    ('check_same', 'config than host 0 ("size": 9, not "size": 8)'),
    ('more', 'set of images than host 0 (b, not nothing)'),
  ],
)
def test_differences_are_named_by_all(results, name, difference):
  expected = f'host 1 has another {difference}: start all hosts with the same command and the same'
  for result in results:
    assert result[name] == ['UserError', f'{expected} files']


@pytest.mark.parametrize(
  ('name', 'first', 'other'),
  [
    (
      'user error',
      ['UserError', 'opening the data failed on host 1: no such file'],
      ['UserError', 'no such\nfile'],
    ),
    (
      'failure',
      ['TrainingFailed', 'disk full'],
      ['TrainingFailed', 'saving failed on host 0: disk full'],
    ),
    (
      'bug',
      ['KeyError', "'x'"],
      ['TrainingFailed', "saving failed on host 0: KeyError: 'x'"],
    ),
    ('both', ['UserError', 'host 0'], ['UserError', 'host 1']),
    ('all well', None, None),
    (
      'failed turn',
      ['ZeroDivisionError', 'division by zero'],
      ['TrainingFailed', 'opening failed on host 0: ZeroDivisionError: division by zero'],
    ),
  ],
)
def test_all_end_where_one_fails(results, name, first, other):
  assert [result[name] for result in results] == [first, other]


def test_the_first_comes_before_the_others(results):
  assert [result['turn'] for result in results] == [0, 1]
  first, other = (result['turns'] for result in results)
  assert first[1] <= other[0]


def test_devices_of_both_work_together(results):
  for result in results:
    assert result['sum'] == result['sum on a device'] == [1201, 1601]
    assert result['memory']


def test_alone():
  assert (hosts.index(), hosts.count(), hosts.is_first()) == (0, 1, True)
  value, tree = object(), {'x': np.ones(2)}
  assert hosts.first_says(value) is value
  assert hosts.broadcast(tree) is tree
  assert hosts.first_then_others('opening', lambda: 5) == 5
  hosts.check_same('config', 'text')
  with pytest.raises(UserError, match=r'^mine$'), hosts.together('opening the data'):
    raise UserError('mine')
