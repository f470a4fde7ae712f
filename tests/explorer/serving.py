"""The explorer's server, in a thread of the test or as a process; and plain requests."""

import asyncio
import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import threading
from typing import NamedTuple

from stylegan2_jax.explorer import serve
from tests import quick

ROOT = pathlib.Path(__file__).parents[2]


class Answer(NamedTuple):
  status: int
  headers: dict
  body: bytes

  @property
  def json(self):
    return json.loads(self.body)


@contextlib.contextmanager
def in_thread(model, step=None, favourites=None, port=0):
  """(port, Explorer) of a model that is served until the block ends."""
  explorer = serve.load(model, step, favourites)
  sockets, listening, ended = serve.listen(port), threading.Event(), []

  async def main():
    ended.append((asyncio.get_running_loop(), asyncio.current_task()))
    with contextlib.suppress(asyncio.CancelledError):
      await serve.serve(explorer, sockets, lambda url: listening.set())

  thread = threading.Thread(target=lambda: asyncio.run(main()))
  thread.start()
  try:
    assert listening.wait(60)
    yield sockets[0].getsockname()[1], explorer
  finally:
    loop, task = ended[0]
    loop.call_soon_threadsafe(task.cancel)
    thread.join()
    for each in sockets:
      each.close()


@contextlib.contextmanager
def as_process(*flags, cwd):
  """(port, process) of `launch.py explore`, ready to draw; it is ended with the block."""
  environ = quick.environment()
  command = [sys.executable, ROOT / 'launch.py', 'explore', '--no_browser', *flags]
  with subprocess.Popen(
    command, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
  ) as process:
    try:
      line = process.stdout.readline()
      address = re.search(r'http://127\.0\.0\.1:(\d+)/', line)
      assert address, line + process.stderr.read()
      assert process.stdout.readline().startswith('ready to draw after ')
      yield int(address[1]), process
    finally:
      process.kill()
      process.wait()


def request(port, path, data=None, method=None, headers=None) -> Answer:
  """One request; `data` is sent as JSON, bytes as they are."""
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
  body = data if data is None or isinstance(data, bytes) else json.dumps(data)
  sent = {} if data is None else {'Content-Type': 'application/json'}
  try:
    method = method or ('GET' if data is None else 'POST')
    connection.request(method, path, body, {**sent, **(headers or {})})
    response = connection.getresponse()
    return Answer(response.status, dict(response.headers), response.read())
  finally:
    connection.close()
