"""One thing at a time; of those that wait for the same purpose, only the newest."""

import asyncio
from collections.abc import Callable
from concurrent import futures
from typing import Any

_MAX_WAITING = 64


class Superseded(Exception):
  """A newer request of the same stream made this one needless."""


class Busy(Exception):
  """More streams wait than any page can have."""


class NewestFirst:
  """Runs functions for an event loop, one after another in a thread of its own.

  A slider that is dragged asks for more pictures than can be drawn. Each request belongs to a
  stream, such as one picture of one page, of which at most one waits: a newer one takes its place.
  """

  def __init__(self, name: str):
    self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix=name)
    self._waiting: dict[str, tuple[Callable[[], Any], asyncio.Future]] = {}
    self._working: asyncio.Task | None = None

  def ask(self, stream: str, function: Callable[[], Any]) -> asyncio.Future:
    """What the function returns or raises, to be awaited; `Superseded` if it never had its turn.

    Raises:
      Busy: too many streams wait.
    """
    if stream in self._waiting:
      self._waiting[stream][1].set_exception(Superseded())
    elif len(self._waiting) >= _MAX_WAITING:
      raise Busy
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    self._waiting[stream] = function, answer  # in the place of the older one
    if self._working is None:
      self._working = loop.create_task(self._work())
    return answer

  def close(self) -> None:
    """Begins nothing more."""
    self._thread.shutdown(wait=False, cancel_futures=True)

  async def _work(self):
    loop = asyncio.get_running_loop()
    while self._waiting:
      function, answer = self._waiting.pop(next(iter(self._waiting)))
      try:
        result = await loop.run_in_executor(self._thread, function)
      except Exception as error:
        answer.set_exception(error)
      else:
        answer.set_result(result)
    self._working = None
