"""The form of a data set's pictures, found without checking them all."""

import dataclasses
import io

from stylegan2_jax.data import decoding, files, locating, sources
from stylegan2_jax.data.base import Example
from stylegan2_jax.data.records import Records
from stylegan2_jax.facts import ImageForm
from stylegan2_jax.geometry import trainable


def find_form(data):
  """The form of the largest images that a network can draw of the first picture's kind.

  Args:
    data: DataSettings, of which the places matter.

  Returns:
    ImageForm; None where the pictures take any form ('shapes'), or `data.source` is empty.

  Raises:
    UserError: there are no such pictures, or the first one cannot be trained on.
  """
  if data.source in ('', sources.SHAPES):
    return None
  first = _first(data)
  size, channels = decoding.form(io.BytesIO(first.image), first.name)
  resolution, aspect = trainable(size) or (data.resolution, (1, 1))
  found = ImageForm(resolution, '{}:{}'.format(*aspect), channels)
  wanted = dataclasses.replace(data, **found._asdict())
  decoding.check_header(wanted, io.BytesIO(first.image), first.name)
  return found


def _first(data):
  """The first picture, an Example without its label."""
  folder = sources.prepared_folder(data)
  if folder is not None:
    records = Records(folder)
    return Example(records.read(0).image, -1, records.number(0))
  path = locating.given_path(data.source)
  kind = files.FolderSource if path.is_dir() else files.ZipSource
  return kind(data, path, checked=False).read(0)
