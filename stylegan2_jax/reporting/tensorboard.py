"""Scalars, grids and the config for TensorBoard, without TensorFlow.

The axis `step` is the number of real images shown: whole, whatever the batch, so that no two points
share a place and runs of different batch size can be laid upon each other. (The official code has
kimg there, of which short runs have few.)

The records are written here and now, not by a `SummaryWriter`: that hands them to a thread, and
when the thread has met a full disk, training would wait for it for ever.
"""

import contextlib
import io
import pathlib
import time
from collections.abc import Mapping

from tensorboardX import RecordWriter, summary
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from stylegan2_jax import config as config_lib
from stylegan2_jax.reporting import pictures
from stylegan2_jax.reporting.base import Watcher
from stylegan2_jax.reporting.ticks import Ticks
from stylegan2_jax.run_directory import RunDirectory
from stylegan2_jax.settings import Settings

_MAX_WIDTH = 1024  # pixels of a grid
_FLUSH_SECONDS = 10.0
_SPEED = {
  'images_per_second',
  'seconds',
  'data_wait_seconds',
  'elapsed_seconds',
  'memory_gib',
  'device_memory_gib',
}


class TensorBoard(Watcher):
  """Writes one events file for each start of the run.

  A start tells TensorBoard to forget what earlier files have of later steps, which will be done
  again, so that no point is there twice.
  """

  name = 'TensorBoard'

  def __init__(self, run: RunDirectory, settings: Settings, about: Mapping[str, str], kimg: float):
    """Begins a file in the run's folder; training begins at `kimg`.

    Raises:
      OSError: it cannot be written.
    """
    self._ticks = Ticks(settings.log.scalars_kimg, kimg)
    folder = run.tensorboard_path.absolute()  # the writer takes what looks like s3:... for a URL
    folder.mkdir(exist_ok=True)
    self._writer = RecordWriter(str(_next_file(folder)))
    try:
      # After the last step; from the beginning even before the first grid.
      self._head(_images(kimg) + 1 if kimg else 0, settings, about)
    except BaseException:
      with contextlib.suppress(OSError):  # what could not be written cannot now either
        self._writer.close()
      raise

  def record(self, record: Mapping) -> None:
    """Writes the means of a stretch when it is full."""
    tick = self._ticks.add(record)
    if tick is not None:
      self._scalars(tick)
      if time.monotonic() - self._flushed > _FLUSH_SECONDS:
        self._flush()

  def picture(self, kimg: float, path: pathlib.Path) -> None:
    """Writes the grid, at most 1024 pixels wide."""
    image = pictures.shrunk(pictures.load(path), _MAX_WIDTH)
    buffer = io.BytesIO()
    image.save(buffer, 'png')
    content = Summary.Image(
      width=image.width,
      height=image.height,
      colorspace=len(image.getbands()),
      encoded_image_string=buffer.getvalue(),
    )
    self._write(_images(kimg), summary=Summary(value=[Summary.Value(tag='fakes', image=content)]))
    self._flush()

  def measured(self, record: Mapping) -> None:
    """Writes its values."""
    values = [
      Summary.Value(tag=f'metrics/{name}', simple_value=value)
      for name, value in record['values'].items()
    ]
    self._write(_images(record['kimg']), summary=Summary(value=values))
    self._flush()

  def snapshot(self) -> None:
    """Writes the stretch as far as it has come: a run that goes on from here begins another."""
    self._rest()
    self._flush()

  def close(self) -> None:
    """Writes what is left."""
    try:
      self._rest()
    finally:
      self._writer.close()

  def _head(self, step, settings, about):
    self._write(0, file_version='brain.Event:2')
    self._write(step, session_log=SessionLog(status=SessionLog.START))
    self._write(step, summary=summary.text('config', _table(config_lib.flatten(settings))))
    self._write(step, summary=summary.text('about', _table(about)))
    self._flush()

  def _rest(self):
    tick = self._ticks.take()
    if tick is not None:
      self._scalars(tick)

  def _scalars(self, tick):
    values = [
      Summary.Value(tag=f'{"speed" if name in _SPEED else "training"}/{name}', simple_value=value)
      for name, value in tick.items()
      if name not in ('step', 'kimg')
    ]
    self._write(_images(tick['kimg']), summary=Summary(value=values))

  def _write(self, step, **content):
    event = Event(wall_time=time.time(), step=step, **content)
    self._writer.write(event.SerializeToString())

  def _flush(self):
    self._writer.flush()
    self._flushed = time.monotonic()


def _next_file(folder):
  """Its name sorts after the others' whatever the clock says: TensorBoard reads in that order."""
  numbers = [int(name.name.split('.')[1]) for name in folder.glob('events.*.tfevents')]
  return folder / f'events.{max(numbers, default=0) + 1:06d}.tfevents'


def _images(kimg):
  return round(1000 * kimg)


def _table(values):
  """Markdown, which TensorBoard shows as a table."""
  rows = [f'| {name} | `{str(value).replace("|", "/")}` |' for name, value in values.items()]
  return '\n'.join(['| | |', '| --- | --- |', *rows])
