import time

import pytest

from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import Labels


def test_class_names_are_what_a_set_can_hold():
  found = Labels(
    'x', ('cat', 'cat (2)', ' cat', '', 'a\nb', '\x1b[2J', './dog', '\u3000')
  ).class_names
  assert found == (
    'cat', 'cat (2)', 'cat (3)', '(no name)', 'a b', '\\x1b[2J', './dog', '(no name) (2)',
  )  # fmt: skip
  assert Labels('x', found).class_names == found


def test_component_names_too():
  assert Labels('x', dim=3, component_names=('hat', 'hat ', '')).component_names == (
    'hat',
    'hat (2)',
    '(no name)',
  )


LONG = 'x' * 400


@pytest.mark.parametrize(
  'found',
  [
    ['cat'] * 100_000,
    [f'{i // 2}' for i in range(100_000)],
    ['a', *(f'a ({i})' for i in range(50_000)), *['a'] * 50_000],
    [f'{LONG[:292]}{i // 2:06}' for i in range(20_000)],
    [f'{LONG}{i}' for i in range(20_000)],
  ],
)
def test_many_names_take_no_time_and_stay_the_second_time(found):
  start = time.process_time()
  shown = names.distinct(found)
  assert time.process_time() - start < 3  # seconds; far more if every name looked at all others
  assert len(set(shown)) == len(found)
  assert names.distinct(shown) == shown
  assert all(len(name) <= 300 and name.isprintable() and name == name.strip() for name in shown)
