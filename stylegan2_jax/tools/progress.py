"""`launch.py progress`: the grids of a run as a film, or as a table with pictures."""

import pathlib
import re
import sys
import urllib.parse
from collections.abc import Sequence

from stylegan2_jax import files
from stylegan2_jax.durations import clock
from stylegan2_jax.errors import UserError
from stylegan2_jax.reporting import animation, pictures
from stylegan2_jax.reporting.animation import Shot
from stylegan2_jax.reporting.history import History
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.tools.tables import aligned, in_bytes
from stylegan2_jax.words import reason

_PRINTED, _TABLE_ROWS = 30, 12  # rows at most
_TABLE_WIDTH = 512  # pixels of a picture in the table
_PICTURE = re.compile(r'fakes-\d{6,}(\.\d{3})?\.jpg', re.ASCII)


def progress_command(workdir: pathlib.Path, out: str, seconds: float, width: int | None) -> None:
  """Prints how long each grid of a run took to come, and shows them in a file.

  Args:
    workdir: folder of the run; nothing is written there.
    out: a .mp4, .gif or .webp for a film; a .md for a Markdown table, whose pictures lie in a
      folder beside it.
    seconds: length of the film.
    width: of the pictures in pixels; None chooses.

  Raises:
    UserError: no run, no grids, numbers that cannot be read, or `out` does not fit.
  """
  path = pathlib.Path(out)
  suffix = path.suffix.lower()
  forms = [*animation.MAX_WIDTH, '.md']
  if suffix not in forms:
    raise UserError(f'--out={out} must end in one of {", ".join(forms)}')
  shots = _shots(RunDirectory(workdir))
  _print_table(workdir, shots)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == '.md':
      shown = _write_table(path, shots, width or _TABLE_WIDTH)
    else:
      shown = animation.write(path, shots, seconds, width)
    size = in_bytes(path.stat().st_size)
  except OSError as error:
    raise UserError(f'cannot write {path}: {reason(error)}; name another --out') from None
  if suffix == '.md':
    print(f'wrote {path}: {shown} of {len(shots)} grids, pictures in {_folder(path)}')
  else:
    print(f'wrote {path}: {shown} of {len(shots)} grids in {seconds:g} s, {size}')


def _shots(run):
  run.read_settings()  # there is a run
  grids = run.fakes()
  if not grids:
    raise UserError(f'there is no grid in {run.path} yet: the first comes with the first step')
  history = History(run.stats)
  history.update()
  if run.stats.fault is not None:
    print(f'warning: {run.stats.fault}', file=sys.stderr)
  return [Shot(kimg, history.elapsed_at(kimg), path) for kimg, path in grids]


def _print_table(workdir: pathlib.Path, shots: Sequence[Shot]) -> None:
  shown = animation.evenly(len(shots), _PRINTED)
  rows = [(_elapsed(shots[i]), _kimg(shots[i]), shots[i].path.name) for i in shown]
  print('\n'.join(aligned([('elapsed', 'kimg', 'grid'), *rows], '>><')))
  if len(shown) < len(shots):
    print(f'({len(shown)} of the {len(shots)} grids in {workdir})')


def _write_table(path: pathlib.Path, shots: Sequence[Shot], width: int) -> int:
  """The pictures first, then the table, so that it never names one that is not there."""
  folder = _folder(path)
  folder.mkdir(exist_ok=True)
  chosen = [shots[i] for i in animation.evenly(len(shots), _TABLE_ROWS)]
  lines = ['| training time | kimg | images |', '| ---: | ---: | --- |']
  names = set()
  for shot in chosen:
    image = pictures.shrunk(pictures.load(shot.path), width)
    name = f'{shot.path.stem}.jpg'
    with files.replacing(folder / name) as file:
      image.save(file, format='JPEG', quality=90, subsampling=0)
    names.add(name)
    link = urllib.parse.quote(f'{folder.name}/{name}')
    lines.append(f'| {_elapsed(shot)} | {_kimg(shot)} | ![after {_kimg(shot)} kimg]({link}) |')
  with files.replacing(path) as file:
    file.write(('\n'.join(lines) + '\n').encode())
  for old in folder.iterdir():
    if _PICTURE.fullmatch(old.name) and old.name not in names:
      old.unlink()  # of an earlier table of this name
  return len(chosen)


def _folder(path):
  return path.with_name(f'{path.stem}_grids')


def _elapsed(shot):
  return '?' if shot.elapsed is None else clock(shot.elapsed)


def _kimg(shot):
  return animation.in_kimg(shot.kimg).removesuffix(' kimg')
