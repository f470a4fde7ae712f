"""`launch.py explore`: loads a model, serves the page that explores it, opens a browser."""

import asyncio
import errno
import os
import pathlib
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable

from tornado import httpserver

from stylegan2_jax.api import StyleGAN2
from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer import server
from stylegan2_jax.explorer.explorer import Explorer
from stylegan2_jax.explorer.favourites import Favourites
from stylegan2_jax.words import reason

PORT, _PORTS = 8765, 20  # the first that is tried where none is asked for, and how many


def explore_command(
  model: str | os.PathLike,
  step: int | None = None,
  port: int | None = None,
  browser: bool = True,
  favourites: str | os.PathLike | None = None,
) -> None:
  """Serves a page that explores a model, on this machine only, until Ctrl-C.

  Args:
    model: what `StyleGAN2.load` takes.
    step: a saved step; None is the newest.
    port: where to listen; None takes the first free one from 8765 on, 0 any.
    browser: whether to open one, where there is a screen.
    favourites: folder to keep favourites in; None: `favourites` in the run's folder, or
      NAME-favourites beside a file.

  Raises:
    UserError: the model does not load, or the port is taken.
  """
  sockets = listen(port)
  try:
    explorer = load(model, step, favourites)
    asyncio.run(serve(explorer, sockets, _open_browser if browser else lambda url: None))
  except KeyboardInterrupt:
    print('\nthe explorer has ended')
  finally:
    for each in sockets:
      each.close()


def load(
  model: str | os.PathLike, step: int | None, favourites: str | os.PathLike | None
) -> Explorer:
  """The explorer of a model; see `explore_command`."""
  path = pathlib.Path(model)
  folder = path.parent / f'{path.stem}-favourites'
  if path.is_dir() and path.parent.name == 'checkpoints' and path.name.isdecimal():
    folder, step = path.parent.parent / 'favourites', int(path.name) if step is None else step
  elif path.is_dir():
    folder = path / 'favourites'
    if step is None:
      step = max(StyleGAN2.list_checkpoints(path), default=None)
  gan = StyleGAN2.load(path, step, discriminator=False)
  return Explorer(gan, path, step, Favourites(pathlib.Path(favourites or folder)))


def listen(port: int | None) -> list[socket.socket]:
  """Sockets of the loopback address alone.

  Raises:
    UserError: the port is taken.
  """
  tried = range(PORT, PORT + _PORTS) if port is None else [port]
  for number in tried:
    try:
      return [_listening(number)]
    except OSError as error:
      if error.errno != errno.EADDRINUSE:
        raise UserError(
          f'cannot listen on port {number}: {reason(error)}; name another --port'
        ) from None
  if port is None:
    return [_listening(0)]
  raise UserError(f'port {port} is taken: name another --port, or leave it out')


async def serve(
  explorer: Explorer, sockets: list[socket.socket], open_page: Callable[[str], object]
) -> None:
  """Serves until cancelled. `open_page` is called with the address, before anything is compiled."""
  application = server.application(explorer)
  listening = httpserver.HTTPServer(application, max_body_size=server.MAX_BODY)
  try:
    listening.add_sockets(sockets)
    url = f'http://{server.HOST}:{sockets[0].getsockname()[1]}/'
    print(f'exploring {explorer.title} at {url} (Ctrl-C ends)', flush=True)
    open_page(url)
    begin = time.perf_counter()
    await application.settings['drawing'].ask('warm up', explorer.warm_up)
    print(f'ready to draw after {time.perf_counter() - begin:.1f} s', flush=True)
    await asyncio.Event().wait()
  finally:
    listening.stop()
    await listening.close_all_connections()
    for thread in ('drawing', 'finding'):
      application.settings[thread].close()


def _listening(port):
  found = socket.create_server((server.HOST, port))
  found.setblocking(False)
  return found


def _open_browser(url):
  """Where there is a screen: elsewhere a browser would be one of text, which takes the terminal.

  Returns the thread that does it, if any.
  """
  has_screen = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
  if not has_screen and sys.platform not in ('darwin', 'win32'):
    return None
  thread = threading.Thread(target=webbrowser.open, args=(url,), daemon=True)
  thread.start()
  return thread
