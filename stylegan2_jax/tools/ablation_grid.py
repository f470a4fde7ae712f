"""The variants of an ablation: from `--vary` to settings, and to names for folders and legends."""

import csv
import dataclasses
import hashlib
import itertools
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stylegan2_jax import presets, validation
from stylegan2_jax.config import flatten
from stylegan2_jax.errors import UserError
from stylegan2_jax.settings import Settings
from stylegan2_jax.words import one_line

_LONGEST_NAME, _KEPT = 180, 160  # characters; file systems take 255 bytes


class Variant(NamedTuple):
  """One point of the grid: its value of each varied field, and its settings with seed 0."""

  values: dict[str, object]
  settings: Settings

  @property
  def name(self) -> str:
    """Of its folder."""
    return folder_name(self.values)

  @property
  def label(self) -> str:
    """For people: `r1_gamma=0.1, pl_weight=0`."""
    short = short_names(list(self.values))
    return ', '.join(f'{short[f]}={one_line(written(v))}' for f, v in self.values.items())


def parse_vary(texts: Sequence[str]) -> dict[str, list[str]]:
  """Fields with the texts of their values, in the order given.

  A value that holds a comma is put into double quotes.

  >>> parse_vary(['train.r1_gamma=0.1, 1', 'augment.policy="color,cutout",color'])
  {'train.r1_gamma': ['0.1', '1'], 'augment.policy': ['color,cutout', 'color']}

  Raises:
    UserError: a text does not parse, or a field comes twice.
  """
  result = {}
  for text in texts:
    field, equals, values = text.partition('=')
    field = field.strip()
    try:
      (row,) = csv.reader([values], skipinitialspace=True, strict=True) if values else [['']]
    except (csv.Error, ValueError):
      row = []
    if not field or not equals or not row:
      raise UserError(
        f'--vary={one_line(text)} does not parse: write FIELD=VALUE,VALUE as in '
        'train.r1_gamma=0.1,1,10, and values with commas in double quotes'
      )
    if field in result:
      raise UserError(f'--vary names {one_line(field)} twice: give all its values at once')
    result[field] = row
  return result


def variants(
  config: str, overrides: Mapping[str, str], vary: Sequence[str]
) -> tuple[Settings, list[Variant]]:
  """(the base that all variants share, every combination of the varied values).

  The last field changes fastest. All settings are checked, as for one device.

  Args:
    config: a preset.
    overrides: fields of all variants, as text.
    vary: texts of `parse_vary`.

  Raises:
    UserError: the preset, a field or a value is wrong, or two variants are the same.
  """
  fields = parse_vary(vary)
  if 'seed' in fields or 'seed' in overrides:
    raise UserError('the seed of an ablation is not set: --seeds=N trains with seeds 0 to N-1')
  for field in fields:
    if field in overrides:
      raise UserError(f'{field} is set by --config.{field} and varied by --vary: leave one out')
  base = dataclasses.replace(presets.load_settings(config, overrides), seed=0)
  found: dict[str, Variant] = {}
  for texts in itertools.product(*fields.values()):
    variant = _variant(config, overrides, dict(zip(fields, texts, strict=True)))
    key = variant.name.casefold()  # there are disks that do not tell a from A
    if key in found:
      raise UserError(f'--vary gives the variant {variant.label} twice: leave one out')
    found[key] = variant
  return base, list(found.values())


def _variant(config: str, overrides: Mapping[str, str], texts: dict[str, str]) -> Variant:
  """The preset with these fields as if they were on the command line: its rules follow them."""
  try:
    settings = dataclasses.replace(presets.load_settings(config, {**overrides, **texts}), seed=0)
    validation.validate(settings, num_devices=1)
  except UserError as error:
    given = ', '.join(f'{field}={one_line(text)}' for field, text in texts.items())
    raise UserError(f'--vary, variant {given}: {error}') from None
  values = flatten(settings)
  return Variant({field: values[field] for field in texts}, settings)


def written(value: object) -> str:
  """A value of a field as text, whole numbers without a point.

  >>> written(10.0), written(0.1), written(True), written(None)
  ('10', '0.1', 'True', 'none')
  """
  if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
    return str(int(value))
  return 'none' if value is None else str(value)


def folder_name(values: Mapping[str, object]) -> str:
  """A name for a folder, another one for other values; only letters, digits and `_.-~%=+`.

  >>> folder_name({'train.r1_gamma': 0.1, 'data.source': '../a b'})
  'train.r1_gamma=0.1+data.source=..%2Fa%20b'
  """
  parts = (f'{f}={urllib.parse.quote(written(v), safe="")}' for f, v in values.items())
  name = '+'.join(parts)
  if len(name) > _LONGEST_NAME:
    return f'{name[:_KEPT]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}'
  return name


def short_names(fields: Sequence[str]) -> dict[str, str]:
  """Fields without their group, where that leaves them different.

  >>> short_names(['train.r1_gamma', 'data.dir'])
  {'train.r1_gamma': 'r1_gamma', 'data.dir': 'dir'}
  """
  last = [field.rpartition('.')[2] for field in fields]
  return dict(zip(fields, last if len(set(last)) == len(last) else fields, strict=True))
