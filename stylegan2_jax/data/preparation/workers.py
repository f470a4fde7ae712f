"""Converting pictures in several processes: in order, in bounded memory, whatever they do.

Processes, not threads: a decoder that dies of a hostile file, or of too little memory, takes its
process with it, and the picture is reported instead.
"""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool

from stylegan2_jax.data.inputs.base import Picture, Problem
from stylegan2_jax.data.preparation.conversion import Conversion, Converted, convert
from stylegan2_jax.errors import UserError

_TASK_PICTURES = 64  # converted at one go: handing over costs as much as a small picture
_TASK_BYTES = 2**22
_TASKS_PER_WORKER = 3  # under way or waiting
_CRASHED = Problem('ends its decoder (a crash, or too little memory)')

Done = tuple[Picture, Converted | Problem]


def convert_all(
  pictures: Iterable[Picture], conversion: Conversion, workers: int
) -> Iterator[Done]:
  """Each picture with what became of it, in order.

  Args:
    pictures: read as results are taken, a few tasks ahead.
    conversion: what to do.
    workers: processes; 0 converts in this one.
  """
  if workers == 0:
    for picture in pictures:
      yield picture, _convert(picture.content, conversion)
    return
  pool = _Pool(conversion, workers)
  try:
    waiting: deque = deque()
    for task in _tasks(pictures):
      waiting.append((task, pool.submit(task)))
      if len(waiting) >= _TASKS_PER_WORKER * workers:
        yield from pool.finish(waiting)
    while waiting:
      yield from pool.finish(waiting)
  finally:
    pool.close()


class _Pool:
  """A pool of processes that is replaced when one dies."""

  def __init__(self, conversion, workers):
    self._conversion, self._workers = conversion, workers
    self._pool = _new_pool(workers)

  def submit(self, task):
    """A future; None if the pool is broken, which `finish` deals with."""
    try:
      return self._pool.submit(_convert_task, [p.content for p in task], self._conversion)
    except BrokenProcessPool:
      return None

  def finish(self, waiting):
    """The results of the oldest task, as a list of pairs."""
    task, future = waiting.popleft()
    try:
      results = future.result() if future else None
    except BrokenProcessPool:
      results = None
    if results is None:
      results = self._one_by_one(task)
      self.close()
      self._pool = _new_pool(self._workers)
      again = [(other, self.submit(other)) for other, _ in waiting]
      waiting.clear()
      waiting.extend(again)
    return list(zip(task, results, strict=True))

  def _one_by_one(self, task):
    """Converts each picture by itself, in a process that nothing else depends on."""
    results, pool = [], _working_pool()
    for picture in task:
      try:
        results += pool.submit(_convert_task, [picture.content], self._conversion).result()
      except BrokenProcessPool:
        results.append(_CRASHED)
        pool.shutdown()
        pool = _working_pool()
    pool.shutdown()
    return results

  def close(self):
    self._pool.shutdown(wait=True, cancel_futures=True)


def apart(function, *args):
  """The result of function(*args) in a process of its own; None if that dies of it."""
  with _working_pool() as pool:
    try:
      return pool.submit(function, *args).result()
    except BrokenProcessPool:
      return None


def _working_pool():
  """A pool of one process that is known to work: if it dies, it is of what it was given."""
  pool = _new_pool(1)
  try:
    pool.submit(_nothing).result()
  except BrokenProcessPool as error:
    raise UserError(
      'cannot start processes to convert images (too little memory, or a script without '
      "`if __name__ == '__main__':`): use fewer --workers, or 0"
    ) from error
  return pool


def _new_pool(workers):
  # Not forked: the parent has threads. A fresh process imports this module and its few needs.
  context = multiprocessing.get_context('spawn')
  pool = concurrent.futures.ProcessPoolExecutor(workers, context, initializer=_initialize)
  # The first task starts all processes. They inherit that Ctrl-C is not for them, from before
  # they can say so themselves.
  old = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
  try:
    pool.submit(_nothing)
  except OSError as error:
    raise UserError(
      f'cannot start processes to convert images ({error.strerror}): use fewer --workers, or 0'
    ) from error
  finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, old)
  return pool


def _nothing():
  """A task that succeeds wherever processes start."""


def _tasks(pictures):
  """Cuts the row of pictures into lists of bounded number and size."""
  task, size = [], 0
  for picture in pictures:
    task.append(picture)
    size += 0 if isinstance(picture.content, Problem) else memoryview(picture.content).nbytes
    if len(task) >= _TASK_PICTURES or size >= _TASK_BYTES:
      yield task
      task, size = [], 0
  if task:
    yield task


def _initialize():
  """In a new process: Ctrl-C is the parent's business, and its end is this one's."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
  multiprocessing.parent_process().join()
  os._exit(1)  # killed, it could not say so


def _convert_task(contents, conversion):
  return [_convert(content, conversion) for content in contents]


def _convert(content, conversion):
  return content if isinstance(content, Problem) else convert(content, conversion)
