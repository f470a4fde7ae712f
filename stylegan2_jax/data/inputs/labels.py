"""Which picture has which label: from a label file, or from the folders that pictures lie in."""

import collections
import dataclasses
import os

from stylegan2_jax.data.decoding import MAX_BYTES
from stylegan2_jax.data.inputs import names
from stylegan2_jax.data.inputs.base import MAX_LABEL_DIM, Labels, Problem
from stylegan2_jax.data.inputs.tables import read_table
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import listing, reason

_TABLE = 'dataset.json'
_SPLITS = {'train', 'training', 'val', 'valid', 'validation', 'test', 'testing'}


def top_table(paths):
  """The number of the label file among an input's files, or None.

  It lies at the top; where all images lie in one folder, as in an archive of a folder, that
  folder is the top.
  """
  found = [i for i, path in enumerate(paths) if names.parts(path)[-1:] == [_TABLE]]
  for place in (_TABLE, _top(paths) + _TABLE) if found else ():
    for i in found:
      if names.normal(paths[i]) == place:
        return i
  return None


def given(labels):
  """Checks the choice of labels, and reads the label file if it is the path of one.

  Returns:
    Table, or None if the choice is none.

  Raises:
    UserError: there is no such choice or file, or the file is wrong.
  """
  labels = os.fspath(labels)
  if labels in ('auto', 'none', 'folders'):
    return None
  file = names.shown(labels)
  if not labels.lower().endswith(('.json', '.csv')):
    raise UserError(
      f'--labels={file} is no choice: give auto, none, folders, or the path of a .json or .csv file'
    )
  try:
    if not os.path.isfile(labels):
      raise UserError(f'--labels={file} is no file: give the path of a .json or .csv file')
    if os.path.getsize(labels) > MAX_BYTES:
      raise UserError(f'{file} is larger than {MAX_BYTES >> 20} MiB: give a smaller one')
    with open(labels, 'rb') as stream:
      content = stream.read()
  except OSError as error:
    raise UserError(f'cannot read {file} ({reason(error)}): make it readable') from error
  table = read_table(content, file, names.shown(os.path.basename(labels)))
  if table is None:
    raise UserError(f'{file} has no labels: give another file, or --labels=none')
  return table


def assign(labels, table, content, paths, source):
  """Finds the labels of an input's pictures.

  Args:
    labels: str, the choice.
    table: Table of the file that the choice names, None if it names none.
    content: bytes of the input's own label file, or the Problem with it; None if there is none.
    paths: those of the pictures.
    source: str, what to call the input in errors.

  Returns:
    (Labels, the label of each picture, str that changes with them). Labels are None, and the
    list empty, if there are no labels.

  Raises:
    UserError: the label file is wrong or matches no picture, or no picture lies in a folder.
  """
  labels = os.fspath(labels)
  if labels == 'folders':
    return (*_by_folder(paths, source), labels)
  if labels == 'auto' and content is not None:
    file = f'{source}/{_TABLE}'
    if isinstance(content, Problem):
      raise UserError(f'{file} {content.reason}: restore it, or use --labels=none')
    table = read_table(content, file, _TABLE)
  if table is None:
    return None, [], 'none'
  return (*_match(table, paths, source), f'{table.meaning.origin} {table.stamp}')


def _by_folder(paths, source):
  """The folder at the top is the class; where one holds all, the folders in it are."""
  classes, skipped = _folders(paths)
  if not classes:
    raise UserError(
      f'{source} has no folders for --labels=folders: put the images of each class in a folder'
    )
  if len(classes) > MAX_LABEL_DIM:
    raise UserError(
      f'{source} has {len(classes)} folders for --labels=folders, more than the {MAX_LABEL_DIM} '
      'classes that can be: use --labels=none'
    )
  numbers = {name: number for number, name in enumerate(classes)}
  found = [numbers.get(_folder(path, skipped)) for path in paths]
  return Labels('folder names', tuple(classes)), found


def _folders(paths):
  """(sorted names of the folders that are classes, how many folders lie above them)."""
  images = [path for path in paths if names.fault(path) is None]
  for skipped in (len(names.parts(_top(paths))), 0):
    classes = sorted({_folder(path, skipped) for path in images} - {None})
    if classes:
      break
  if classes and {name.lower() for name in classes} <= _SPLITS:  # as in AFHQ: train/cat, val/cat
    below = sorted({_folder(path, skipped + 1) for path in images} - {None})
    return (below, skipped + 1) if below else (classes, skipped)
  return classes, skipped


def hint(paths):
  """What could be labels, for people who did not ask for any; '' if there is nothing."""
  tables = [path for path in paths if path.lower().endswith('.csv')]
  if tables:
    return f'{names.shown(tables[0])} may hold labels: --labels=FILE uses them'
  classes, _ = _folders(paths)
  if len(classes) < 2:
    return ''
  return f'sub-folders ({listing(classes, 4)}) can be classes: --labels=folders makes them so'


def _folder(path, skipped):
  found = names.parts(path)[skipped:]
  return found[0] if len(found) > 1 else None


def _top(paths):
  """The folder, with a slash, that holds all images, '' if there is none."""
  tops = {_folder(path, 0) for path in paths if names.fault(path) is None}
  top = tops.pop() if len(tops) == 1 else None
  return names.normal(top) + '/' if top else ''


def _match(table, paths, source):
  """Finds the pictures that the keys of a Table name.

  A key names the picture with this path. If there is none, and the key is without folders, it
  names the one picture of that name in all folders.
  """
  normal = [names.normal(path) for path in paths]
  top = _top(paths)
  found = []
  used = set()
  for path in normal:
    key = path.removeprefix(top) if path.removeprefix(top) in table.labels else path
    found.append(table.labels.get(key))
    if key in table.labels:
      used.add(key)
  left = {key for key in table.labels if key not in used and '/' not in key}
  if left:
    bases = collections.Counter(path.rpartition('/')[2] for path in normal)
    for i, path in enumerate(normal):
      key = path.rpartition('/')[2]
      if key in left and bases[key] == 1 and found[i] is None:
        found[i] = table.labels[key]
        used.add(key)
  if not used:
    key = names.shown(next(iter(table.labels)))
    path = names.shown(next(path for path in paths if names.fault(path) is None))
    raise UserError(
      f"{names.shown(table.meaning.origin)} names no picture of {source}: it has '{key}' where "
      f"the pictures are like '{path}'; write the paths as they are in there"
    )
  unmatched = tuple(names.shown(key) for key in table.labels if key not in used)
  return dataclasses.replace(table.meaning, unmatched=unmatched), found
