"""Label files: dataset.json, as StyleGAN's data sets have it, and CSV.

Either names files and says a class or a vector of each. Nothing is guessed that could be meant in
two ways: a file that is not clear is refused, by its first line that is not.
"""

import csv
import hashlib
import io
import json
import re
from typing import NamedTuple

from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM, Label, Labels
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import reason

_LARGEST = 3.4e38  # of float32, in which labels are kept
_REMEDY = 'correct it, or use --labels=none'
_INTEGER = re.compile('[+-]?[0-9]{1,30}')
_CASTS = (int, float)


class Table(NamedTuple):
  """The content of a label file."""

  labels: dict[str, Label]  # by the normal form of the path that names the picture
  meaning: Labels
  stamp: str  # changes with the content


def read_table(content, file, origin):
  """Reads a label file.

  Args:
    content: bytes of it; CSV if `file` ends in .csv, else JSON.
    file: str, what to call it in errors.
    origin: str, what to call it in Labels.

  Returns:
    Table; None if it is a JSON file that says that there are no labels.

  Raises:
    UserError: names the file and the first thing in it that is wrong.
  """
  file = names.shown(file)
  read = _read_csv if file.lower().endswith('.csv') else _read_json
  try:
    text = content.decode('utf-8-sig')
  except UnicodeDecodeError:
    raise UserError(f'{file} is no text in UTF-8: save it as UTF-8') from None
  found = read(text, file)
  if found is None:
    return None
  items, class_names, component_names = found
  if len(class_names) > MAX_LABEL_DIM:  # a prepared set could not hold them
    raise UserError(
      f'{file} has {len(class_names)} classes, more than the {MAX_LABEL_DIM} that can be: give '
      'fewer, or use --labels=none'
    )
  labels = _checked(items, file)
  first = next(iter(labels.values()))
  if isinstance(first, tuple):
    component_names = _fitting(class_names or component_names, len(first), file, 'components')
    meaning = Labels(origin, dim=len(first), component_names=component_names)
  else:
    highest = max(labels.values())
    class_names = class_names or tuple(str(number) for number in range(highest + 1))
    if len(class_names) <= highest:
      raise UserError(
        f'{file} names {len(class_names)} classes, but has class {highest}: {_REMEDY}'
      )
    meaning = Labels(origin, class_names)
  return Table(labels, meaning, hashlib.sha256(content).hexdigest())


def _read_json(text, file):
  """Returns pairs of key and value, class names, component names; None without labels."""
  try:
    document = json.loads(text, object_pairs_hook=_without_conflicts)
  except (ValueError, RecursionError) as error:
    raise UserError(f'{file} is no valid JSON ({reason(error)}): {_REMEDY}') from error
  if not isinstance(document, dict):
    raise UserError(f'{file} must hold {{"labels": [["file.png", 0], ...]}}: {_REMEDY}')
  items = document.get('labels')
  if not items and (items is None or isinstance(items, list | dict)):
    return None
  if isinstance(items, dict):
    items = list(items.items())
  if not isinstance(items, list):
    raise UserError(f'{file}: "labels" must be a list of ["file.png", label]: {_REMEDY}')
  for number, item in enumerate(items):
    if not (isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)):
      raise UserError(
        f'{file}: entry {number} of "labels" must be ["file.png", label], '
        f'not {names.shown(repr(item), 60)}: {_REMEDY}'
      )
  return items, _class_names(document.get('class_names'), file), ()


def _without_conflicts(pairs):
  """A dict of the pairs; ValueError if one key has two values."""
  found = {}
  for key, value in pairs:
    if found.setdefault(key, value) != value:
      raise ValueError(f'"{key}" is there twice')
  return found


def _class_names(found, file):
  """Checks "class_names" of a JSON file."""
  if found is None:
    return ()
  fine = isinstance(found, list) and all(isinstance(name, str) and name.strip() for name in found)
  if not fine or not found or len(set(found)) < len(found):
    raise UserError(f'{file}: "class_names" must be a list of different names: {_REMEDY}')
  return tuple(found)


def _read_csv(text, file):
  """Returns pairs of key and value, class names, component names."""
  header, rows = _rows(text, file)
  if not rows:
    raise UserError(f'{file} has no rows: write lines of file,label')
  keys = [row[0] for _, row in rows]
  if len(rows[0][1]) == 2:
    column = [row[1] for _, row in rows]
    if all(_INTEGER.fullmatch(cell) for cell in column):
      return list(zip(keys, map(int, column), strict=True)), (), ()
    if any(_number(cell) is None for cell in column):
      for line, row in rows:
        if not row[1]:
          raise UserError(f'{file}, line {line}: has no label: give one, or remove the line')
      classes = sorted(set(column))
      numbers = {name: number for number, name in enumerate(classes)}
      return (
        [(key, numbers[cell]) for key, cell in zip(keys, column, strict=True)],
        tuple(classes),
        (),
      )
  items = []
  for line, row in rows:
    vector = [_number(cell) for cell in row[1:]]
    if None in vector:
      cell = names.shown(row[1 + vector.index(None)], 40)
      raise UserError(
        f"{file}, line {line}: '{cell}' is no number, but a file with more than two columns holds "
        f'vectors: {_REMEDY}'
      )
    items.append((row[0], vector))
  return items, (), tuple(header[1:])


def _rows(text, file):
  """The header, () if there is none, and the other rows, each with the number of its line.

  The first row is a header if its first cell does not end like an image: then no picture can be
  meant.
  """
  reader = csv.reader(io.StringIO(text, newline=''), strict=True)
  rows = []
  try:
    for row in reader:
      cells = [cell.strip() for cell in row]
      if any(cells):
        rows.append((reader.line_num, cells))
  except csv.Error as error:
    raise UserError(f'{file}, line {reader.line_num}: {reason(error)}: correct it') from error
  for line, row in rows:
    if len(row) < 2 or len(row) != len(rows[0][1]):
      raise UserError(
        f'{file}, line {line}: has {len(row)} of {max(2, len(rows[0][1]))} columns: '
        'separate them with commas, and put cells that hold commas in "quotes"'
      )
  if rows and names.fault(rows[0][1][0]) is not None:
    return rows[0][1], rows[1:]
  return (), rows


def _number(cell):
  """The number in a cell, None if it is none."""
  try:
    return None if '_' in cell else float(cell)
  except ValueError:
    return None


def _checked(items, file):
  """Labels by normal path, all of one kind."""
  labels = {}
  kind = None
  for key, value in items:
    label = _label(value)
    if isinstance(label, str):
      raise UserError(f"{file}: the label of '{names.shown(key)}' {label}: {_REMEDY}")
    width = len(label) if isinstance(label, tuple) else 0
    if kind not in (None, width):
      raise UserError(
        f"{file}: the label of '{names.shown(key)}' is {_kind(width)}, but those before it are "
        f'{_kind(kind)}: {_REMEDY}'
      )
    kind = width
    if labels.setdefault(names.normal(key), label) != label:
      raise UserError(f"{file} has two labels for '{names.shown(key)}': remove one")
  return labels


def _label(value):
  """A Label, or what is wrong with the value."""
  if isinstance(value, list):
    if not value:
      return 'is an empty list'
    if len(value) > MAX_LABEL_DIM:
      return f'has {len(value)} numbers, more than the {MAX_LABEL_DIM} that can be'
    if any(type(number) not in _CASTS for number in value):
      return 'holds something that is no number'
    if not all(abs(number) <= _LARGEST for number in value):
      return 'holds a number that is not finite, or too large'
    return tuple(float(number) for number in value)
  if type(value) is not int:
    return f'is {names.shown(json.dumps(value), 40)}, neither a class number nor a list of numbers'
  if not 0 <= value < MAX_LABEL_DIM:
    return f'is {names.shown(str(value), 20)}, no class number from 0 to {MAX_LABEL_DIM - 1}'
  return value


def _kind(width):
  return f'a vector of {width}' if width else 'a class'


def _fitting(found, count, file, what):
  if found and len(found) != count:
    raise UserError(f'{file} names {len(found)} {what}, but vectors have {count}: {_REMEDY}')
  return found
