"""One projection in its folder: begun, interrupted, gone on with, finished."""

import contextlib
import csv
import dataclasses
import io
import os
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stylegan2_jax import files
from stylegan2_jax.errors import Preempted
from stylegan2_jax.images import save_png
from stylegan2_jax.tools import projection_pictures as pictures
from stylegan2_jax.tools.output import writing
from stylegan2_jax.tools.projection_files import ProjectionFolder, digest, read_projection
from stylegan2_jax.tools.projection_report import Report
from stylegan2_jax.tools.projection_targets import Targets
from stylegan2_jax.tools.projector import Found, Projector, Snapshot
from stylegan2_jax.training.preemption import StopRequest
from stylegan2_jax.workdir_lock import WorkdirLock

_COMPARED = ('start_distance', 'distance', 'start_rmse', 'rmse')


class ProjectionRun:
  """Images on their way into a folder."""

  def __init__(
    self,
    projector: Projector,
    targets: Targets,
    label: np.ndarray | None,
    out: str | os.PathLike,
    save_seconds: float,
  ):
    """Touches nothing yet.

    Args:
      projector: the model, the settings and the distance.
      targets: the images and their names.
      label: [c_dim], of all images; None for unconditional models.
      out: the folder.
      save_seconds: between two saves.
    """
    self._projector, self._targets, self._label = projector, targets, label
    self._folder, self._save_seconds = ProjectionFolder(pathlib.Path(out)), save_seconds
    self._asked = _asked(projector, targets, label)
    self._stop = StopRequest()

  def run(self, video: bool) -> None:
    """All that is left to do; `video` also writes a film.

    Raises:
      UserError: the folder holds another projection, is damaged, or cannot be written.
      Preempted: a signal asked it to stop; it has saved.
    """
    folder = self._folder
    with contextlib.ExitStack() as stack:
      stack.enter_context(writing(folder.path))
      begun = folder.check(self._asked)
      folder.path.mkdir(parents=True, exist_ok=True)
      lock = WorkdirLock(folder.lock_path, 'projection')
      lock.take()
      stack.callback(lock.close)
      if not begun:
        folder.forget()
        folder.write_json(self._asked)
      self._project()
      self._finish(video)

  def _project(self):
    """Every batch that is not done."""
    names, images = self._targets
    size, steps = self._projector.batch_size, self._projector.settings.steps
    starts = range(0, len(names), size)
    left = [b for b, at in enumerate(starts) if not self._is_done(names[at : at + size])]
    if not left:
      print('all images are projected')
      return
    report = Report(self._asked, len(names), len(starts), steps)
    with self._stop.listening(), report:
      compiled = False
      for number in left:
        chosen = slice(starts[number], starts[number] + size)
        labels = None
        if self._label is not None:
          labels = np.tile(self._label, (len(names[chosen]), 1))
        batch = self._projector.batch(images[chosen], labels)
        snapshot = self._projector.begin(batch)
        snapshot = self._folder.restore(number, snapshot) or snapshot
        if not compiled:
          report.compiling(lambda batch=batch: self._projector.compile(batch))
          compiled = True
        report.begin(number, int(snapshot.progress.step))
        self._stop.begin_steps()
        self._saved = time.monotonic()
        after = self._after(number, report)
        snapshot = self._projector.run(batch, snapshot, after)
        self._write(names[chosen], self._projector.results(batch, snapshot))

  def _is_done(self, names):
    return all(self._folder.npz_path(name).is_file() for name in names)

  def _after(self, number: int, report: Report) -> Callable[[Snapshot], None]:
    """What happens between two pieces of the steps."""

    def after(snapshot):
      step = int(snapshot.progress.step)
      report.at(step, np.asarray(snapshot.progress.distances[step - 1]))
      asked = self._stop.made
      if asked or time.monotonic() - self._saved >= self._save_seconds:
        self._folder.save(number, snapshot)
        self._saved = time.monotonic()
      if asked:
        report.stopped(step)
        raise Preempted

    return after

  def _write(self, names: Sequence[str], results: Sequence[Found]) -> None:
    for name, found in zip(names, results, strict=True):
      save_png(self._folder.image_path(name), found.image)
      self._folder.write_found(name, found)  # last: then it is done
    self._folder.forget()

  def _finish(self, video):
    """What is made of all images together."""
    folder, names = self._folder, self._targets.names
    found = [read_projection(folder.npz_path(name)) for name in names]
    rows = [_numbers(name, f) for name, f in zip(names, found, strict=True)]
    folder.write_json(self._asked, rows)
    _write_csv(folder.csv_path, rows)
    save_png(folder.sheet_path, pictures.comparison(names, found))
    if video:
      steps = self._projector.settings.steps
      pictures.film(folder.video_path, self._projector.gan, found, steps)
      print(f'wrote {folder.video_path}')
    print(f'wrote {len(found)} images into {folder.path}; {folder.sheet_path} compares them')
    print(_summary(found, self._asked['settings']['distance']))


def _asked(projector: Projector, targets: Targets, label) -> dict[str, Any]:
  """What has to be the same where an interrupted projection goes on."""
  gan, distance = projector.gan, projector.distance
  settings = {
    **dataclasses.asdict(projector.settings),
    'distance': distance.name,
    'weights': digest(distance),
    'class': None if label is None else label.tolist(),
    'model': digest(gan.params['generator']),
    'batch_size': projector.batch_size,
  }
  pairs = zip(targets.names, targets.images, strict=True)
  return {
    'settings': settings,
    'images': [{'name': name, 'pixels': digest(image)} for name, image in pairs],
  }


def _numbers(name: str, found: Found) -> dict[str, Any]:
  """A line of distances.csv."""
  return {
    'name': name,
    'distance': round(found.distance, 6),
    'mean_w_distance': round(found.start_distance, 6),
    'rmse': round(found.rmse, 4),
    'mean_w_rmse': round(found.start_rmse, 4),
  }


def _write_csv(path, rows):
  text = io.StringIO()
  writer = csv.DictWriter(text, rows[0], lineterminator='\n')
  writer.writeheader()
  writer.writerows(rows)
  with files.replacing(path) as file:
    file.write(text.getvalue().encode())


def _summary(found, distance):
  """How much closer the images are than that of the mean w."""
  means = [np.mean([getattr(f, key) for f in found]) for key in _COMPARED]
  start, end, start_rmse, rmse = means
  return (
    f'{distance} distance {start:.4f} -> {end:.4f}, '
    f'rmse {start_rmse:.1f} -> {rmse:.1f} grey levels, from the image of the mean w'
  )
