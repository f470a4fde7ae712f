"""`preparation.json`: how `launch.py prepare` made a set, as those who read the set need it."""

import dataclasses
import json
import os
import pathlib
import re

from stylegan2_jax.data.notices import notice
from stylegan2_jax.words import one_line

RECORD = 'preparation.json'  # beside dataset_info.json, as are these
SKIPPED = 'skipped.csv'
UNMATCHED = 'unmatched_labels.csv'
CONTACT_SHEET = 'contact.png'

_MAX_BYTES = 2**25
_WORD = r'[\w .+-]{1,40}'
_HASH = '[0-9a-f]{12,128}'


@dataclasses.dataclass(frozen=True)
class Provenance:
  """What is taken from the file."""

  transform: str  # 'center-crop'
  filter: str  # 'lanczos'
  pillow: str  # version of the library that scaled
  content: str  # hash (hex) of all pixels and labels
  component_names: tuple[str, ...] = ()  # of vector labels, where known
  source: str = ''  # what it was made of, and what kind of thing that was
  kind: str = ''
  format: str = ''  # of the stored pictures
  origin: str = ''  # of the labels
  unmatched: int = 0  # labels that belonged to no picture
  num_read: int = 0
  num_skipped: int = 0
  reasons: tuple[tuple[str, int], ...] = ()  # why, and how often

  def describe(self) -> str:
    """A phrase for people."""
    how = 'without cropping' if self.transform == 'none' else f'by {self.transform}'
    scaling = f'{self.filter} filter (Pillow {self.pillow})'
    return f'prepared {how}, {scaling}, content {self.content[:12]}'


def read_provenance(folder: pathlib.Path) -> Provenance | None:
  """How a prepared set was made; None where it does not say.

  A file that is not what it should be is ignored, with a notice: the pictures can be read without.
  """
  values = read_json(folder)
  if values is None:
    return None
  try:
    return _provenance(values)
  except ValueError:
    _warn(folder)
    return None


def read_json(folder: pathlib.Path) -> dict | None:
  """The whole file, with fields of any kind; None without one, or, with a notice, if damaged."""
  path = folder / RECORD
  try:
    if not os.path.lexists(path):
      return None
    if path.is_file():  # a device or a pipe might never end
      with path.open('rb') as file:
        content = file.read(_MAX_BYTES + 1)
      if len(content) <= _MAX_BYTES:
        values = json.loads(content.decode('utf-8'))
        if isinstance(values, dict):
          return values
  except (OSError, ValueError, RecursionError):
    pass
  _warn(folder)
  return None


def outcome_of(values: dict | None, num_pictures: int) -> dict | None:
  """What the file says of the pictures of a set, as the report shows it.

  Args:
    values: what `read_json` returns.
    num_pictures: that the set holds.

  Returns:
    The fields `content`, `labels` and `counts`, of the form that `tally.outcome` gives them; None
    if they are not, or belong to another number of pictures.
  """
  try:
    return _outcome(values or {}, num_pictures)
  except ValueError:
    return None


def _warn(folder):
  where = one_line(folder / RECORD, 1000)
  notice(f'warning: {where} is damaged and ignored: how the set was prepared is not known')


def _provenance(values):
  """Raises ValueError if a field that is used is missing or of a wrong form."""
  for field, pattern in (('transform', _WORD), ('filter', _WORD), ('pillow', _WORD)):
    _matching(values, field, pattern)
  _matching(values, 'content', _HASH)
  labels = _typed(values, 'labels', dict) if values.get('labels') else {}
  counts = _typed(values, 'counts', dict, {})
  names = _typed(labels, 'component_names', list, [])
  reasons = _typed(counts, 'reasons', dict, {})
  return Provenance(
    **{field: values[field] for field in ('transform', 'filter', 'pillow', 'content')},
    **{field: _typed(values, field, str, '') for field in ('source', 'kind', 'format')},
    component_names=tuple(_name(name) for name in names),
    origin=_typed(labels, 'origin', str, ''),
    unmatched=_typed(labels, 'unmatched', int, 0),
    num_read=_typed(counts, 'in', int, 0),
    num_skipped=_typed(counts, 'skipped', int, 0),
    reasons=tuple((reason, _checked(number, int)) for reason, number in reasons.items()),
  )


def _outcome(values, num_pictures):
  """Raises ValueError, as above."""
  labels = values.get('labels')
  counts = _typed(values, 'counts', dict)
  pairs = [_all(pair, int, 2) for pair in _typed(counts, 'duplicate_pairs', list)]
  if _typed(counts, 'out', int) != num_pictures or any(max(pair) >= num_pictures for pair in pairs):
    raise ValueError('of another set')
  return {
    'content': _matching(values, 'content', _HASH),
    'labels': None if labels is None else _meaning(_checked(labels, dict)),
    'counts': {
      'bytes': _typed(counts, 'bytes', int),
      'duplicates': _typed(counts, 'duplicates', int),
      'duplicate_pairs': pairs,
    },
  }


def _meaning(labels):
  """The labels of an outcome. Raises ValueError, as above."""
  if 'class_names' in labels:
    names = _all(labels['class_names'], str)
    return {'class_names': names, 'class_counts': _all(labels.get('class_counts'), int, len(names))}
  dim = _typed(labels, 'dim', int)
  means = _all(labels.get('means'), float, dim)
  return {'dim': dim, 'component_names': _all(labels.get('component_names'), str), 'means': means}


def _matching(values, field, pattern):
  text = _typed(values, field, str)
  if not re.fullmatch(pattern, text):
    raise ValueError(field)
  return text


def _name(text):
  _checked(text, str).encode()  # raises ValueError of what cannot be printed
  return text


def _all(values, kind, length=None):
  """A list of one kind."""
  found = [_checked(value, kind) for value in _checked(values, list)]
  if length not in (None, len(found)):
    raise ValueError(f'{len(found)} values, not {length}')
  return found


def _typed(values, field, kind, default=None):
  return _checked(values.get(field, default), kind)


def _checked(value, kind):
  """The value itself; integers, which count something, only where they can."""
  if type(value) is not kind or (kind is int and not 0 <= value < 2**63):
    raise ValueError(f'no {kind.__name__}')
  return value
