"""What one looks at after a projection: a sheet that compares, and a film of how it came about."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from stylegan2_jax import films, sheets
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.networks.noise import NoiseMaps
from stylegan2_jax.tools.projector import Found, moments
from stylegan2_jax.words import one_line

_BAND = 8  # images beside each other in a sheet
MAX_SHEET = 64  # images in a sheet
MAX_FILM = 16  # images in a film
_FILM_COLUMNS = 4  # pairs beside each other in a film
_FILM_SIDE = 512  # pixels of an image in a film at most
RATE, _HOLD = 25, 25  # frames per second, and how many more the last one stands
_NAME = 14  # characters of a name above its image


def comparison(names: Sequence[str], found: Sequence[Found]) -> np.ndarray:
  """Target, projected and the image of the mean w below each other: uint8 [height, width, C].

  Eight images in a row of three; the first `MAX_SHEET`.
  """
  names, found = names[:MAX_SHEET], found[:MAX_SHEET]
  columns = min(_BAND, len(found))
  bands = []
  for start in range(0, len(found), columns):
    part = found[start : start + columns]
    empty = [None] * (columns - len(part))
    cells = [[getattr(f, kind) for f in part] + empty for kind in ('target', 'image', 'start')]
    captions = [one_line(name, _NAME) for name in names[start : start + columns]] + [''] * len(
      empty
    )
    bands.append(sheets.sheet(cells, ('target', 'projected', 'mean w'), captions))
  width = max(band.shape[1] for band in bands)  # long names make the words smaller
  return np.concatenate([_widened(band, width) for band in bands])


def film(path: pathlib.Path, gan: StyleGAN2, found: Sequence[Found], steps: int) -> int:
  """Writes target and projection side by side at each of `moments`, with its last noise maps.

  Args:
    path: where to; films.SUFFIXES.
    gan: the model.
    found: images, of which the first `MAX_FILM` are shown.
    steps: of the projection.

  Returns:
    How many frames there are.

  Raises:
    OSError: it cannot be written.
  """
  return films.write(path, _frames(gan, found[:MAX_FILM], steps), RATE)


def _frames(gan, found, steps) -> Iterator[np.ndarray]:
  targets = [_small(f.target) for f in found]
  paths = np.stack([f.path for f in found])  # [N, moments, 1 or num_ws, w_dim]
  maps = 'none'
  if found[0].noise_maps:
    maps = stacked([f.noise_maps for f in found])
  frame = None
  for number, step in enumerate((0, *moments(steps))):
    ws = np.broadcast_to(paths[:, number], (len(found), gan.num_ws, gan.w_dim))
    images = [_small(image) for image in gan.draw(ws, maps)]
    frame = _frame(targets, images, step)
    yield frame
  for _ in range(_HOLD):
    yield frame


def _frame(targets, images, step):
  """Pairs of target and projection in rows."""
  pairs = min(_FILM_COLUMNS, len(targets))
  rows = -(-len(targets) // pairs)
  cells = []
  for row in range(rows):
    chosen = range(row * pairs, (row + 1) * pairs)
    known = [(targets[i], images[i]) if i < len(targets) else (None, None) for i in chosen]
    cells.append([picture for pair in known for picture in pair])
  return sheets.sheet(cells, (), ['target', f'step {step}'] * pairs)


def _widened(band, width):
  """With background on its right."""
  empty = np.full((band.shape[0], width - band.shape[1], 1), sheets.BACKGROUND, np.uint8)
  return np.concatenate([band, sheets.as_channels(empty, band.shape[2])], axis=1)


def _small(image):
  """uint8 [H, W, C] with sides of at most 512 pixels, by leaving pixels out."""
  factor = -(-max(image.shape[:2]) // _FILM_SIDE)
  return image[::factor, ::factor]


def stacked(trees: Sequence[NoiseMaps]) -> NoiseMaps:
  """Maps [h, w] of N images as [N, h, w]."""
  return {
    block: {layer: np.stack([tree[block][layer] for tree in trees]) for layer in layers}
    for block, layers in trees[0].items()
  }
