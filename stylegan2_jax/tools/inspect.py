"""`launch.py inspect`: reads a prepared set from front to back and says what is in it."""

import pathlib

from stylegan2_jax.data.locating import locate
from stylegan2_jax.data.preparation.contact_sheet import draw_contact_sheet
from stylegan2_jax.data.preparation.report import how_to_train, report
from stylegan2_jax.data.preparation.survey import survey
from stylegan2_jax.data.provenance import read_provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError


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
  provenance = read_provenance(records.path)
  found = survey(records, provenance)
  fault = found.fault(records, provenance)
  for line in report(records, found.outcome, provenance):
    print(line)
  for line in found.damaged:
    print(f'  warning    {line}')
  if found.num_damaged > len(found.damaged):
    print(f'  warning    {found.num_damaged - len(found.damaged):,} more images are damaged')
  if provenance and not fault:
    print('  checked    all pixels and labels are as they were prepared')
  if found.sound.any():
    _draw(records, found, out)
  for line in how_to_train(records):
    print(line)
  if fault:
    raise UserError(fault)


def _draw(records, found, out):
  try:
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_contact_sheet(records, found.classes, out, found.sound)
  except OSError as error:  # of writing alone: what cannot be read is left out
    reason = error.strerror or type(error).__name__
    raise UserError(f'cannot write {out} ({reason}): name another --out') from None
  print(f'  look at    {out}')
