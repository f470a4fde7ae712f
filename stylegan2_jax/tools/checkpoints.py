"""`launch.py checkpoints`: the saved steps of a run, a line each."""

import datetime
import os

from stylegan2_jax.errors import UserError
from stylegan2_jax.run_directory import RunDirectory, saved_steps
from stylegan2_jax.tools.tables import aligned, in_bytes

_HEAD = ('step', 'kimg', 'saved', 'size', '')


def checkpoints_command(workdir: str | os.PathLike) -> None:
  """Prints each saved step with its kimg, time and size, and why it stays, if it does.

  `list_checkpoints` of model_files.py gives the steps alone.

  Raises:
    UserError: there is no run, or it has not saved anything.
  """
  run = RunDirectory(workdir)
  settings = run.read_settings()
  steps = saved_steps(run.checkpoints_path)
  if not steps:
    raise UserError(f'there is no checkpoint in {run.checkpoints_path}: train first')
  best = run.metrics.best(settings.metrics, steps)
  rows = [
    _row(run.checkpoints_path / str(step), step * settings.train.batch_size / 1000, best)
    for step in steps
  ]
  print('\n'.join(aligned([_HEAD, *rows], '>><><')))


def _row(folder, kimg, best):
  files = [path for path in folder.rglob('*') if path.is_file()]
  saved = datetime.datetime.fromtimestamp(folder.stat().st_mtime)  # in the reader's time zone
  size = in_bytes(sum(path.stat().st_size for path in files))
  notes = ['stays for good'] if (folder / 'kept').exists() else []
  if best is not None and folder.name == str(best.step):
    notes.append(f'best: {best.name} {best.value:.4g}')
  return folder.name, f'{kimg:g}', f'{saved:%Y-%m-%d %H:%M}', size, ', '.join(notes)
