"""`launch.py interpolate`: walks through seeds, as a film or as a folder of frames."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from stylegan2_jax import films
from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.images import grid as tiled
from stylegan2_jax.tools import sheet_files
from stylegan2_jax.tools.curves import curve, times
from stylegan2_jax.tools.output import writing
from stylegan2_jax.tools.tables import in_bytes

SPACES = ('w', 'z')
_CHUNK = 32  # pictures computed at a time
_MIN_SIDE, _MAX_SIDE = 256, 8192  # pixels of a film: smaller ones are magnified by whole factors


@dataclasses.dataclass(frozen=True)
class Walk:
  """The frames of one or several walks side by side, computed as they are asked for.

  `for frame in walk` gives each: uint8 [rows * H, cols * W, channels].
  """

  gan: StyleGAN2
  times: np.ndarray  # float64 [frames]; seed k of a walk is met at time k
  ways: Callable[[np.ndarray], np.ndarray]  # times [T] -> ws [T, walks, num_ws, w_dim]
  shape: tuple[int, int]  # (rows, cols)
  noise: str

  def __len__(self) -> int:
    return len(self.times)

  def __iter__(self) -> Iterator[np.ndarray]:
    rows, cols = self.shape
    step = max(1, _CHUNK // (rows * cols))
    for start in range(0, len(self), step):
      ws = self.ways(self.times[start : start + step])
      images = self.gan.draw(ws.reshape(-1, *ws.shape[2:]), self.noise, seed=start)
      for picture in images.reshape(len(ws), rows * cols, *images.shape[1:]):
        yield tiled(picture, rows, cols, min_cell=1)


def walk(
  gan: StyleGAN2,
  seeds: Sequence[int],
  space: str = 'w',
  method: str | None = None,
  frames: int = 50,
  total: int | None = None,
  loop: bool = False,
  grid: tuple[int, int] = (1, 1),
  psi: float = 1.0,
  cutoff: int | None = None,
  center: str = 'global',
  noise: str = 'const',
  labels: Sequence = (),
) -> Walk:
  """Walks through the latents of seeds: `films.write('walk.mp4', walk(gan, [3, 1, 4]), 25)`.

  Args:
    gan: the model.
    seeds: where a walk passes. Of several walks the first one's seeds come first, and so on.
    space: 'w', what the mapping network gives is interpolated; 'z', what it takes.
    method: 'linear', 'spline', or in z 'slerp' (tools/curves.py); None: spline in w, slerp in z.
    frames: from a seed to the next.
    total: frames in all, evenly spaced, in place of `frames`.
    loop: back to the first seed, without a frame twice.
    grid: (rows, cols) of walks side by side.
    psi: truncation ψ; `cutoff` and `center` as `StyleGAN2.map`.
    cutoff: see psi.
    center: see psi.
    noise: 'const', 'none', or 'random', which flickers.
    labels: for conditional models, as `LabelSpace.vector` takes them: one for the whole walk, or
      those of its first seed, its second and so on, in turn. Where there are more labels than
      seeds, seeds are taken in turn. In z labels are interpolated, on straight lines.

  Raises:
    UserError: fewer than two points to walk through, seeds that do not fill the grid, labels that
      do not fit, or a method or a center that the space has not.
    ValueError: no such space, method, noise mode or center.
  """
  if space not in SPACES:
    raise ValueError(f'space {space!r}: use one of {", ".join(SPACES)}')
  method = method or {'w': 'spline', 'z': 'slerp'}[space]
  if method == 'slerp' and space == 'w':
    raise UserError('slerp is for z, where all that counts is a direction: in w use linear, spline')
  if center == 'class' and space == 'z' and len(labels) > 1:
    raise UserError('between several classes, truncation towards each its own is for w, not z')
  seeds, vectors = _points(gan, seeds, labels, grid)
  walks, count = seeds.shape
  at = times(count, loop, frames, total)
  z = np.asarray(gan.latents(seeds.ravel()))
  truncation = {'psi': psi, 'cutoff': cutoff, 'center': center}
  if space == 'w':
    of_each = None if vectors is None else np.tile(vectors, (walks, 1))
    points = np.asarray(gan.map(z, of_each, **truncation))
    ways = _ways(points.reshape(walks, count, -1), method, loop)

    def ws_at(times):
      return ways(times).reshape(len(times), walks, *points.shape[1:])
  else:
    ways = _ways(z.reshape(walks, count, -1), method, loop)
    label_way = None if vectors is None else curve(vectors, 'linear', loop)

    def ws_at(times):
      of_each = None if label_way is None else label_way(times).repeat(walks, axis=0)
      ws = np.asarray(gan.map(ways(times).reshape(-1, z.shape[1]), of_each, **truncation))
      return ws.reshape(len(times), walks, *ws.shape[1:])

  return Walk(gan, at, ws_at, grid, noise)


def interpolate_command(
  model: str | pathlib.Path,
  seeds: Sequence[int],
  out: str | pathlib.Path = 'walk.mp4',
  fps: int = 25,
  frames: int = 50,
  seconds: float | None = None,
  labels: Sequence[str] = (),
  step: int | None = None,
  **options,
) -> None:
  """Writes a walk into a file.

  Args:
    model: what `StyleGAN2.load` takes; `step` too.
    seeds: as `walk`, as are `frames` and the `options`.
    out: a .mp4, .webp or .gif, whose small pictures are magnified; without a suffix a folder of
      frames, as they are.
    fps: frames per second of a film.
    frames: see seeds.
    seconds: length of the film, in place of `frames`.
    labels: in the words that `LabelSpace.vector` takes; left out, the first class.
    step: see model.
    **options: see seeds.

  Raises:
    UserError: as `walk`, or the model or output path does not fit.
  """
  out = pathlib.Path(out)
  if out.suffix.lower() not in ('', *films.SUFFIXES):
    raise UserError(
      f'--out={out} must end in one of {", ".join(films.SUFFIXES)}, or in nothing for a folder'
    )
  if out.suffix:
    films.check(out, fps)
  total = None if seconds is None else max(2, round(seconds * fps))
  gan = StyleGAN2.load(model, step, discriminator=False)
  if not labels and gan.c_dim:
    labels = (sheet_files.chosen_label(gan, None),)
  found = walk(gan, seeds, frames=frames, total=total, labels=labels, **options)
  pictures = tqdm(found, unit=' frames', leave=False, dynamic_ncols=True, disable=None)
  with writing(out):
    out.parent.mkdir(parents=True, exist_ok=True)
    if not out.suffix:
      films.write_folder(out, pictures)
      print(f'wrote {len(found)} frames into {out}')
      return
    films.write(out, pictures, fps, _scale(gan.size, found.shape))
    size = in_bytes(out.stat().st_size)
  print(f'wrote {out}: {len(found)} frames in {len(found) / fps:.3g} s, {size}')


def _points(gan, seeds, labels, grid):
  """(seeds [walks, points], label vectors [points, c_dim] or None) of each point of each walk."""
  walks = grid[0] * grid[1]
  if not seeds or len(seeds) % walks:
    raise UserError(
      f'{len(seeds)} seeds do not share out among {grid[0]}x{grid[1]} walks: take a multiple of '
      f'{walks}'
    )
  seeds = np.asarray(seeds).reshape(walks, -1)
  count = max(seeds.shape[1], len(labels))
  if count < 2:
    raise UserError('a walk needs two seeds or more, or one and several classes')
  turns = np.arange(count)
  vectors = gan.labels.vectors(None, 0) if not labels else None
  if labels:
    vectors = np.stack([gan.labels.vector(labels[turn % len(labels)]) for turn in turns])
  return seeds[:, turns % seeds.shape[1]], vectors


def _ways(points, method, loop):
  """Points [walks, K, D] to a function from times [T] to [T, walks, D]."""
  curves = [curve(each, method, loop) for each in points]
  return lambda times: np.stack([at(times) for at in curves], axis=1)


def _scale(size, shape):
  """How often a film repeats each pixel; refuses films that are too large."""
  height, width = size[0] * shape[0], size[1] * shape[1]
  if max(height, width) > _MAX_SIDE:
    raise UserError(
      f'the film would have {width}x{height} pixels, more than {_MAX_SIDE} on a side: take a '
      'smaller --grid'
    )
  return max(1, min(-(-_MIN_SIDE // min(height, width)), _MAX_SIDE // max(height, width)))
