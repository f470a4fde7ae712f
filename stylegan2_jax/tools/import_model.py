"""`launch.py import`: a model of another project's file becomes an ordinary run's folder."""

import contextlib
import dataclasses
import os
import pathlib
import shutil

import jax

from stylegan2_jax.errors import TrainingFailed, UserError
from stylegan2_jax.importers.imported import Imported
from stylegan2_jax.importers.read import read_model
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.saving import CheckpointWriter
from stylegan2_jax.words import reason

STEP = 0  # of the checkpoint


def import_command(path: str | os.PathLike, workdir: str | os.PathLike) -> None:
  """Imports a model and says what it is.

  Args:
    path: a file that `importers.read` knows.
    workdir: folder to make.

  Raises:
    UserError: the file cannot be imported, or the folder is there already or cannot be written.
  """
  workdir = pathlib.Path(workdir)
  _check_free(workdir)
  imported = read_model(path)
  write_run(imported, workdir)
  for line in _description(imported):
    print(line)
  print(f'wrote {workdir}; {workdir / "NOTICE.txt"} says where the weights are from')
  print(f'now: python launch.py sample --workdir={workdir} --psi=0.7')


def write_run(imported: Imported, workdir: pathlib.Path) -> None:
  """Writes the folder of a run, whole or not at all: config, one checkpoint, the notice.

  The checkpoint has no training to go on with; of that part it holds G itself, if the file did,
  with which fine-tuning begins.

  Raises:
    UserError: something is there, or it cannot be written.
  """
  _check_free(workdir)
  settings, labels = imported.settings, imported.labels
  temporary = workdir.absolute().with_name(f'.{workdir.name}.importing-{os.getpid()}')
  parts = {
    'generator': {
      'ema_params': imported.ema_params,
      'w_avg': imported.w_avg,
      'noise_maps': imported.noise_maps,
    }
  }
  if imported.d_params is not None:
    parts['discriminator'] = {'d_params': imported.d_params}
  if imported.g_params is not None:
    parts['training'] = {'g_params': imported.g_params}
  info = {
    'kimg': 0.0,
    'c_dim': labels.c_dim,
    'class_names': list(labels.class_names),
    'component_names': list(labels.component_names),
    'config': dataclasses.asdict(settings),
    'data': {'step': STEP},
    'imported': True,
    'notice': imported.notice,
  }
  try:
    temporary.parent.mkdir(parents=True, exist_ok=True)
    with RunDirectory(temporary).open(settings) as run:
      run.notice_path.write_text(imported.notice, encoding='utf-8')
      run.log_path.unlink()
      with contextlib.closing(CheckpointWriter(run.checkpoints_path, keep=1)) as writer:
        writer.save_parts(STEP, parts, info)
        writer.wait()
    if workdir.is_dir():
      workdir.rmdir()  # it is empty
    temporary.rename(workdir)
  except TrainingFailed as error:  # of the checkpoint; what caused it says more here
    cause = reason(error.__cause__ or error, 160)
    raise UserError(f'cannot write {workdir}: {cause}; make room, or name another') from None
  except OSError as error:
    raise UserError(f'cannot write {workdir}: {reason(error)}; name another --workdir') from None
  finally:
    shutil.rmtree(temporary, ignore_errors=True)


def _check_free(workdir: pathlib.Path) -> None:
  if workdir.is_symlink() or (workdir.exists() and not workdir.is_dir()):
    raise UserError(f'{workdir} is a file or a link: name a new folder for --workdir')
  if workdir.is_dir() and any(workdir.iterdir()):
    raise UserError(f'{workdir} is not empty: name a new folder for --workdir')


def _description(imported: Imported) -> list[str]:
  data = imported.settings.data
  counts = [
    f'{name} {sum(x.size for x in jax.tree.leaves(tree)):,} parameters'
    for name, tree in (('G', imported.ema_params), ('D', imported.d_params))
    if tree is not None
  ]
  labels = f'{imported.c_dim} classes' if imported.c_dim else 'unconditional'
  lines = [
    f'{imported.kind}: {data.resolution}x{data.resolution}x{data.channels}, {labels}, '
    + ', '.join(counts)
  ]
  if imported.absent():
    lines.append(f'the file lacks {" and ".join(imported.absent())}')
  return [*lines, *imported.remarks]
