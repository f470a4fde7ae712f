"""The explorer's HTTP server: what the page may ask for, and who may ask.

Only this machine can connect, as the socket is bound to the loopback address. That does not keep
out the other pages of the browser that runs here, so each request is checked as well: the name that
the browser calls this server by (`Host`, against DNS rebinding), the page that sent it (`Origin`
and `Sec-Fetch-Site`), and the form of what it brings (JSON, which pages of other origins cannot
send unasked). No file is named by a request: assets are in memory, pictures have numbers.
"""

import importlib.resources
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from tornado import web

from stylegan2_jax.errors import UserError
from stylegan2_jax.explorer.explorer import Explorer
from stylegan2_jax.explorer.newest import Busy, NewestFirst, Superseded
from stylegan2_jax.words import one_line

HOST = '127.0.0.1'
MAX_BODY = 1 << 16
_NAMES = (HOST, 'localhost')
_TYPES = {'html': 'text/html', 'css': 'text/css', 'js': 'text/javascript', 'svg': 'image/svg+xml'}
_HEADERS = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; "
  "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
  "frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Server': 'explorer',
}


def application(explorer: Explorer) -> web.Application:
  """The explorer as a web application. Drawing and finding directions have a thread each."""
  folder = importlib.resources.files('stylegan2_jax.explorer') / 'assets'
  assets = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
  shared = {
    'explorer': explorer,
    'drawing': NewestFirst('drawing'),
    'finding': NewestFirst('finding'),
    'session': secrets.token_hex(8),  # tells the page that this is another server than before
  }
  return web.Application(
    [
      ('/', _Page, {'assets': assets}),
      (r'/assets/([a-z]+\.[a-z]+)', _Asset, {'assets': assets}),
      ('/state', _State),
      ('/picture', _Picture),
      ('/directions', _Directions),
      ('/snippet', _Snippet),
      ('/favourites', _Favourites),
      (r'/favourites/(\d{1,9})', _Favourite),
      (r'/favourites/(\d{1,9})\.png', _Thumbnail),
      ('/favourites.json', _Download),
    ],
    default_handler_class=_Handler,
    log_function=lambda handler: None,
    **shared,
  )


class _Handler(web.RequestHandler):
  """Checks who asks; complains in one line of JSON. By itself the answer to unknown paths."""

  def set_default_headers(self):
    for name, value in _HEADERS.items():
      self.set_header(name, value)

  def prepare(self):
    host = self.request.headers.get('Host', '')
    if re.sub(r':\d{1,5}$', '', host) not in _NAMES:
      raise web.HTTPError(403, reason=f'This server is called {HOST}')
    origin = self.request.headers.get('Origin')
    if origin not in (None, f'http://{host}') or not self._is_own_page():
      raise web.HTTPError(403, reason='Requests of other pages are refused')
    if type(self) is _Handler:
      raise web.HTTPError(404)

  def _is_own_page(self):
    return self.request.headers.get('Sec-Fetch-Site', 'none') in ('none', 'same-origin')

  def write_error(self, status_code, **kwargs):
    error = kwargs.get('exc_info', (None, None))[1]  # none where Tornado refuses by itself
    if isinstance(error, UserError):
      self.set_status(400)
      self.finish({'error': str(error)})
    elif isinstance(error, Superseded):
      self.set_status(409)
      self.finish({'error': 'a newer request took its place'})
    elif isinstance(error, Busy):
      self.set_status(503)
      self.finish({'error': 'too many requests wait: close other pages of the explorer'})
    else:
      self.finish({'error': self._reason})

  def log_exception(self, typ, value, tb):
    if not isinstance(value, UserError | Superseded | Busy | web.HTTPError):
      super().log_exception(typ, value, tb)

  def body(self) -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
      UserError: it is none.
    """
    if self.request.headers.get('Content-Type', '').partition(';')[0] != 'application/json':
      raise UserError('send JSON, with Content-Type: application/json')
    try:
      data = json.loads(self.request.body)
    except (ValueError, RecursionError):
      raise UserError('the request is no JSON') from None
    if not isinstance(data, dict):
      raise UserError('the request must be a JSON object')
    return data


class _Page(_Handler):
  def initialize(self, assets):
    self._assets = assets

  def _is_own_page(self):
    """Links lead here from anywhere, frames do not."""
    return self.request.headers.get('Sec-Fetch-Dest', 'document') == 'document'

  def get(self):
    self.set_header('Content-Type', 'text/html; charset=utf-8')
    self.finish(self._assets['index.html'])


class _Asset(_Handler):
  def initialize(self, assets):
    self._assets = assets

  def get(self, name):
    if name not in self._assets:
      raise web.HTTPError(404)
    self.set_header('Content-Type', f'{_TYPES[name.rpartition(".")[2]]}; charset=utf-8')
    self.finish(self._assets[name])


class _Working(_Handler):
  """A handler that has the explorer, and threads for what takes long."""

  @property
  def explorer(self) -> Explorer:
    return self.settings['explorer']

  async def done(self, thread: str, function: Callable[[], Any], stream: str | None = None) -> Any:
    """What the function returns, in a thread by name; without a stream nothing takes its place."""
    return await self.settings[thread].ask(stream or secrets.token_hex(8), function)


class _State(_Working):
  def get(self):
    self.finish({**self.explorer.facts(), 'session': self.settings['session']})


class _Picture(_Working):
  async def post(self):
    data = self.body()
    view, stream = self.explorer.view(data.get('view')), f'picture {one_line(data.get("stream"))}'
    png, seconds = await self.done('drawing', lambda: _timed(self.explorer.picture, view), stream)
    self.set_header('Content-Type', 'image/png')
    self.set_header('X-Milliseconds', f'{1000 * seconds:.1f}')
    self.finish(png)


class _Directions(_Working):
  async def post(self):
    chosen = self.explorer.set_of_directions(self.body())
    self.finish(await self.done('finding', lambda: self.explorer.directions(*chosen)))


class _Snippet(_Working):
  def post(self):
    self.finish({'snippet': self.explorer.snippet(self.explorer.view(self.body().get('view')))})


class _Favourites(_Working):
  async def post(self):
    view = self.explorer.view(self.body().get('view'))
    self.finish(await self.done('drawing', lambda: self.explorer.add_favourite(view)))


class _Favourite(_Working):
  async def delete(self, number):
    remove = self.explorer.remove_favourite
    self.finish(await self.done('drawing', lambda: remove(int(number))))


class _Thumbnail(_Working):
  def get(self, number):
    png = self.explorer.favourites.thumbnail(int(number))
    if png is None:
      raise web.HTTPError(404)
    self.set_header('Content-Type', 'image/png')
    self.finish(png)


class _Download(_Working):
  def get(self):
    self.set_header('Content-Type', 'application/json')
    self.set_header('Content-Disposition', 'attachment; filename="favourites.json"')
    self.finish(self.explorer.favourites.text())


def _timed(function, *arguments):
  """(what it returns, seconds)."""
  begin = time.perf_counter()
  result = function(*arguments)
  return result, time.perf_counter() - begin
