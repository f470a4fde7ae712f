"""Reading a prepared set from front to back: what is in it, and what of it is damaged."""

import dataclasses
import warnings

import numpy as np

from stylegan2_jax.data.base import AGAIN
from stylegan2_jax.data.inputs.base import Labels, Problem
from stylegan2_jax.data.preparation.channels import MODES
from stylegan2_jax.data.preparation.conversion import pixel_digest
from stylegan2_jax.data.preparation.opening import open_picture
from stylegan2_jax.data.preparation.progress import Progress
from stylegan2_jax.data.preparation.tally import Tally, outcome
from stylegan2_jax.data.provenance import Provenance
from stylegan2_jax.data.records import Records
from stylegan2_jax.errors import UserError
from stylegan2_jax.words import one_line

_NAMED = 5  # of the damaged pictures


@dataclasses.dataclass
class Survey:
  """What was found in a set."""

  outcome: dict  # as `tally.outcome` gives it, of the sound pictures
  sound: np.ndarray  # bool [len], which pictures can be used
  classes: np.ndarray | None  # int32 [len], -1 for damaged pictures; None without classes
  damaged: list[str]  # lines on the first damaged pictures

  @property
  def num_damaged(self) -> int:
    """How many pictures cannot be used."""
    return int(np.sum(~self.sound))

  def fault(self, records: Records, provenance: Provenance | None) -> str:
    """One line on what is wrong with the set; '' if nothing is."""
    if self.num_damaged:
      count = f'{self.num_damaged:,} of {len(records):,} images'
      return f'{records.path} is damaged ({count} cannot be used): {AGAIN}'
    if provenance and provenance.content != self.outcome['content']:
      was = f'its content is not {provenance.content} as then'
      return f'{records.path} has changed since it was prepared ({was}): {AGAIN}'
    return ''


def survey(records: Records, provenance: Provenance | None) -> Survey:
  """Reads all pictures and labels of a set. No picture or label makes this raise.

  Args:
    records: of the set.
    provenance: how it was prepared, where that is known.
  """
  tally, damaged = Tally(), []
  sound = np.zeros(len(records), bool)
  classes = np.full(len(records), -1, np.int32) if records.class_names else None
  with Progress(len(records)) as progress, warnings.catch_warnings():
    warnings.simplefilter('ignore')  # Pillow's, about single pictures
    for index in range(len(records)):
      found = _picture(records, index)
      if isinstance(found, Problem):
        tally.skip(found.reason)
        if len(damaged) < _NAMED:
          damaged.append(f'{one_line(_name(records, index))} {found.reason}')
      else:
        image, stored = found
        is_vector = classes is None and stored.label is not None
        tally.keep(pixel_digest(image), stored.label.tolist() if is_vector else stored.label)
        tally.num_bytes += len(stored.image)
        sound[index] = True
        if classes is not None:
          classes[index] = stored.label
      progress.advance(not sound[index])
  return Survey(outcome(tally, _labels(records, provenance)), sound, classes, damaged)


def _picture(records, index):
  """(its pixels as a PIL image, Stored); or the Problem for which training would refuse it."""
  try:
    stored = records.read(index)
  except UserError as error:
    return Problem(f'cannot be read ({one_line(error.__cause__ or error, 100)})')
  opened = open_picture(stored.image)
  if isinstance(opened, Problem):
    return opened
  reason = _wrong_form(opened, records.shape) or _wrong_label(stored.label, records)
  return Problem(reason) if reason else (opened.image, stored)


def _wrong_form(opened, shape):
  """Why a picture is not of the form that the set says; '' if it is."""
  image, mode = opened.image, MODES.get(shape[2])
  if opened.bits > 8:
    return f'has {opened.bits} bits per channel, not 8'
  found = image.height, image.width, 3 if image.mode == 'P' else len(image.getbands())
  if any(said not in (None, there) for said, there in zip(shape, found, strict=True)):
    said = 'x'.join('?' if side is None else str(side) for side in (shape[1], shape[0], shape[2]))
    return f'is {found[1]}x{found[0]}x{found[2]}, not {said}'
  if mode and image.mode not in (mode, 'P'):
    return f'has pixels of the kind {image.mode}, not {mode}'
  return ''


def _wrong_label(label, records):
  if records.class_names and not 0 <= label < records.label_dim:
    return f'has the label {label}, but there are {records.label_dim} classes'
  if label is not None and not np.all(np.isfinite(label)):
    return 'has a label that is not finite'
  return ''


def _name(records, index):
  """Where a picture came from, or its number where even that is damaged."""
  try:
    return records.origin(index)
  except UserError:
    return records.number(index)


def _labels(records, provenance):
  """What the labels of the set mean; None without."""
  if not records.label_dim:
    return None
  if records.class_names:
    return Labels('', class_names=records.class_names)
  names = provenance.component_names if provenance else ()
  names = names if len(names) == records.label_dim else ()  # those of another set
  return Labels('', dim=records.label_dim, component_names=names)
