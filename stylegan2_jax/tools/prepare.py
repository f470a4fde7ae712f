"""`launch.py prepare`: makes a TFDS data set of what people have, and reports on it."""

import argparse
import dataclasses

from stylegan2_jax.data.preparation.prepare import Request, prepare
from stylegan2_jax.data.preparation.report import how_to_train, report
from stylegan2_jax.data.provenance import read_json, read_provenance
from stylegan2_jax.data.records import Records


def prepare_command(flags: argparse.Namespace) -> None:
  """Prepares, prints the report, and says how to go on.

  Args:
    flags: with an attribute for each field of `Request`.

  Raises:
    UserError: see `prepare`.
  """
  names = [field.name for field in dataclasses.fields(Request)]
  folder = prepare(Request(**{name: getattr(flags, name) for name in names}))
  records = Records(folder)
  lines = report(records, read_json(folder), read_provenance(folder))
  for line in [*lines, *how_to_train(records)]:
    print(line)
