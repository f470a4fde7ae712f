"""`launch.py prepare`: makes a TFDS data set of what people have, and reports on it."""

import argparse
import dataclasses

from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.preparation.report import how_to_train, report
from stylegan2_jax.data.preparation.survey import survey
from stylegan2_jax.data.provenance import CONTACT_SHEET, outcome_of, read_json, read_provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import one_line


def prepare_command(flags: argparse.Namespace) -> None:
  """Prepares, prints the report, and says how to go on.

  Args:
    flags: with an attribute for each field of `Request`.

  Raises:
    UserError: see `prepare`; or a set that was there already turns out to be damaged.
  """
  names = [field.name for field in dataclasses.fields(Request)]
  folder = prepare(Request(**{name: getattr(flags, name) for name in names}))
  records, provenance = Records(folder), read_provenance(folder)
  outcome, fault = outcome_of(read_json(folder), len(records)), ''
  if outcome is None:  # of an older version, or edited since: only the pictures tell
    found = survey(records, provenance)
    outcome, fault = found.outcome, found.fault(records, provenance)
  for line in report(records, outcome, provenance):
    print(line)
  print(f'  look at    {one_line(folder / CONTACT_SHEET, 1000)}')
  for line in how_to_train(records):
    print(line)
  if fault:
    raise UserError(fault)
