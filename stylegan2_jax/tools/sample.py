"""`launch.py sample`: pictures of seeds, as one grid or as single files."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.captions import captioned
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import grid, grid_shape, save_png
from stylegan2_jax.tools.output import writing

_MAX_ROWS = 50  # classes that are drawn where none is named


def sample_command(
  model: str | os.PathLike,
  seeds: Sequence[int],
  psi: float = 1.0,
  noise: str = 'const',
  out: str | os.PathLike = 'samples.png',
  label: str | None = None,
  step: int | None = None,
  center: str = 'global',
  cutoff: int | None = None,
) -> None:
  """Draws pictures of seeds from a generator.

  Args:
    model: what `StyleGAN2.load` takes.
    seeds: of the latents.
    psi: ψ of the truncation.
    noise: 'const', 'random' or 'none'.
    out: a .png for one grid, else a folder for single files seedNNNN.png.
    label: the label, for conditional models: a class or a vector, in the words that
      `LabelSpace.vector` takes. Left out, each seed is drawn in each class: a row per class, a
      column per seed; single files are seedNNNN-classNN.png.
    step: a saved step; None is the newest.
    center: of the truncation, 'global' or 'class'; see `Sampler.centers`.
    cutoff: how many layers are truncated, from the coarsest; None is all.

  Raises:
    UserError: the run, checkpoint, label or output path does not fit.
  """
  gan = StyleGAN2.load(model, step, discriminator=False)
  each_class = bool(gan.class_names) and label is None
  if gan.c_dim and label is None and not each_class:
    raise UserError(f'this model is conditional: use --class to {gan.labels.choices()}')
  classes = range(min(gan.c_dim, _MAX_ROWS)) if each_class else [None]
  if each_class and gan.c_dim > _MAX_ROWS:
    print(f'drawing the first {_MAX_ROWS} of {gan.c_dim} classes; --class=NAME draws any')
  labels = np.repeat(np.array(classes), len(seeds)) if each_class else label
  pictures = gan.sample_seeds(list(seeds) * len(classes), psi, labels, noise, center, cutoff)
  path = pathlib.Path(out)
  with writing(path):
    if path.suffix.lower() == '.png':
      names = [gan.class_names[number] for number in classes] if each_class else None
      path.parent.mkdir(parents=True, exist_ok=True)
      save_png(path, _grid(pictures, names))
      print(f'wrote {path}: {len(pictures)} images')
    else:
      path.mkdir(parents=True, exist_ok=True)
      for name, picture in zip(_file_names(seeds, classes), pictures, strict=True):
        save_png(path / name, picture)
      print(f'wrote {len(pictures)} images into {path}')


def _grid(pictures, names):
  """All pictures in one, with a row for each name if there are names."""
  if names is None:
    return grid(pictures, *grid_shape(len(pictures)))
  return captioned(grid(pictures, len(names), len(pictures) // len(names)), names)


def _file_names(seeds, classes):
  """Made of numbers alone: names of classes are whatever the data has."""
  digits = max(2, len(str(len(classes) - 1)))
  for number in classes:
    suffix = '' if number is None else f'-class{number:0{digits}}'
    yield from (f'seed{seed:04d}{suffix}.png' for seed in seeds)
