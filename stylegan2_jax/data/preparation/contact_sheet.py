"""One picture of a whole set, to see at a glance what was prepared."""

import io
import pathlib

import numpy as np
from PIL import Image

from stylegan2_jax import captions, images
from stylegan2_jax.data.records import Records

_COLUMNS, _ROWS = 12, 8  # without classes
_PER_CLASS, _CLASSES_SHOWN = 10, 24
_CELL = 128  # pixels: larger pictures are shown smaller


def draw_contact_sheet(records: Records, classes: np.ndarray | None, path: pathlib.Path) -> None:
  """Writes a PNG: pictures evenly spread over the set, or a row of each class with its name.

  Args:
    records: of the set.
    classes: int [len], the class of each picture; None without.
    path: of the PNG.
  """
  if classes is None:
    count = min(len(records), _ROWS * _COLUMNS)
    rows = [np.linspace(0, len(records) - 1, count).round().astype(int)]
    rows = [rows[0][i : i + _COLUMNS] for i in range(0, count, _COLUMNS)]
    names = None
  else:
    found = [(n, np.flatnonzero(classes == n)[:_PER_CLASS]) for n in np.unique(classes)]
    found = found[:_CLASSES_SHOWN]
    rows = [indices for _, indices in found]
    names = [records.class_names[n] for n, _ in found]
  columns = max(len(row) for row in rows)
  cells = [[_thumbnail(records.read(i).image) for i in row] for row in rows]
  height, width, channels = np.max([c.shape for row in cells for c in row], axis=0)
  sheet = np.zeros((len(rows) * columns, height, width, channels), np.uint8)
  for row, pictures in enumerate(cells):
    for column, pixels in enumerate(pictures):
      cell = sheet[row * columns + column]
      cell[: pixels.shape[0], : pixels.shape[1]] = pixels
  drawn = images.grid(sheet, len(rows), columns)
  images.save_png(path, captions.captioned(drawn, names) if names else drawn)


def _thumbnail(encoded):
  """The pixels of a picture [H, W, C], at most `_CELL` on a side."""
  image = Image.open(io.BytesIO(encoded))
  image.thumbnail((_CELL, _CELL))
  pixels = np.asarray(image)
  return pixels[..., None] if pixels.ndim == 2 else pixels
