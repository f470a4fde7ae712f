"""preparation.json may be edited, of another version, or hostile: it never stops anything."""

import json
import os

import pytest

from stylegan2_jax.data.provenance import outcome_of, read_json, read_provenance
from tests.prepared_sets import RECORD

COUNTS = {'in': 4, 'out': 3, 'skipped': 1, 'reasons': {'is odd': 1}, 'bytes': 30}
COUNTS |= {'duplicates': 1, 'duplicate_pairs': [[0, 2]]}
CLASSES = {'class_names': ['a', 'b'], 'class_counts': [1, 2], 'origin': 'x', 'unmatched': 0}
VECTORS = {'dim': 2, 'component_names': ['a', 'b'], 'means': [0.5, 1.0]}
WHOLE = {**RECORD, 'labels': CLASSES, 'counts': COUNTS}


def test_what_the_report_shows():
  found = outcome_of(WHOLE, 3)
  assert found['content'] == RECORD['content']
  assert found['labels'] == {'class_names': ['a', 'b'], 'class_counts': [1, 2]}
  assert found['counts'] == {'bytes': 30, 'duplicates': 1, 'duplicate_pairs': [[0, 2]]}
  assert outcome_of({**WHOLE, 'labels': VECTORS}, 3)['labels'] == VECTORS
  assert outcome_of({**WHOLE, 'labels': None}, 3)['labels'] is None


@pytest.mark.parametrize(
  'change',
  [
    {'counts': None},
    {'counts': {}},
    {'counts': {**COUNTS, 'bytes': '30'}},
    {'counts': {**COUNTS, 'bytes': -1}},
    {'counts': {**COUNTS, 'bytes': True}},
    {'counts': {**COUNTS, 'duplicates': 10**400}},
    {'counts': {**COUNTS, 'duplicate_pairs': [[0, 3]]}},
    {'counts': {**COUNTS, 'duplicate_pairs': [[0]]}},
    {'counts': {**COUNTS, 'out': 4}},
    {'content': 'zz'},
    {'labels': []},
    {'labels': {}},
    {'labels': {**CLASSES, 'class_counts': [1]}},
    {'labels': {**CLASSES, 'class_names': 'ab'}},
    {'labels': {**VECTORS, 'means': [0.5]}},
    {'labels': {**VECTORS, 'means': [0.5, 'x']}},
    {'labels': {**VECTORS, 'component_names': None}},
  ],
)
def test_no_outcome(change):
  assert outcome_of({**WHOLE, **change}, 3) is None


def test_no_outcome_of_nothing():
  assert outcome_of(None, 3) is None
  assert outcome_of({}, 0) is None


@pytest.mark.parametrize(
  'change',
  [
    {'counts': {**COUNTS, 'in': 10**4000}},
    {'counts': {**COUNTS, 'skipped': -1}},
    {'counts': {**COUNTS, 'reasons': {'x': 1e300}}},
    {'labels': {**VECTORS, 'component_names': ['\ud800', 'b']}},
  ],
)
def test_numbers_and_names_that_cannot_be(tmp_path, change, capsys):
  (tmp_path / 'preparation.json').write_text(json.dumps({**WHOLE, **change}))
  assert read_provenance(tmp_path) is None
  assert 'is damaged and ignored' in capsys.readouterr().err


def huge(path):
  with path.open('wb') as file:
    file.truncate(2**25 + 1)


@pytest.mark.parametrize(
  'make',
  [
    os.mkfifo,
    os.mkdir,
    huge,
    lambda path: os.symlink('/dev/zero', path),
    lambda path: os.symlink('nowhere', path),
    lambda path: os.symlink(path.name, path),
    lambda path: path.write_text('[]'),
    lambda path: path.write_text('{"a": ' + '1' * 5000 + '}'),
  ],
)
def test_no_such_file(tmp_path, make, capsys):
  make(tmp_path / 'preparation.json')
  assert read_json(tmp_path) is None
  assert capsys.readouterr().err.count('\n') == 1


def test_without(tmp_path, capsys):
  assert read_json(tmp_path) is None
  assert read_provenance(tmp_path) is None
  assert capsys.readouterr().err == ''
