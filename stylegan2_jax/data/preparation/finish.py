"""The end of a preparation: from finished shards to the set in its place."""

import csv
import io
import json
import pathlib

import numpy as np

from stylegan2_jax import files
from stylegan2_jax.data.inputs.base import Labels
from stylegan2_jax.data.preparation.contact_sheet import draw_contact_sheet
from stylegan2_jax.data.preparation.conversion import DIGEST_BYTES, Conversion
from stylegan2_jax.data.preparation.features import write_metadata
from stylegan2_jax.data.preparation.shards import Scratch
from stylegan2_jax.data.preparation.tally import Tally, outcome
from stylegan2_jax.data.provenance import RECORD
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError

SKIPPED = 'skipped.csv'
UNMATCHED = 'unmatched_labels.csv'
CONTACT_SHEET = 'contact.png'


def finish(
  scratch: Scratch, plan: dict, conversion: Conversion, labels: Labels | None, strict: bool
) -> None:
  """Adds up, describes, draws, and moves the set to its place. May be repeated if interrupted.

  Raises:
    UserError: no picture is left, or with `strict` one was skipped. Of the scratch folder only the
      list of what was skipped is kept then.
  """
  tally = _tally(scratch)
  if not tally.num_kept or (strict and (tally.num_skipped or (labels and labels.unmatched))):
    scratch.clear(keep=SKIPPED)
    raise UserError(_refusal(scratch, tally, labels))
  lengths, _ = scratch.collect()
  _write_csv(scratch.final / SKIPPED, ['name', 'reason'], _skipped(scratch))
  if labels and labels.unmatched:
    _write_csv(scratch.final / UNMATCHED, ['key'], ([key] for key in labels.unmatched))
  record = {**plan, **outcome(tally, labels)}
  _write_json(scratch.final / RECORD, record)
  write_metadata(
    scratch.final, scratch.name, conversion, labels, lengths, tally.num_bytes, _description(record)
  )
  draw_contact_sheet(
    Records(scratch.final), _classes(scratch, labels), scratch.final / CONTACT_SHEET
  )
  scratch.publish()


def _tally(scratch):
  """Adds up the journals, and lists what was skipped beside them."""
  tally = Tally()
  for journal in scratch.journals():
    digests = bytes.fromhex(journal.digests)
    for i, label in enumerate(journal.labels):
      tally.keep(digests[DIGEST_BYTES * i : DIGEST_BYTES * (i + 1)], label)
    tally.num_bytes += journal.num_bytes
    for _, reason in journal.skipped:
      tally.skip(reason)
  _write_csv(scratch.path / SKIPPED, ['name', 'reason'], _skipped(scratch))
  return tally


def _classes(scratch, labels):
  """The class of each picture, int32 [n]; None without classes."""
  if labels is None or labels.dim:
    return None
  return np.concatenate([np.array(journal.labels, np.int32) for journal in scratch.journals()])


def _skipped(scratch):
  for journal in scratch.journals():
    yield from journal.skipped


def _refusal(scratch, tally, labels):
  reasons = ', '.join(f'{count:,} {reason}' for reason, count in tally.reasons.most_common(3))
  where = f'{scratch.path / SKIPPED} names them'
  if not tally.num_kept:
    return f'none of the {tally.num_read:,} pictures can be used ({reasons}); {where}'
  if tally.num_skipped:
    return f'--strict: {tally.num_skipped:,} pictures cannot be used ({reasons}); {where}'
  keys = labels.unmatched
  return f'--strict: {len(keys):,} labels belong to no picture, the first to {keys[0]}: remove them'


def _description(record):
  filter_used = f'{record["filter"]} filter of Pillow {record["pillow"]}'
  return f'{record["kind"]}: {record["source"]}; {record["transform"]}, {filter_used}'


def _write_csv(path: pathlib.Path, header, rows):
  with files.replacing(path) as binary:
    text = io.TextIOWrapper(binary, encoding='utf-8', errors='backslashreplace', newline='')
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    text.flush()
    text.detach()


def _write_json(path, value):
  with files.replacing(path) as file:
    file.write((json.dumps(value, indent=1) + '\n').encode())
