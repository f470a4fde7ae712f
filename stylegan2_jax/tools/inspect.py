"""`launch.py inspect`: reads a prepared set from front to back and says what is in it."""

import pathlib

import numpy as np

from stylegan2_jax.data.inputs.base import Labels, Problem
from stylegan2_jax.data.locating import locate
from stylegan2_jax.data.preparation.contact_sheet import draw_contact_sheet
from stylegan2_jax.data.preparation.conversion import pixel_digest
from stylegan2_jax.data.preparation.opening import open_picture
from stylegan2_jax.data.preparation.progress import Progress
from stylegan2_jax.data.preparation.report import how_to_train, report
from stylegan2_jax.data.preparation.tally import Tally, outcome
from stylegan2_jax.data.provenance import read_provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import one_line

_DAMAGED_SHOWN = 5


def inspect_command(data: str, data_dir: str, out: pathlib.Path) -> None:
  """Prints the report of a set, checks its content, and draws its contact sheet.

  Args:
    data: path or name of a prepared set.
    data_dir: where names are looked up.
    out: PNG to write.

  Raises:
    UserError: there is no such set, it is damaged, or `out` cannot be written.
  """
  records = Records(locate(data, data_dir, '--data'))
  tally, classes, damaged = _read_through(records)
  provenance = read_provenance(records.path)
  found = outcome(tally, _labels(records, provenance))
  for line in report(records, found, provenance):
    print(line)
  for name, reason in damaged[:_DAMAGED_SHOWN]:
    print(f'  warning    {one_line(name)} {reason}')
  changed = provenance is not None and provenance.content != found['content']
  if provenance is not None and not changed:
    print('  checked    all pixels and labels are as they were prepared')
  for line in how_to_train(records):
    print(line)
  _draw(records, classes, out)
  if damaged or changed:
    said = (
      f'{len(damaged)} images of it are damaged' if damaged else f'not {provenance.content} as then'
    )
    raise UserError(f'{records.path} has changed since it was prepared ({said}): prepare it again')


def _read_through(records):
  """(Tally, classes int32 [len] or None, [(name, reason)] of what cannot be decoded)."""
  tally, damaged = Tally(), []
  classes = np.zeros(len(records), np.int32) if records.class_names else None
  with Progress(len(records)) as progress:
    for index in range(len(records)):
      stored = records.read(index)
      opened = open_picture(stored.image)
      if isinstance(opened, Problem):
        damaged.append((records.origin(index), opened.reason))
        tally.skip(opened.reason)
      else:
        label = stored.label
        tally.keep(pixel_digest(opened.image), label if classes is not None else _list(label))
        tally.num_bytes += len(stored.image)
      if classes is not None:
        classes[index] = stored.label
      progress.advance(isinstance(opened, Problem))
  return tally, classes, damaged


def _list(vector):
  return None if vector is None else vector.tolist()


def _labels(records, provenance):
  """What the labels of the set mean; None without."""
  if not records.label_dim:
    return None
  if records.class_names:
    return Labels('', class_names=records.class_names)
  names = provenance.component_names if provenance else ()
  return Labels('', dim=records.label_dim, component_names=names)


def _draw(records, classes, out):
  try:
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_contact_sheet(records, classes, out)
  except OSError as error:
    raise UserError(f'cannot write {out} ({error.strerror}): name another --out') from None
  print(f'contact sheet: {out}')
