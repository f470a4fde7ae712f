"""One picture of a whole set, to see at a glance what was prepared."""

import pathlib
import warnings

import numpy as np

from stylegan2_jax import captions, images
from stylegan2_jax.data.inputs.base import Problem
from stylegan2_jax.data.preparation.channels import to_channels
from stylegan2_jax.data.preparation.opening import open_picture
from stylegan2_jax.data.records import Records

_COLUMNS, _ROWS = 12, 8  # without classes
_PER_CLASS, _CLASSES_SHOWN = 10, 24
_CELL = 128  # pixels: larger pictures are shown smaller
_BACKGROUND = (255, 255, 255)  # of what is transparent, in a set that is not


def draw_contact_sheet(
  records: Records,
  classes: np.ndarray | None,
  path: pathlib.Path,
  sound: np.ndarray | None = None,
) -> None:
  """Writes a PNG: pictures evenly spread over the set, or a row of each class with its name.

  Args:
    records: of the set.
    classes: int [len], the class of each picture; None without.
    path: of the PNG.
    sound: bool [len], which pictures can be shown, at least one of them; None is all.

  Raises:
    OSError: the file cannot be written.
    UserError: a picture that is said to be sound cannot be read.
  """
  there = np.arange(len(records)) if sound is None else np.flatnonzero(sound)
  if classes is None:
    count = min(len(there), _ROWS * _COLUMNS)
    chosen = there[np.linspace(0, len(there) - 1, count).round().astype(int)]
    rows = [chosen[i : i + _COLUMNS] for i in range(0, count, _COLUMNS)]
    names = None
  else:
    shown = np.unique(classes[there])[:_CLASSES_SHOWN]
    rows = [there[classes[there] == n][:_PER_CLASS] for n in shown]
    names = [records.class_names[n] for n in shown]
  columns = max(len(row) for row in rows)
  channels = records.shape[2] or 3
  cells = [[_thumbnail(records.read(i).image, channels) for i in row] for row in rows]
  height, width = np.max([c.shape[:2] for row in cells for c in row], axis=0)
  sheet = np.zeros((len(rows) * columns, height, width, channels), np.uint8)
  for row, pictures in enumerate(cells):
    for column, pixels in enumerate(pictures):
      cell = sheet[row * columns + column]
      cell[: pixels.shape[0], : pixels.shape[1]] = pixels
  drawn = images.grid(sheet, len(rows), columns)
  images.save_png(path, captions.captioned(drawn, names) if names else drawn)


def _thumbnail(encoded, channels):
  """The pixels of a picture [H, W, channels], at most `_CELL` on a side; one black if damaged."""
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # Pillow's, about large pictures
    opened = open_picture(encoded)
  image = opened if isinstance(opened, Problem) else to_channels(*opened, channels, _BACKGROUND)
  if isinstance(image, Problem):
    return np.zeros((1, 1, channels), np.uint8)
  image.thumbnail((_CELL, _CELL))
  return np.asarray(image).reshape(image.height, image.width, channels)
