"""`preparation.json`: how `launch.py prepare` made a set, as those who read the set need it."""

import dataclasses
import json
import pathlib
import re

from stylegan2_jax.data.notices import notice

RECORD = 'preparation.json'  # beside dataset_info.json

_MAX_BYTES = 2**25
_WORD = r'[\w .+-]{1,40}'


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
  if not path.exists():
    return None
  try:
    if path.stat().st_size <= _MAX_BYTES:
      values = json.loads(path.read_text(encoding='utf-8'))
      if isinstance(values, dict):
        return values
  except (OSError, ValueError, RecursionError):
    pass
  _warn(folder)
  return None


def _warn(folder):
  where = folder / RECORD
  notice(f'warning: {where} is damaged and ignored: how the set was prepared is not known')


def _provenance(values):
  """Raises ValueError if a field that is used is missing or of a wrong form."""
  for field, pattern in (
    ('transform', _WORD),
    ('filter', _WORD),
    ('pillow', _WORD),
    ('content', '[0-9a-f]{12,128}'),
  ):
    if not re.fullmatch(pattern, _typed(values, field, str)):
      raise ValueError(field)
  labels = _typed(values, 'labels', dict) if values.get('labels') else {}
  counts = _typed(values, 'counts', dict, {})
  names = _typed(labels, 'component_names', list, [])
  reasons = _typed(counts, 'reasons', dict, {})
  return Provenance(
    **{field: values[field] for field in ('transform', 'filter', 'pillow', 'content')},
    **{field: _typed(values, field, str, '') for field in ('source', 'kind', 'format')},
    component_names=tuple(_checked(name, str) for name in names),
    origin=_typed(labels, 'origin', str, ''),
    unmatched=_typed(labels, 'unmatched', int, 0),
    num_read=_typed(counts, 'in', int, 0),
    num_skipped=_typed(counts, 'skipped', int, 0),
    reasons=tuple((reason, _checked(number, int)) for reason, number in reasons.items()),
  )


def _typed(values, field, kind, default=None):
  return _checked(values.get(field, default), kind)


def _checked(value, kind):
  if type(value) is not kind:
    raise ValueError(f'{value!r} is no {kind.__name__}')
  return value
