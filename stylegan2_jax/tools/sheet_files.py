"""What the commands that draw sheets share: which label, and how pictures become files."""

import pathlib
from collections.abc import Iterable

import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import save_png
from stylegan2_jax.tools.output import writing
from stylegan2_jax.words import one_line

MAX_FILES = 10_000
FEWER = 'take fewer seeds, or an --out that is a folder, for single files'


def chosen_label(gan: StyleGAN2, label: str | None) -> int | str | None:
  """The label of all pictures: the given one, else class 0, of which a line is printed.

  Raises:
    UserError: label vectors have no first one.
  """
  if label is not None or not gan.c_dim:
    return label
  if not gan.class_names:
    raise UserError(f'this model is conditional: use --class to {gan.labels.choices()}')
  print(f'drawing class 0, {one_line(gan.class_names[0])}; --class=NAME draws any')
  return 0


def is_sheet(out: pathlib.Path) -> bool:
  """Whether one picture is asked for, and no folder."""
  return out.suffix.lower() == '.png'


def write_files(folder: pathlib.Path, pictures: Iterable[tuple[str, np.ndarray]]) -> None:
  """Writes pictures uint8 [H, W, C] as FOLDER/NAME.png, one after the other, and says how many.

  Raises:
    UserError: they cannot be written.
  """
  count = 0
  with writing(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures:
      save_png(folder / f'{name}.png', picture)
      count += 1
  print(f'wrote {count} images into {folder}')


def write_sheet(path: pathlib.Path, picture: np.ndarray) -> None:
  """Writes one picture, uint8 [H, W, C], and says so.

  Raises:
    UserError: it cannot be written.
  """
  with writing(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(path, picture)
  print(f'wrote {path}: {picture.shape[1]}x{picture.shape[0]} pixels')


def check_files(count: int) -> None:
  """Raises UserError for more single files than anybody looks at."""
  if count > MAX_FILES:
    raise UserError(f'these are {count} images, more than {MAX_FILES}: take fewer seeds')


def labels_in_turn(gan: StyleGAN2, label, count: int) -> np.ndarray | None:
  """Labels [count, c_dim] of many pictures; where none is given, each class in turn.

  Raises:
    UserError: label vectors are missing, or the label does not fit.
  """
  if label is None and gan.class_names:
    label = np.arange(count) % gan.c_dim
  if label is None and gan.c_dim:
    raise UserError(f'this model is conditional: use --class to {gan.labels.choices()}')
  return gan.labels.vectors(label, count)
