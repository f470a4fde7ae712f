"""The end of a preparation: from finished shards to the set in its place."""

import contextlib
import csv
import io
import json
import pathlib

import numpy as np

from stylegan2_jax import files
from stylegan2_jax.data.inputs.base import Labels
from stylegan2_jax.data.preparation.contact_sheet import draw_contact_sheet
from stylegan2_jax.data.preparation.conversion import Conversion
from stylegan2_jax.data.preparation.features import write_metadata
from stylegan2_jax.data.preparation.journal import writing
from stylegan2_jax.data.preparation.scratch import Scratch
from stylegan2_jax.data.preparation.tally import Tally, outcome
from stylegan2_jax.data.provenance import CONTACT_SHEET, RECORD, SKIPPED, UNMATCHED
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError


def finish(
  scratch: Scratch, plan: dict, conversion: Conversion, labels: Labels | None, strict: bool
) -> None:
  """Adds up, describes, draws, and moves the set to its place. May be repeated if interrupted.

  Raises:
    UserError: no picture is left, or with `strict` one was skipped. Of the scratch folder only the
      list of what was skipped is kept then.
  """
  tally, lengths, classes = _add_up(scratch)
  refusal = _refusal(tally, labels, strict, scratch.path / SKIPPED)
  if refusal:
    scratch.clear(keep=SKIPPED)
    raise UserError(refusal)
  with writing(scratch.path):
    scratch.collect(lengths)
    (scratch.path / SKIPPED).rename(scratch.final / SKIPPED)
    if labels and labels.unmatched:
      with _table(scratch.final / UNMATCHED, 'key') as rows:
        rows.writerows([key] for key in labels.unmatched)
    record = {**plan, **outcome(tally, labels)}
    with files.replacing(scratch.final / RECORD) as file:
      file.write((json.dumps(record, indent=1) + '\n').encode())
    kept = [length for length in lengths if length]
    write_metadata(
      scratch.final, scratch.name, conversion, labels, kept, tally.num_bytes, _description(record)
    )
    classes = np.concatenate(classes) if labels and not labels.dim else None
    draw_contact_sheet(Records(scratch.final), classes, scratch.final / CONTACT_SHEET)
  scratch.publish()


def _refusal(tally, labels, strict, skipped):
  """Why the set must not be; '' if it may."""
  reasons = ', '.join(f'{count:,} {reason}' for reason, count in tally.reasons.most_common(3))
  if not tally.num_kept:
    return f'none of the {tally.num_read:,} pictures can be used ({reasons}); {skipped} names them'
  if strict and tally.num_skipped:
    count = f'{tally.num_skipped:,} pictures cannot be used'
    return f'--strict: {count} ({reasons}); {skipped} names them'
  if strict and labels and labels.unmatched:
    count, first = len(labels.unmatched), labels.unmatched[0]
    return f'--strict: {count:,} labels belong to no picture, the first to {first}: remove them'
  return ''


def _add_up(scratch):
  """(Tally, pictures in each shard, labels in each); writes the list of what was skipped."""
  tally, lengths, labels = Tally(), [], []
  with writing(scratch.path), _table(scratch.path / SKIPPED, 'name', 'reason') as rows:
    for journal in scratch.journals():
      for i in range(journal.length):
        tally.keep(journal.digest(i), journal.label(i))
      tally.num_bytes += journal.num_bytes
      for name, reason in journal.skipped:
        tally.skip(reason)
        rows.writerow([name, reason])
      lengths.append(journal.length)
      labels += [] if journal.labels is None else [journal.labels]
  return tally, lengths, labels


def _description(record):
  filter_used = f'{record["filter"]} filter of Pillow {record["pillow"]}'
  return f'{record["kind"]}: {record["source"]}; {record["transform"]}, {filter_used}'


@contextlib.contextmanager
def _table(path: pathlib.Path, *header: str):
  """A csv.writer of a file that takes its name at the end of the block."""
  with files.replacing(path) as binary:
    text = io.TextIOWrapper(binary, encoding='utf-8', errors='backslashreplace', newline='')
    rows = csv.writer(text)
    rows.writerow(header)
    yield rows
    text.flush()
    text.detach()
